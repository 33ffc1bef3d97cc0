import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { lastLine, shorten, stripControl, tailOf } from '../../lib/util/safe-text.js';
import { countLineEnds, LineSplitter } from '../../lib/worker/output/line-splitter.js';
import { patience } from '../support/processes.js';

const SAFE_TEXT = new URL('../../lib/util/safe-text.js', import.meta.url).href;
const encode = (text: string) => new TextEncoder().encode(text);

function split(chunks: readonly Uint8Array[], maxBytes = 100): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter(maxBytes, (line) => lines.push(line));
  for (const chunk of chunks) splitter.push(chunk);
  splitter.flush();
  return lines;
}

describe('LineSplitter', () => {
  it('splits at LF and CR LF and keeps empty lines and the last half line', () => {
    assert.deepEqual(split([encode('a\r\nb\n\nc')]), ['a', 'b', '', 'c']);
    assert.deepEqual(split([encode('a\n')]), ['a']);
    assert.deepEqual(split([]), []);
  });

  it('gives the same lines wherever the bytes are torn', () => {
    const bytes = encode('né €\r\n🦀 crab\nlast');
    for (let at = 0; at <= bytes.length; at++) {
      assert.deepEqual(
        split([bytes.subarray(0, at), bytes.subarray(at)]),
        ['né €', '🦀 crab', 'last'],
        `torn at ${at}`,
      );
    }
    assert.deepEqual(split(Array.from(bytes, (byte) => Uint8Array.of(byte))), ['né €', '🦀 crab', 'last']);
  });

  it('cuts a line that is too long and goes on with the next', () => {
    assert.deepEqual(split([encode('0123456789\nnext\n')], 4), ['0123…', 'next']);
    assert.deepEqual(split([encode('01'), encode('23'), encode('45'), encode('6')], 4), ['0123…']);
    assert.deepEqual(split([encode('0123\n')], 4), ['0123']);
  });

  it('does not cut through a character', () => {
    assert.deepEqual(split([encode('ab€€\n')], 4), ['ab…']);
  });

  it('shows bytes that are not UTF-8 as replacement characters', () => {
    assert.deepEqual(split([Uint8Array.of(0xff, 0x61, 0xc3, 0x0a, 0x62)]), ['\ufffda\ufffd', 'b']);
  });
});

describe('stripControl', () => {
  it('removes ANSI escapes', () => {
    assert.equal(
      stripControl('\u001b[1;31mred\u001b[0m \u001b[2K\u001b]0;title\u0007ok\u001b(B \u009b31mx'),
      'red ok x',
    );
    assert.equal(stripControl('\u001bPdevice\u001b\\after'), 'after');
    assert.equal(stripControl('\u001b]0;never ended'), '0;never ended');
  });

  it('leaves nothing that starts a new line or hides text', () => {
    assert.equal(stripControl('a\nb\r\nc\td\u2028e'), 'a b c d e');
    assert.equal(stripControl('a\u0000b\u0008c\u007fd\u202ee\u200bf'), 'abcdef');
    for (let code = 0; code < 0xa0; code++) {
      const stripped = stripControl(`x${String.fromCharCode(code)}y`);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      assert.doesNotMatch(stripped, /[\u0000-\u001f\u007f-\u009f]/, `code ${code}`);
    }
  });

  it('keeps letters of all scripts', () => {
    assert.equal(stripControl('Grüße 日本 🦀'), 'Grüße 日本 🦀');
  });

  it('comes to an end with a hostile text of any length', () => {
    // Some tenths of a second. With steps in proportion to the square of the length it would be hours, on any machine;
    // in a process of its own, because nothing else can interrupt it.
    const script = `
      const { stripControl } = await import(${JSON.stringify(SAFE_TEXT)});
      const length = 4_000_000;
      stripControl('\\u001b]'.repeat(length));
      stripControl('\\u001b]' + 'x'.repeat(length) + '\\u001b]' + 'x'.repeat(length));
      stripControl('\\u001b[' + '0;'.repeat(length));
      stripControl('\\u001b[' + ' '.repeat(length));
      stripControl('\\u001b' + '(\\u001b'.repeat(length));`;
    const { status, signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: patience(60_000),
      killSignal: 'SIGKILL',
    });
    assert.deepEqual([status, signal], [0, null], stderr);
  });
});

describe('the last lines', () => {
  it('finds the last line that shows anything', () => {
    assert.equal(lastLine('first\nlast\n\u001b[0m\n  \n'), 'last');
    assert.equal(lastLine('\n\n'), '');
  });

  it('joins the last lines and keeps at most so many bytes of them', () => {
    assert.equal(tailOf('a\r\nb\n\nc\n', 100), 'a | b | c');
    assert.equal(tailOf('0123456789', 4), '6789');
    assert.equal(tailOf('a€€', 5), '€');
    assert.ok(new TextEncoder().encode(tailOf('é\n'.repeat(100_000), 2048)).length <= 2048);
  });

  it('shortens without tearing a surrogate pair', () => {
    assert.equal(shorten('abcdef', 6), 'abcdef');
    assert.equal(shorten('abcdefg', 6), 'abcde…');
    assert.equal(shorten('ab🦀cd', 4), 'ab…');
  });

  it('counts line ends', () => {
    assert.equal(countLineEnds(encode('a\nb\n\nc')), 3);
  });
});
