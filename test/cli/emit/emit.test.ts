import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { runCli, temporaryDirectory } from '../../support/cli.js';
import { PACKAGE_ROOT } from '../../support/package-root.js';

/** `acme/a.csv`, `acme/deep/b.parquet`, `globex/c.csv`, `.hidden.csv`, and a directory without files. */
function tree(t: TestContext): string {
  const directory = temporaryDirectory(t);
  for (const name of ['acme/deep', 'globex', 'empty']) mkdirSync(join(directory, name), { recursive: true });
  for (const name of ['acme/a.csv', 'acme/deep/b.parquet', 'globex/c.csv', '.hidden.csv']) {
    writeFileSync(join(directory, name), 'n\n1\n');
  }
  return directory;
}

interface Dry {
  readonly files: readonly {
    readonly filename: string;
    readonly tenant: string | null;
    readonly format: string | null;
  }[];
  readonly refused: readonly { readonly path: string; readonly why: string }[];
}

async function dry(args: readonly string[], env = {}): Promise<Dry & { readonly code: number | string }> {
  const { code, stdout, stderr } = await runCli(['emit', ...args, '--dry-run', '--json'], env);
  assert.equal(stderr, '');
  return { code, ...(JSON.parse(stdout) as Dry) };
}

describe('atd-ingestion emit: which files', () => {
  const CASES: readonly (readonly [args: readonly string[], files: readonly string[]])[] = [
    [
      ['-r', '.'],
      ['acme/a.csv', 'acme/deep/b.parquet', 'globex/c.csv'],
    ],
    [
      ['globex/c.csv', 'acme/a.csv', 'globex/c.csv'],
      ['globex/c.csv', 'acme/a.csv'],
    ],
    [['*/*.csv'], ['acme/a.csv', 'globex/c.csv']],
    [['**/*.parquet'], ['acme/deep/b.parquet']],
    [['acme/**'], ['acme/a.csv', 'acme/deep/b.parquet']],
    [
      ['globex/[a-c].csv', '.hidden.csv'],
      ['globex/c.csv', '.hidden.csv'],
    ],
  ];
  for (const [args, files] of CASES) {
    it(`are those of ${args.join(' ')}`, async (t) => {
      const directory = tree(t);
      const found = await dry(args.map((arg) => (arg.startsWith('-') ? arg : join(directory, arg))));
      assert.deepEqual(
        found.files.map(({ filename }) => filename),
        files.map((file) => join(directory, file)),
      );
      assert.equal(found.code, 0);
    });
  }

  it('are those of a list on stdin, by lines or with NUL between them', (t) => {
    const directory = tree(t);
    const files = ['acme/a.csv', 'globex/c.csv'].map((name) => join(directory, name));
    for (const input of [`${files.join('\n')}\n`, files.join('\0')]) {
      const args = [join(PACKAGE_ROOT, 'bin/atd-ingestion'), 'emit', '-', '--dry-run', '--json'];
      const { stdout } = spawnSync(process.execPath, args, { input, encoding: 'utf8' });
      assert.deepEqual(
        (JSON.parse(stdout) as Dry).files.map(({ filename }) => filename),
        files,
      );
    }
  });

  it('have the tenant that their path says', async (t) => {
    const directory = tree(t);
    const byDirectory = await dry(['-r', directory, '--tenant-from', 'directory']);
    assert.deepEqual(
      byDirectory.files.map(({ tenant }) => tenant),
      ['acme', 'deep', 'globex'],
    );
    const byPattern = await dry(['-r', directory, '--tenant-from', `${directory}/{tenant}/**`]);
    assert.deepEqual(
      byPattern.files.map(({ tenant }) => tenant),
      ['acme', 'acme', 'globex'],
    );
    const partly = await dry(['-r', directory, '--tenant-from', '**/{tenant}/c.csv']);
    assert.deepEqual(
      [partly.files.map(({ tenant }) => tenant), partly.refused.length, partly.code],
      [['globex'], 2, 1],
    );
  });
});

describe('atd-ingestion emit: what would be a dead letter', () => {
  it('is refused with its reason, before anything is announced, or left out, or announced all the same', async (t) => {
    const directory = tree(t);
    const bad = [join(directory, 'empty'), join(directory, 'gone'), `${directory}/acme/line\nfeed`];
    const { code, stdout, stderr } = await runCli(['emit', join(directory, 'acme/a.csv'), ...bad]);
    assert.deepEqual([code, stdout], [64, '']);
    assert.match(stderr, /^atd-ingestion: cannot announce 3 of 4 files, which would be given up:$/m);
    assert.match(stderr.replaceAll(/\n +/g, ' '), /empty is a directory, not a regular file; .*; add --recursive/);
    assert.match(stderr.replaceAll(/\n +/g, ' '), /no such file: \S+gone/);
    assert.match(stderr, /control character/);
    assert.match(stderr, /nothing was announced; --skip leaves such files out, --force announces them all the same$/m);
    const forced = await dry([...bad, '--force']);
    assert.deepEqual([forced.files.length, forced.refused.length], [3, 0]);
  });

  it('is judged by the settings that are at hand, links followed', async (t) => {
    const directory = tree(t);
    symlinkSync(join(directory, 'globex/c.csv'), join(directory, 'acme/link.csv'));
    const env = {
      ATD_INGEST_ALLOWED_ROOTS: join(directory, 'acme'),
      ATD_TENANTS_ALLOWED: 'acme',
    };
    const found = await dry([join(directory, 'acme/*.csv'), '--tenant', 'acme'], env);
    assert.deepEqual(
      found.files.map(({ filename }) => filename),
      [join(directory, 'acme/a.csv')],
    );
    assert.match(found.refused[0]?.why ?? '', /outside ingest\.allowed_roots/);
    for (const tenant of ['initech', 'A B']) {
      const denied = await dry([join(directory, 'acme/a.csv'), '--tenant', tenant], env);
      assert.match(denied.refused[0]?.why ?? '', /^tenant /);
    }
    const listed = join(directory, 'tenants');
    writeFileSync(listed, 'acme\n');
    const own = { ATD_TENANTS_ALLOWED_FILE: listed, ATD_TABLE_PREFIX: 'atd', ATD_LEDGER_TABLE: 'atd_acme' };
    const reserved = await dry([join(directory, 'acme/a.csv'), '--tenant', 'acme'], own);
    assert.match(reserved.refused[0]?.why ?? '', /atd_acme, is another one's/);
  });

  it('is a file that this user may not read', {
    skip: process.getuid?.() === 0 ? 'root reads all' : false,
  }, async (t) => {
    const directory = tree(t);
    chmodSync(join(directory, 'acme/a.csv'), 0);
    const { refused } = await dry([join(directory, 'acme/a.csv')]);
    assert.match(refused[0]?.why ?? '', /^this user may not read/);
  });
});

describe('atd-ingestion emit: usage', () => {
  const MISUSE: readonly (readonly [args: string[], says: RegExp])[] = [
    [[], /emit needs either the paths of files or --num-messages N, or --continue FILE$/],
    [['--num-messages', '3', '/a'], /emit needs either the paths of files or --num-messages N/],
    [['--num-messages', '0'], /--num-messages must be a whole number from 1 to 100000, not 0$/],
    [['-n', '-1'], /-n.*ambiguous/],
    [['-n', '1e3'], /--num-messages must be a whole number from 1 to 100000, not 1e3$/],
    [['-n', '100001'], /--num-messages must be a whole number from 1 to 100000, not 100001$/],
    [['-n', '1', '--rows', 'many'], /--rows must be a whole number from 1 to 10000000, not many$/],
    [['--lane', 'urgent', '-n', '1'], /--lane must be one of live, normal, backfill, not urgent$/],
    [['/no/such/file'], /cannot announce 1 of 1 file, .*\n {2}no such file: \/no\/such\/file\n/],
    [['/no/such/*.csv'], /cannot look into \/no\/such: ENOENT/],
    [['/etc/*.no-such-end'], /no file matches \/etc\/\*\.no-such-end$/],
    [['/a', '--tenant-from', 'nobody'], /--tenant-from nobody says nothing of a tenant; it is directory, or a pattern/],
    [
      ['/a', '--tenant', 'a', '--tenant-from', 'directory'],
      /a file has one tenant: give --tenant or --tenant-from, not both$/,
    ],
    [['/a', '--rate', '0'], /--rate 0 is no speed/],
    [['/a', '--timeout', 'long'], /--timeout long is no time/],
    [['--continue', '/etc/hostname'], /\/etc\/hostname is no state file of emit/],
    [['--continue', '/no/such/state'], /the state file \/no\/such\/state cannot be used: ENOENT/],
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
