import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Command, Outcome } from '../../../lib/types.js';
import { compileSinkRules } from '../../../lib/worker/attempt/classify.js';
import { supervise } from '../../../lib/worker/attempt/supervise.js';
import { DIRECT } from '../../../lib/worker/launch/direct.js';
import type { Launcher } from '../../../lib/worker/launch/launcher.js';
import { command, fixture, shell } from '../../support/commands.js';
import { allLaunchers, closeAll } from '../../support/launchers.js';

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'atd-start-'));
});
after(() => rmSync(directory, { recursive: true }));

const launchers = await allLaunchers();
after(() => closeAll(launchers));

function runBy(launcher: Launcher, wanted: Command): Promise<Outcome> {
  return supervise(wanted, {
    launcher,
    sink: compileSinkRules({ exitCodes: [], patterns: [] }),
    onStarted: () => {},
    onSignalled: () => {},
    onLine: null,
    onRequest: () => {},
  });
}

/** Runs a program that tells what it was given. */
async function toldBy(launcher: Launcher, args: readonly string[], env: Readonly<Record<string, string>>) {
  const file = join(directory, 'told.json');
  const wanted = command(process.execPath, [fixture('tell.mjs'), file, ...args], { env });
  const outcome = await runBy(launcher, wanted);
  assert.equal(outcome.result, 'succeeded', outcome.reason);
  const said = JSON.parse(readFileSync(file, 'utf8')) as { args: string[]; env: Record<string, string> };
  // Node hands it on by itself where coverage is measured.
  const { NODE_V8_COVERAGE: _, ...seen } = said.env;
  return { args: said.args, env: seen, wanted };
}

for (const launcher of launchers) {
  describe(`supervise by ${launcher.name}: what the child is given`, () => {
    const run = (wanted: Command) => runBy(launcher, wanted);
    const told = (args: readonly string[], env: Readonly<Record<string, string>>) => toldBy(launcher, args, env);

    it('hands arguments on unchanged, whatever characters are in them', async () => {
      const everyCharacter = Array.from({ length: 0x2ff }, (_, i) => String.fromCodePoint(i + 1)).join('');
      const args = [
        '',
        ' ',
        '"',
        "'",
        '`id`',
        '$(id)',
        '$HOME',
        '; exit 1',
        'a\nb',
        '--',
        '-',
        '*',
        '\\',
        '日本 🦀',
        everyCharacter,
      ];
      assert.deepEqual((await told(args, {})).args, args);
    });

    it('gives the child exactly the environment of the command', async () => {
      const { env, wanted } = await told([], { ODD: 'a=b\n"c" é', EMPTY: '' });
      assert.deepEqual(env, wanted.env);
    });

    it('looks a bare name up on the PATH of the child', async () => {
      const tool = join(directory, 'atd-tool');
      writeFileSync(tool, '#!/bin/sh\nexit 9\n', { mode: 0o755 });
      const outcome = await run(command('atd-tool', [], { env: { PATH: `${directory}:/usr/bin:/bin` } }));
      assert.equal(outcome.exitCode, 9);
    });
  });

  describe(`supervise by ${launcher.name}: a child that cannot be started`, () => {
    const run = (wanted: Command) => runBy(launcher, wanted);

    it('blames the service when there is no executable', async () => {
      const outcome = await run(command(join(directory, 'none'), ['--password', 'hunter2']));
      assert.equal(outcome.result, 'service-fault');
      assert.match(outcome.reason, /ENOENT/);
      assert.doesNotMatch(JSON.stringify(outcome), /hunter2/);
    });

    it('blames the service when the executable may not be executed', async () => {
      const file = join(directory, 'plain');
      writeFileSync(file, '#!/bin/sh\nexit 0\n', { mode: 0o644 });
      const outcome = await run(command(file, []));
      assert.equal(outcome.result, 'service-fault');
      assert.match(outcome.reason, /EACCES/);
    });

    it('blames the service when the executable is empty, which a shell would call a success', async () => {
      const file = join(directory, `empty-${launcher.name}`);
      writeFileSync(file, '', { mode: 0o755 });
      const outcome = await run(command(file, []));
      assert.deepEqual([outcome.result, outcome.exitCode], ['service-fault', null], outcome.reason);
      assert.match(outcome.reason, /ENOEXEC/);
    });

    it('blames the service when the executable is a directory', async () => {
      const outcome = await run(command(directory, []));
      assert.equal(outcome.result, 'service-fault');
    });

    it('blames the machine when the executable is being written', async () => {
      const file = join(directory, 'busy');
      copyFileSync('/bin/true', file);
      chmodSync(file, 0o755);
      const writer = openSync(file, 'r+');
      const outcome = await run(command(file, []));
      closeSync(writer);
      assert.equal(outcome.result, 'machine-fault');
      assert.match(outcome.reason, /ETXTBSY/);
      assert.equal((await run(command(file, []))).result, 'succeeded');
    });

    it('blames the job when its arguments are too long or contain a NUL', async () => {
      const long = await run(command('/bin/true', ['x'.repeat(256 * 1024)]));
      assert.deepEqual([long.result, /E2BIG/.test(long.reason)], ['failed', true]);
      assert.equal((await run(command('/bin/true', ['a\0b']))).result, 'failed');
    });
  });
}

describe('supervise: the file to load', () => {
  const load = (file: string, allowedRoots: string[] = []) =>
    runBy(DIRECT, shell('exit 0', { input: { file, allowedRoots } }));

  it('refuses a file that is not there, before it starts anything', async () => {
    const outcome = await load(join(directory, 'none.parquet'));
    assert.deepEqual([outcome.result, outcome.exitCode], ['file-missing', null]);
    assert.match(outcome.reason, /no such file: .*none\.parquet/);
    assert.equal((await load(join(fixture('tell.mjs'), 'below-a-file'))).result, 'file-missing');
  });

  it('refuses what is not a regular file', async () => {
    for (const file of [directory, '/dev/null']) assert.equal((await load(file)).result, 'path-denied');
    const loop = join(directory, 'loop');
    symlinkSync(loop, loop);
    assert.equal((await load(loop)).result, 'path-denied');
  });

  it('follows links before it compares with the allowed roots', async () => {
    const root = join(directory, 'root');
    mkdirSync(root);
    writeFileSync(join(root, 'inside'), '');
    writeFileSync(join(directory, 'outside'), '');
    symlinkSync(join(directory, 'outside'), join(root, 'way-out'));
    assert.equal((await load(join(root, 'inside'), [root])).result, 'succeeded');
    assert.equal((await load(join(root, 'way-out'), [root])).result, 'path-denied');
    assert.equal((await load(join(root, '..', 'outside'), [root])).result, 'path-denied');
  });
});
