/** The file of tenants that are let in, replaced in the ways in which editors, deployments and people replace files. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { loadConfig } from '../../lib/config/load.js';
import { AllowList } from '../../lib/service/allow-list.js';
import type { LogLine } from '../../lib/telemetry/log-lines.js';
import { waitUntil } from '../support/processes.js';

const DEADLINE_MS = 120_000;

interface Watching {
  readonly list: AllowList;
  /** What the file's list was, at each change. */
  readonly lists: string[];
  readonly lines: LogLine[];
}

function makeDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'atd-allow-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function watchList(t: TestContext, file: string, allowed = 'base'): Watching {
  const { config } = loadConfig({
    file: null,
    env: { ATD_TENANTS_ALLOWED_FILE: file, ALLOWED_TENANTS: allowed },
    args: {},
  });
  const [lists, lines]: [string[], LogLine[]] = [[], []];
  const list = new AllowList(config, {
    allowed: (tenants) => lists.push([...tenants].join(' ')),
    log: (line) => lines.push(line),
  });
  list.start();
  t.after(() => list.close());
  return { list, lists, lines };
}

/** Changes a list of one name, in its directory and by its path there, to one of `two`. */
const CHANGES: readonly (readonly [
  what: string,
  prepare: (directory: string) => string,
  change: (directory: string, file: string) => void,
])[] = [
  ['written in place', plainFile, (_, file) => writeFileSync(file, 'two\n')],
  [
    'replaced by another, as editors do',
    plainFile,
    (directory, file) => {
      writeFileSync(join(directory, '4913'), 'two\n');
      renameSync(join(directory, '4913'), file);
    },
  ],
  [
    'removed, and made anew',
    plainFile,
    (_, file) => {
      unlinkSync(file);
      writeFileSync(file, 'two\n');
    },
  ],
  [
    'a key of a ConfigMap',
    (directory) => {
      mkdirSync(join(directory, '..1'));
      writeFileSync(join(directory, '..1/allowed'), 'one\n');
      symlinkSync('..1', join(directory, '..data'));
      symlinkSync('..data/allowed', join(directory, 'allowed'));
      return join(directory, 'allowed');
    },
    (directory) => {
      mkdirSync(join(directory, '..2'));
      writeFileSync(join(directory, '..2/allowed'), 'two\n');
      symlinkSync('..2', join(directory, '..data_tmp'));
      renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
      rmSync(join(directory, '..1'), { recursive: true });
    },
  ],
  [
    'a link into another directory',
    (directory) => {
      mkdirSync(join(directory, 'elsewhere'));
      mkdirSync(join(directory, 'here'));
      writeFileSync(join(directory, 'elsewhere/allowed'), 'one\n');
      symlinkSync('../elsewhere/allowed', join(directory, 'here/allowed'));
      return join(directory, 'here/allowed');
    },
    (directory) => writeFileSync(join(directory, 'elsewhere/allowed'), 'two\n'),
  ],
  [
    'in a directory that is replaced as a whole',
    (directory) => {
      mkdirSync(join(directory, 'lists'));
      writeFileSync(join(directory, 'lists/allowed'), 'one\n');
      return join(directory, 'lists/allowed');
    },
    (directory) => {
      mkdirSync(join(directory, 'next'));
      writeFileSync(join(directory, 'next/allowed'), 'two\n');
      renameSync(join(directory, 'lists'), join(directory, 'former'));
      renameSync(join(directory, 'next'), join(directory, 'lists'));
    },
  ],
];

function plainFile(directory: string): string {
  const file = join(directory, 'allowed');
  writeFileSync(file, 'one\n');
  return file;
}

describe('a file of tenants', () => {
  for (const [what, prepare, change] of CHANGES) {
    it(`is read again when it is ${what}`, async (t) => {
      const directory = makeDirectory(t);
      const file = prepare(directory);
      const { list, lists, lines } = watchList(t, file);
      assert.deepEqual([...list.tenants], ['base', 'one']);
      change(directory, file);
      await waitUntil(() => list.tenants.has('two'), DEADLINE_MS, 'the list is the new one');
      assert.deepEqual(lists, ['base two']);
      assert.deepEqual([list.status()?.tenants, list.status()?.error], [2, null]);
      // It must be watched further, whatever stands there now.
      renameSync(writtenBeside(directory), file);
      await waitUntil(() => list.tenants.has('three'), DEADLINE_MS, 'the list is the third one');
      assert.deepEqual(
        lines.filter(({ level }) => level === 'error'),
        [],
      );
    });
  }

  const SENSELESS: readonly (readonly [what: string, breakIt: (file: string) => void, why: RegExp])[] = [
    ['gone', (file) => unlinkSync(file), /[Nn]o such file/],
    [
      'a directory',
      (file) => {
        unlinkSync(file);
        mkdirSync(file);
      },
      /no regular file/,
    ],
    ['empty', (file) => writeFileSync(file, ''), /names no tenant/],
    ['all comments', (file) => writeFileSync(file, '# one\n'), /names no tenant/],
    ['no list', (file) => writeFileSync(file, 'two\ntenants: [one]\n'), /line 2 \("tenants: \[one\]"\) is no tenant/],
    ['binary', (file) => writeFileSync(file, Buffer.from([0, 1, 2, 255])), /line 1 .* is no tenant/],
  ];
  for (const [what, breakIt, why] of SENSELESS) {
    it(`keeps the list from before while it is ${what}, and says so once`, async (t) => {
      const directory = makeDirectory(t);
      const file = plainFile(directory);
      const { list, lists, lines } = watchList(t, file);
      breakIt(file);
      await waitUntil(() => list.status()?.error !== null, DEADLINE_MS, 'the status says what is wrong');
      assert.match(list.status()?.error ?? '', why);
      assert.deepEqual([...list.tenants], ['base', 'one']);
      rmSync(file, { recursive: true, force: true });
      renameSync(writtenBeside(directory), file);
      await waitUntil(() => list.tenants.has('three'), DEADLINE_MS, 'the list is the new one');
      assert.equal(list.status()?.error, null);
      assert.deepEqual(lists, ['base three']);
      const said = lines.filter(({ fields }) => why.test(String(fields['reason'])));
      assert.deepEqual(
        said.map(({ level, event }) => [level, event]),
        [['error', 'tenants.unreadable']],
      );
      assert.equal(lines.at(-1)?.event, 'tenants.readable');
    });
  }

  it('that is put back as it was is in order again', async (t) => {
    const file = plainFile(makeDirectory(t));
    const { list, lines } = watchList(t, file);
    writeFileSync(file, '');
    await waitUntil(() => list.status()?.error !== null, DEADLINE_MS, 'the status says what is wrong');
    writeFileSync(file, 'one\n');
    await waitUntil(() => list.status()?.error === null, DEADLINE_MS, 'the status says that all is well');
    assert.deepEqual(
      lines.map(({ event }) => event),
      ['tenants.unreadable', 'tenants.readable'],
    );
  });

  it('is needed from the start where it is set, and names what is wrong', (t) => {
    const file = plainFile(makeDirectory(t));
    const { config } = loadConfig({ file: null, env: { ATD_TENANTS_ALLOWED_FILE: file }, args: {} });
    writeFileSync(file, 'x y\n');
    assert.throws(() => new AllowList(config, { allowed: () => undefined, log: () => undefined }), {
      code: 'ATD_CONFIG_INVALID',
      message: `tenants.allowed_file ${file} cannot be used: line 1 ("x y") is no tenant: 1 to 63 letters, digits and underscores`,
    });
  });

  it('stops the start, and the check of the configuration, where it is of no use', (t) => {
    const file = plainFile(makeDirectory(t));
    const start = () => loadConfig({ file: null, env: { ATD_TENANTS_ALLOWED_FILE: file }, args: {} });
    writeFileSync(file, '# nobody yet\n');
    assert.throws(
      start,
      new RegExp(
        `^AtdError: [^]*tenants\\.allowed_file ${file} cannot be used: it names no tenant; name a text file with one tenant a line$`,
      ),
    );
    unlinkSync(file);
    assert.throws(start, /tenants\.allowed_file cannot be read: ENOENT/);
  });

  it('is another one by other settings, which are watched, and the former no more', async (t) => {
    const directory = makeDirectory(t);
    const file = plainFile(directory);
    const { list, lists } = watchList(t, file);
    const other = join(directory, 'other');
    writeFileSync(other, 'two\n');
    const configured = (env: Readonly<Record<string, string>>) => loadConfig({ file: null, env, args: {} }).config;
    const take = list.prepare(configured({ ATD_TENANTS_ALLOWED_FILE: other, ALLOWED_TENANTS: 'base' }));
    assert.deepEqual([...list.tenants], ['base', 'one'], 'nothing has changed yet');
    take();
    assert.deepEqual([[...list.tenants], lists, list.status()?.file], [['base', 'two'], ['base two'], other]);
    writeFileSync(file, 'former\n');
    renameSync(writtenBeside(directory), other);
    await waitUntil(() => list.tenants.has('three'), DEADLINE_MS, 'the other file is watched');
    assert.ok(!lists.some((names) => names.includes('former')), lists.join('; '));
    list.prepare(configured({ ALLOWED_TENANTS: 'acme' }))();
    assert.deepEqual([[...list.tenants], list.status()], [['acme'], null]);
  });

  it('is no other one by the same settings', (t) => {
    const file = plainFile(makeDirectory(t));
    const { list, lists } = watchList(t, file);
    const env = { ATD_TENANTS_ALLOWED_FILE: file, ALLOWED_TENANTS: 'base', LOG_LEVEL: 'debug' };
    list.prepare(loadConfig({ file: null, env, args: {} }).config)();
    assert.deepEqual(lists, []);
  });

  it('is nothing where none is set', (t) => {
    const { config } = loadConfig({ file: null, env: { ALLOWED_TENANTS: 'Acme ,globex' }, args: {} });
    const list = new AllowList(config, { allowed: () => undefined, log: () => undefined });
    list.start();
    t.after(() => list.close());
    assert.deepEqual([[...list.tenants], list.status()], [['acme', 'globex'], null]);
  });
});

/** A list of a third name, to be put in the place of another one. */
function writtenBeside(directory: string): string {
  const file = join(directory, 'third');
  writeFileSync(file, 'three\n');
  return file;
}
