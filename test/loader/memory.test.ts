/** The loader's memory does not grow with the file: what it holds at most, as the kernel counts it for its process. */
import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { FULL, ONLY_FULL } from '../faults/seed.js';
import { type Bench, startBench } from './as-cli.js';
import { readPeak, tellPeak } from './peak.js';

const MB = 1024 * 1024;
const SCHEMA = '{"id": "Int64", "text": "String"}';
const LIMIT = 150 * MB;

let bench: Bench;

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

const LINE = `{"id":1,"text":"${'x'.repeat(1000)}"}\n`;
const LINES_OF_A_PIECE = 1_000;

async function writeLines(name: string, bytes: number): Promise<{ readonly file: string; readonly rows: number }> {
  const piece = LINE.repeat(LINES_OF_A_PIECE);
  const pieces = Math.ceil(bytes / piece.length);
  const handle = await open(bench.path(name), 'w');
  for (let i = 0; i < pieces; i++) await handle.write(piece);
  await handle.close();
  return { file: bench.path(name), rows: pieces * LINES_OF_A_PIECE };
}

async function peakOfLoad(name: string, bytes: number, compress?: 'gz' | 'zst'): Promise<number> {
  const { file: plain, rows } = await writeLines(name, bytes);
  const file = compress === undefined ? plain : await bench.compress(plain, compress);
  const schema = await bench.write('memory.json', SCHEMA);
  const args = ['--create-table', '--schema-file', schema, '--json'];
  const status = bench.path(`${name}.status`);
  const { code, stdout, stderr } = await bench.load(file, name.replaceAll('.', '_'), args, tellPeak(status));
  assert.equal(code, 0, stderr);
  assert.equal((JSON.parse(stdout) as { rows: number }).rows, rows);
  return await readPeak(status);
}

for (const compress of [undefined, 'gz', 'zst'] as const) {
  test(`three times the file is no more memory${compress ? `, compressed as ${compress}` : ''}`, async (t) => {
    // More than V8 lets pile up before it looks for garbage, which newer versions do later.
    const small = await peakOfLoad(`small${compress ?? ''}.jsonl`, 100 * MB, compress);
    const large = await peakOfLoad(`large${compress ?? ''}.jsonl`, 300 * MB, compress);
    t.diagnostic(`at most ${Math.round(small / MB)} MB of 100 MB, ${Math.round(large / MB)} MB of 300 MB`);
    assert.ok(large < small + 40 * MB, `${large} after ${small}`);
    assert.ok(large < LIMIT, `${large}`);
  });
}

test('a file of 1 GB is loaded within 150 MB', { ...ONLY_FULL, timeout: 900_000 }, async (t) => {
  assert.ok(FULL);
  const peak = await peakOfLoad('gigabyte.jsonl', 1_000 * MB);
  t.diagnostic(`at most ${Math.round(peak / MB)} MB`);
  assert.ok(peak < LIMIT, `${peak}`);
});
