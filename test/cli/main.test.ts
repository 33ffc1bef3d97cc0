import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runCli } from '../support/cli.js';
import { PACKAGE_ROOT } from '../support/package-root.js';

const COMMANDS = [
  'run',
  'drain',
  'emit',
  'reconcile',
  'status',
  'top',
  'dead-letters',
  'loads',
  'pause',
  'resume',
  'reload',
  'check-config',
  'doctor',
];

describe('atd-ingestion', () => {
  it('shows its commands with --help, and its options with the help of a command', async () => {
    const overview = await runCli(['--help']);
    assert.equal(overview.code, 0);
    for (const command of COMMANDS) assert.match(overview.stdout, new RegExp(`^  ${command} `, 'm'));
    for (const command of COMMANDS) {
      const { code, stdout, stderr } = await runCli([command, '-h']);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^Usage: atd-ingestion /);
      assert.match(stdout, /^ {2}-c, --config FILE +settings file/m);
    }
  });

  it('shows its version', async () => {
    const { version } = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as { version: string };
    assert.deepEqual(await runCli(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
  });

  const MISUSE: readonly (readonly [args: string[], says: RegExp])[] = [
    [['rnu'], /unknown command rnu; did you mean run\?$/],
    [['check-confg'], /unknown command check-confg; did you mean check-config\?$/],
    [['frobnicate'], /unknown command frobnicate; commands: run, emit, reconcile, dead-letters, /],
    [['constructor'], /unknown command constructor; commands: /],
    [['--confg', 'x'], /unknown option --confg; did you mean --config\?$/],
    [['emit', '--tenent', 'x'], /unknown option --tenent; did you mean --tenant\?$/],
    [['--frobnicate'], /unknown option --frobnicate$/],
    [['run', '--tenant', 'x'], /unknown option --tenant/],
    [['-x'], /unknown option --x/],
    [['--config'], /--config <value>' argument missing$/],
    [['--help=yes'], /--help' does not take an argument$/],
    [['run', 'extra'], /Unexpected argument 'extra'/],
    [['check-config', 'extra'], /Unexpected argument 'extra'/],
  ];
  for (const [args, says] of MISUSE) {
    it(`refuses ${args.join(' ')} with one line and exit code 64`, async () => {
      const { code, stdout, stderr } = await runCli(args);
      assert.equal(code, 64, stderr);
      assert.equal(stdout, '');
      assert.match(stderr.trimEnd(), says);
      assert.match(stderr, /^atd-ingestion: [^\n]+\n$/);
    });
  }
});
