/** What a load loads: every module is time that each file pays for. How long it takes is a benchmark's business. */
import assert from 'node:assert/strict';
import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { type Bench, run, startBench } from './as-cli.js';

let bench: Bench;

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

interface Modules {
  readonly files: readonly string[];
  readonly builtins: readonly string[];
}

const FIXTURES = join(PACKAGE_ROOT, 'test', 'fixtures');
const AS_CLI = join(PACKAGE_ROOT, 'bin', 'as-cli');

test('the bundle asks for nothing but modules of Node', async () => {
  const bundle = await readFile(join(PACKAGE_ROOT, 'dist', 'as-cli.js'), 'utf8');
  const required = [...bundle.matchAll(/\brequire\("([^"]+)"\)/g)].map((match) => match[1] as string);
  assert.ok(required.includes('node:net'), required.join(', '));
  assert.deepEqual(
    required.filter((name) => !name.startsWith('node:')),
    [],
  );
  assert.doesNotMatch(bundle, /\bimport\(/);
});

test('a load loads one file, and of Node what a socket needs', async () => {
  const listed = bench.path('modules.json');
  const env = { NODE_OPTIONS: `--require=${join(FIXTURES, 'loaded-modules.cjs')}`, LOADED_MODULES: listed };
  const modules = async (): Promise<Modules> => JSON.parse(await readFile(listed, 'utf8')) as Modules;
  const empty = await run(process.execPath, ['--eval', '0'], env);
  assert.equal(empty.code, 0, empty.stderr);
  const before = new Set((await modules()).builtins);

  const file = await bench.write('a.csv', 'a,b\n1,2\n');
  const token = { ATD_DEDUP_TOKEN: 't/0/1/0', ATD_OUTPUT: 'json' };
  for (let loads = 0; loads < 2; loads++) {
    const ended = await bench.load(file, 'modules', ['--create-table'], { ...env, ...token });
    assert.equal(ended.code, 0, ended.stderr);
  }
  const { files, builtins } = await modules();
  assert.deepEqual(
    files.filter((name) => !name.startsWith(FIXTURES)),
    [await realpath(AS_CLI)],
  );
  // What `net` is made of, apart from modules that Node keeps to itself.
  const known = ['net', 'diagnostics_channel', 'stream', 'stream/promises', 'string_decoder', 'vm'];
  const added = builtins.filter((name) => !before.has(name) && !name.startsWith('internal/'));
  assert.deepEqual(
    added.filter((name) => !known.includes(name)),
    [],
  );
});
