import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SETTINGS } from '../../../lib/config/schema.js';
import { compileStdoutFailures } from '../../../lib/worker/attempt/classify.js';
import { type FailurePatterns, FailureWatch } from '../../../lib/worker/output/failure-watch.js';
import { seededRandom } from '../../support/random.js';

const DEFAULTS = compileStdoutFailures({
  failurePatterns: SETTINGS.as_cli.failure_patterns.default,
  successPattern: SETTINGS.as_cli.success_pattern.default,
}) as FailurePatterns;

function watch(chunks: readonly Uint8Array[], patterns = DEFAULTS): string | null {
  const watching = new FailureWatch(patterns);
  for (const chunk of chunks) watching.push(chunk);
  watching.end();
  return watching.text();
}

/** Both as a whole and cut between any two bytes, which must make no difference. */
function textOf(output: string): string | null {
  const bytes = Buffer.from(output);
  const whole = watch([bytes]);
  assert.equal(watch(Array.from(bytes, (byte) => Uint8Array.of(byte))), whole, 'byte by byte');
  const random = seededRandom(1);
  for (let round = 0; round < 20; round += 1) {
    const at = Math.floor(random.next() * bytes.length);
    assert.equal(watch([bytes.subarray(0, at), bytes.subarray(at)]), whole, `cut at ${at}`);
  }
  return whole;
}

const FAILURES: Readonly<Record<string, readonly [output: string, text: string]>> = {
  'a line of its own': ['Error: no\n', 'Error: no\n'],
  'the last line without an end': ['reading\nError: no', 'Error: no\n'],
  'all lines from it on': ['a\nError: no\n  b\n\nc\n', 'Error: no\n  b\nc\n'],
  'a line after a bar of carriage returns': ['10 %\r90 %\rError: no\r\n', 'Error: no\n'],
  'mixed line ends': ['a\r\nb\rc\nError: no\r\r\nd', 'Error: no\nd\n'],
  'a coloured one': ['\u001b[1;31mError:\u001b[0m no\n', 'Error: no\n'],
  'a colour before and an erased line': ['\u001b[2K\u001b[GError: no\n', 'Error: no\n'],
  'a window title before it': ['\u001b]0;loading\u0007Error: no\n', 'Error: no\n'],
  'a byte-order mark before it': ['\ufeffError: no\n', 'Error: no\n'],
  'an error followed by a log line': ['Error: no\nINFO Loaded the settings\n', 'Error: no\nINFO Loaded the settings\n'],
  'a success word inside the error': ['Error: not loaded\n', 'Error: not loaded\n'],
  'a success before it': ['Successfully connected\nError: no\n', 'Error: no\n'],
  'an error after a success after an error': ['Error: retrying\nLoaded 5\nError: no\n', 'Error: no\n'],
  'a success word that only begins a longer one': ['Error: no\nImportedly fine\n', 'Error: no\nImportedly fine\n'],
  'one after a bar of backspaces': ['10 %\b\b\b\b90 %\b\b\b\bError: no\n', 'Error: no\n'],
  'one after a spinner': ['| 10 %\u001b[2K\u001b[1GError: no\n', 'Error: no\n'],
  'one in a line that the cursor went up to': ['10 %\n20 %\u001b[1A\u001b[2KError: no', 'Error: no\n'],
  'one at a place on the screen': ['10 %\u001b[12;1HError: no', 'Error: no\n'],
  'a count of nothing after it': ['Error: no\nImported 0 rows\n', 'Error: no\nImported 0 rows\n'],
  'another count of nothing after it': ['Error: no\nInserted: 0 of 500\n', 'Error: no\nInserted: 0 of 500\n'],
  'a success with nothing': [
    'Error: no\n✅ Successfully imported 0 records',
    'Error: no\n✅ Successfully imported 0 records\n',
  ],
  'words for nothing after it': [
    'Error: no\nLoaded no rows\ninserted none',
    'Error: no\nLoaded no rows\ninserted none\n',
  ],
  'a failure as JSON': [
    '{\n  "success": false,\n  "error": "no",\n  "data": {\n    "inserted": 20\n  }\n}\n',
    '  "success": false,\n  "error": "no",\n  "data": {\n    "inserted": 20\n  }\n}\n',
  ],
  'a failure as JSON, named last': ['{\n  "error": "no",\n  "success": false\n}\n', '  "success": false\n}\n'],
  'a failure as JSON in one line': ['{"success": false, "error": "no"}\n', '{"success": false, "error": "no"}\n'],
  'a failure as YAML': ['error: no\nsuccess: false\n\n', 'success: false\n'],
  "a failure in Python's form": ["{'success': False, 'error': 'no'}\n", "{'success': False, 'error': 'no'}\n"],
  'letters of several bytes': ['é✓\nError: größer\n', 'Error: größer\n'],
};

const SUCCESSES: Readonly<Record<string, string>> = {
  'nothing at all': '',
  'an error that a success follows': 'Error: retrying\nSuccessfully imported 5\n',
  'a success after marks': 'Error: retrying\n  ✅ [*] LOADED: 5 rows\n',
  'a coloured success': 'Error: retrying\n\u001b[32m✓ inserted 5\u001b[0m',
  'a success at the end of a bar': 'Error: retrying\n10 %\rIngested 5',
  'a success with another word': 'Error: retrying\nSuccessfully finished\n',
  'a success that is a count': 'Error: retrying\nInserted: 05 rows\n',
  'a success of less than one': 'Error: retrying\nLoaded 0.5 million rows\n',
  'a success as JSON': '{\n  "success": true,\n  "data": {\n    "success": false\n  }\n}\n',
  'a row of the file as JSON': '{"user": "a", "success": false}\n',
  'an error inside a line': 'importing 10 % | Error: 0\nlast Error: none\n',
  'an error inside a bar': '\r10 % Error: 0\r90 % Error: 0\r',
  'a key that is named error': 'error: None\nErrors: 0\nERROR: 0\n',
};

describe('the watch over a loader that ends with 0', () => {
  for (const [what, [output, text]] of Object.entries(FAILURES)) {
    it(`finds ${what}`, () => assert.equal(textOf(output), text));
  }

  for (const [what, output] of Object.entries(SUCCESSES)) {
    it(`finds no failure in ${what}`, () => assert.equal(textOf(output), null));
  }

  it('finds an error in the middle of a flood, and keeps both ends of what follows', () => {
    const flood = Buffer.from('reading\n'.repeat(100_000));
    const text = watch([flood, Buffer.from('Error: no\n'), flood, Buffer.from('connection refused\n')]) as string;
    assert.ok(text.startsWith('Error: no\nreading\n') && text.endsWith('reading\nconnection refused\n'));
    assert.ok(text.length < 20_000, `${text.length} kept`);
  });

  it('looks at the beginning of a line without an end, and keeps no more of it', () => {
    const endless = Array.from({ length: 100 }, () => Buffer.alloc(64 * 1024, 'x'));
    assert.ok((watch([Buffer.from('Error: '), ...endless]) as string).length < 5_000);
    assert.equal(watch([...endless, Buffer.from('Error: no\n')]), null);
    assert.equal(watch([...endless, Buffer.from('\nError: no\n')]), 'Error: no\n');
  });

  it('has other words for other loaders', () => {
    const patterns = compileStdoutFailures({ failurePatterns: ['^FATAL\\b', 'rejected$'], successPattern: '^done$' });
    const other = (output: string) => watch([Buffer.from(output)], patterns as FailurePatterns);
    assert.equal(other('Error: no\n'), null);
    assert.equal(other('FATAL no\n'), 'FATAL no\n');
    assert.equal(other('5 rows rejected\nloaded\n'), '5 rows rejected\nloaded\n');
    assert.equal(other('FATAL no\nDone\n'), null);
  });
});
