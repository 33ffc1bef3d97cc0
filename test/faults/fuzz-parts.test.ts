/**
 * Each part that reads what others write, fed with anything: in `npm test` a fixed number of times, in `npm run test:faults` for a
 * minute each. And the same of copies with a bug in them, which has to be found by as few.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { PROPERTIES, type Properties } from '../support/fuzz-properties.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { FULL } from './seed.js';

const LIB = fileURLToPath(new URL('../../lib/', import.meta.url));
const SEED = Number(process.env['SEED'] ?? randomInt(2 ** 31));
const RUNS = 500;
/** Reading settings takes as long as many of the other things do. */
const DEAR_RUNS = 100;
const DEAR: ReadonlySet<string> = new Set(['config/load.js']);

function budgetOf(part: string): fc.Parameters<unknown> {
  if (FULL) return { numRuns: 2 ** 31 - 1, interruptAfterTimeLimit: 60_000 };
  return { numRuns: DEAR.has(part) ? DEAR_RUNS : RUNS };
}

type Part = keyof Properties;
type Make = (module: object) => fc.IProperty<unknown>;

/** What an afternoon's change may bring. Each is found with any seed: the cases that show it are common. */
const PLANTED: readonly (readonly [part: Part, what: string, from: string, to: string])[] = [
  [
    'core/rules/decode.js',
    'prefers the other name of a file',
    "own(message, 'filename') ?? own(message, 'file_path')",
    "own(message, 'file_path') ?? own(message, 'filename')",
  ],
  ['core/rules/decode.js', 'loads a file that is listed twice two times', '[...new Set(list)]', 'list'],
  [
    'core/rules/routing.js',
    'lets a root end within a name',
    'isUnder(found.realPath, root)',
    'found.realPath.startsWith(root)',
  ],
  ['core/rules/routing.js', 'lets a path have a NUL', 'CONTROL.test(file)', 'false'],
  ['core/rules/headers.js', 'hands on a trace without an end', '{0,128})?$/', '{0,128})?/'],
  ['core/rules/command.js', 'shows the password in both places', "passwordIn === 'environment')", "passwordIn !== '')"],
  ['core/rules/command.js', 'counts no attempts', 'String(attempt)', "'1'"],
  [
    'core/offsets/commit-metadata.js',
    'counts an offset too many',
    'writeLeb128(bytes, to - from)',
    'writeLeb128(bytes, to - from + 1)',
  ],
  ['config/load.js', 'shows a secret', "'(set)'", 'values.get(key)'],
  [
    'worker/launch/launcher-protocol.js',
    'loses a header that comes in two pieces',
    'this.#held = bytes;',
    'this.#held = Buffer.alloc(0);',
  ],
  ['loader/clickhouse/http-answer.js', 'loses a line that comes in two pieces', 'this.#pending = rest;', ''],
];

describe(`what others write, at random (SEED=${SEED})`, () => {
  for (const part of Object.keys(PROPERTIES) as Part[]) {
    it(`is read as it should be by lib/${part.replace(/js$/, 'ts')}`, async (t) => {
      const property = (PROPERTIES[part] as Make)((await import(pathToFileURL(join(LIB, part)).href)) as object);
      const details = await fc.check(property, { ...budgetOf(part), seed: SEED });
      t.diagnostic(`${details.numRuns} runs (SEED=${SEED} plays them again)`);
      if (details.failed) assert.fail(fc.defaultReportMessage(details) ?? 'it failed');
    });
  }
});

describe('a planted bug is found', () => {
  let directory: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'atd-planted-'));
    cpSync(LIB, join(directory, 'lib'), { recursive: true });
    cpSync(join(PACKAGE_ROOT, 'package.json'), join(directory, 'package.json'));
    symlinkSync(join(PACKAGE_ROOT, 'node_modules'), join(directory, 'node_modules'));
  });
  after(() => rmSync(directory, { recursive: true }));

  for (const [index, [part, what, from, to]] of PLANTED.entries()) {
    it(`one that ${what} (lib/${part.replace(/js$/, 'ts')})`, async () => {
      const source = readFileSync(join(LIB, part), 'utf8');
      assert.ok(source.includes(from), `${part} has no ${from} any more: plant another bug`);
      // Beside the original, so that it finds what it imports.
      const copy = join(directory, 'lib', part.replace(/\.js$/, `.planted-${index}.js`));
      writeFileSync(copy, source.replace(from, to));
      const property = (PROPERTIES[part] as Make)((await import(pathToFileURL(copy).href)) as object);
      const { failed } = await fc.check(property, { numRuns: 10 * RUNS, seed: SEED });
      assert.equal(failed, true, 'nothing was found');
    });
  }
});
