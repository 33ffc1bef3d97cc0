/** Completion, by the shells themselves as far as this machine has them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { COMMANDS, completables } from '../../../lib/cli/commands.js';
import { completionScript, type Shell } from '../../../lib/cli/completion/scripts.js';
import { runCli, temporaryDirectory } from '../../support/cli.js';

function has(shell: Shell): boolean {
  return spawnSync(shell, ['--version']).status === 0;
}

/** What bash offers for the last of these words. */
function offered(...words: readonly string[]): string[] {
  const given = words.map((word) => `'${word}'`).join(' ');
  const ask = `COMP_WORDS=(atd-ingestion ${given}); COMP_CWORD=${words.length}; _atd_ingestion; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', `${completionScript('bash', completables())}\n${ask}`], {
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  return stdout.split('\n').filter((line) => line !== '');
}

describe('atd-ingestion completion', () => {
  it('has bash offer commands, actions, options and files', () => {
    assert.deepEqual(offered('che'), ['check-config']);
    assert.deepEqual(offered('dlq', 're'), ['replay']);
    assert.deepEqual(offered('dead-letters', '--max'), ['--max-replays']);
    assert.deepEqual(offered('emit', '--tenant-'), ['--tenant-from']);
    assert.deepEqual(offered('run', '--config', '/etc/hostnam'), ['/etc/hostname']);
    assert.deepEqual(offered('emit', '/etc/hostnam'), ['/etc/hostname']);
    assert.ok(Object.keys(COMMANDS).every((name) => offered(name).includes(name)));
  });

  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    it(`names every command and option, and is one that ${shell} reads`, async (t) => {
      const { code, stdout, stderr } = await runCli(['completion', shell]);
      assert.deepEqual([code, stderr], [0, '']);
      for (const [name, { options }] of Object.entries(COMMANDS)) {
        assert.ok(stdout.includes(name), name);
        const before = shell === 'fish' ? '-l ' : '--';
        for (const option of Object.keys(options))
          assert.ok(stdout.includes(`${before}${option}`), `${name} ${option}`);
      }
      if (!has(shell)) return t.diagnostic(`this machine has no ${shell}: its syntax was not checked`);
      const file = join(temporaryDirectory(t), 'completion');
      writeFileSync(file, stdout);
      const read = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
      assert.deepEqual([read.status, read.stderr], [0, '']);
    });
  }

  it('knows three shells', async () => {
    const { code, stderr } = await runCli(['completion', 'zhs']);
    assert.equal(code, 64);
    assert.match(stderr, /completion is for a shell, not for "zhs"; did you mean zsh\?$/m);
    assert.match((await runCli(['completion'])).stderr, /one of bash, zsh, fish$/m);
  });
});
