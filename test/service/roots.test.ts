/** What was judged to be in `ingest.allowed_roots` is what is loaded, whatever becomes of its path meanwhile. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { queryRows } from '../sandbox/clickhouse-client.js';
import { startClickHouse } from '../sandbox/sandbox.js';
import { produce, readAll } from '../sandbox/topics.js';
import { createDatabase } from '../support/database.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { createPlace, type Place, type Settings, startService, writeScript } from '../support/service-process.js';

const AS_CLI = join(PACKAGE_ROOT, 'bin/as-cli');
const SWAPPER = join(PACKAGE_ROOT, 'test/fixtures/swap-directory.mjs');
const FILES = 60;
/** Names that no one would choose. */
const ODD_NAMES = [
  '-rf.csv',
  '%s%n%2e.csv',
  '$(id).csv',
  "'.csv",
  '--help',
  '..csv',
  '\u{1f600}.csv',
  `${'n'.repeat(251)}.csv`,
];

interface Scene {
  readonly place: Place;
  /** The allowed root, in which `current` is a link to `real`. */
  readonly root: string;
  readonly outside: string;
  readonly settings: Settings;
  readonly rows: () => Promise<Record<string, unknown>[]>;
}

/** `names` are files both in the root and outside it, which say in their one row where they are. */
async function setScene(t: TestContext, names: readonly string[]): Promise<Scene> {
  const clickHouse = await startClickHouse();
  t.after(() => clickHouse.stop());
  const place = await createPlace(t);
  const database = await createDatabase(t, place, clickHouse);
  const at = realpathSync(place.directory);
  const [root, outside] = [join(at, 'root'), join(at, 'outside')];
  for (const [directory, place] of [
    [join(root, 'real'), 'inside'],
    [outside, 'outside'],
  ] as const) {
    mkdirSync(directory, { recursive: true });
    for (const name of names) writeFileSync(join(directory, name), `v\n${place}\n`);
  }
  symlinkSync(join(root, 'real'), join(root, 'current'));
  const { host, port, user, password } = clickHouse;
  const settings = {
    clickhouse: { host, port, user, password, database },
    ingest: { allowed_roots: [root] },
    as_cli: { executable: AS_CLI, additional_args: ['--format=csv'] },
  };
  const rows = () =>
    queryRows(clickHouse, `SELECT v, count() AS files FROM ${database}.atd_logs GROUP BY v ORDER BY v`);
  return { place, root, outside, settings, rows };
}

async function announce({ place, root }: Scene, names: readonly string[]): Promise<void> {
  const messages = names.map((name) => ({ value: JSON.stringify({ filename: join(root, 'current', name) }) }));
  await produce(place.kafka.brokers, place.topic, messages);
}

test('row 65: a link that is swapped all the time while files load has none of them loaded from outside', async (t) => {
  const names = Array.from({ length: FILES }, (_, index) => `${index}.csv`);
  const scene = await setScene(t, ['first.csv', ...names]);
  const { place, root, outside, settings, rows } = scene;
  const service = await startService(t, place, settings);
  await announce(scene, ['first.csv']);
  await service.seen('job.loaded', 1, 120_000);
  const swapper = spawn(process.execPath, [SWAPPER, join(root, 'current'), outside], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => swapper.kill('SIGKILL'));
  await once(swapper.stdout, 'data');
  await announce(scene, names);
  const ended = () => service.events('job.loaded').length + service.events('letter.sent').length >= 1 + FILES;
  await service.until(ended, 300_000, 'every file is loaded or a dead letter');
  assert.equal(swapper.exitCode, null, 'the link was swapped to the end');
  swapper.kill('SIGKILL');
  await once(swapper, 'close');
  const loaded = service.events('job.loaded').length;
  assert.equal(await service.stop(), 0);
  assert.deepEqual(await rows(), [{ v: 'inside', files: loaded }]);
  t.diagnostic(`${loaded} of ${1 + FILES} loaded`);
});

test('row 65: a link that is swapped between the look at the file and its loading has it refused by the loader', async (t) => {
  const scene = await setScene(t, ['first.csv', 'a.csv']);
  const { place, root, outside, settings, rows } = scene;
  const loader = writeScript(
    place,
    'swapping-loader',
    `#!/bin/sh
case "$*" in *a.csv*) ln -sfn '${outside}' '${root}/next' && mv -T '${root}/next' '${root}/current';; esac
exec '${process.execPath}' '${AS_CLI}' "$@"`,
  );
  chmodSync(loader, 0o755);
  const service = await startService(t, place, {
    ...settings,
    as_cli: { executable: loader, additional_args: ['--format=csv'] },
  });
  await announce(scene, ['first.csv']);
  await service.seen('job.loaded', 1, 120_000);
  await announce(scene, ['a.csv']);
  await service.seen('letter.sent', 1, 120_000);
  assert.equal(await service.stop(), 0);
  assert.deepEqual(await rows(), [{ v: 'inside', files: 1 }]);
  const [letter] = await readAll(place.kafka.brokers, `${place.topic}.dlq`);
  const reason = letter?.headers['__connect.errors.exception.message'] ?? '';
  assert.match(
    reason,
    /it leads to .*outside\/a\.csv, outside ingest\.allowed_roots; announce a file below one of them/,
  );
});

test('row 66: files whose names mean something to shells and programs are loaded as others, and lines in a name refused', async (t) => {
  const scene = await setScene(t, ODD_NAMES);
  const { place, settings, rows, root } = scene;
  writeFileSync(join(root, 'real', 'a\nb.csv'), 'v\nline\n');
  writeFileSync(join(root, 'real', 'empty.csv'), '');
  const service = await startService(t, place, settings);
  await announce(scene, [...ODD_NAMES, 'empty.csv']);
  await service.seen('job.loaded', ODD_NAMES.length + 1, 120_000);
  await announce(scene, ['a\nb.csv', 'x\ud800.csv', 'n'.repeat(256), `${'d/'.repeat(2_100)}a.csv`]);
  await service.seen('letter.sent', 4, 60_000);
  assert.equal(await service.stop(), 0);
  assert.deepEqual(await rows(), [{ v: 'inside', files: ODD_NAMES.length }]);
  const letters = await readAll(place.kafka.brokers, `${place.topic}.dlq`);
  const reasons = letters.map(({ headers }) => headers['__connect.errors.exception.message'] ?? '').join('\n');
  for (const reason of [/control character/, /lone surrogate/, /ENAMETOOLONG/, /longer than 4096 bytes/]) {
    assert.match(reasons, reason);
  }
});
