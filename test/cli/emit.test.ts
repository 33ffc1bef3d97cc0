import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runCli, temporaryDirectory } from '../support/cli.js';

describe('atd-ingestion emit: usage', () => {
  const MISUSE: readonly (readonly [args: string[], says: RegExp])[] = [
    [[], /emit needs either the paths of files or --num-messages N$/],
    [['--num-messages', '3', '/a'], /emit needs either the paths of files or --num-messages N$/],
    [['--num-messages', '0'], /--num-messages must be a whole number from 1 to 100000, not 0$/],
    [['-n', '-1'], /-n.*ambiguous/],
    [['-n', '1e3'], /--num-messages must be a whole number from 1 to 100000, not 1e3$/],
    [['-n', '100001'], /--num-messages must be a whole number from 1 to 100000, not 100001$/],
    [['-n', '1', '--rows', 'many'], /--rows must be a whole number from 1 to 10000000, not many$/],
    [['--lane', 'urgent', '-n', '1'], /--lane must be one of live, normal, backfill, not urgent$/],
    [['/no/such/file'], /cannot announce \/no\/such\/file: ENOENT/],
  ];
  for (const [args, says] of MISUSE) {
    it(`refuses emit ${args.join(' ')} with exit code 64`, async () => {
      const { code, stdout, stderr } = await runCli(['emit', ...args]);
      assert.deepEqual([code, stdout], [64, ''], stderr);
      assert.match(stderr.trimEnd(), says);
    });
  }

  it('makes no sample file when something about them is wrong', async (t) => {
    const directory = temporaryDirectory(t);
    await runCli(['emit', '-n', '2', '--rows', '0', '--dir', directory]);
    assert.deepEqual(readdirSync(directory), []);
  });

  it('is refused with 78 by a configuration that is not valid', async (t) => {
    const file = join(temporaryDirectory(t), 'a.csv');
    writeFileSync(file, 'a\n1\n');
    const { code, stderr } = await runCli(['emit', file, '--topic', '']);
    assert.equal(code, 78);
    assert.match(stderr, /kafka\.topic must not be empty/);
  });
});
