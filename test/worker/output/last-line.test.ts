import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Capture } from '../../../lib/worker/output/capture.js';
import { LastLine } from '../../../lib/worker/output/last-line.js';
import { maskOf } from '../../../lib/worker/output/secrets.js';

/** What is said last of these chunks, each of one of two outputs. */
function said(...chunks: readonly (readonly [output: 'stdout' | 'stderr', text: string])[]): string {
  const last = new LastLine(maskOf(['s3cret-word']));
  const captures = { stdout: new Capture(null), stderr: new Capture(null) };
  for (const [output, text] of chunks) {
    captures[output].push(new TextEncoder().encode(text));
    last.wrote(captures[output]);
  }
  return last.text();
}

describe('the last line of a child that runs', () => {
  it('is that of the output that it wrote to last, whole or not', () => {
    assert.equal(said(), '');
    assert.equal(said(['stdout', 'one\ntwo\n\n']), 'two');
    assert.equal(said(['stdout', 'one\n'], ['stderr', 'warning: x']), 'warning: x');
    assert.equal(said(['stderr', 'warning: x\n'], ['stdout', 'on']), 'on');
  });

  it('is the latest state of a bar that is drawn over itself', () => {
    assert.equal(said(['stderr', '\r10 %\r20 %\r\u001b[32m30 %\u001b[0m']), '30 %');
  });

  it('has no secret, no control character, and no more than fits into a line', () => {
    assert.equal(said(['stdout', 'password=s3cret-word;\u202e\u0007']), 'password=***;');
    assert.equal(said(['stdout', 's3cret\u001b[1m-word']), '***');
    assert.equal(said(['stdout', `${'x'.repeat(100_000)}s3cret-word`]).length, 200);
    // What is left of one where the end of the output begins.
    const torn = said(['stdout', `s3cret-word${' '.repeat(4_090)}.`]);
    assert.equal(torn, '*** '.trimEnd() + torn.slice(3));
    assert.doesNotMatch(torn, /word/);
  });
});
