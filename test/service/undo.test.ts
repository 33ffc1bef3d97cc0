/** Load, undo, load again: the same rows, with the bundled loader, a real ClickHouse and a real Kafka. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { execute, queryRows } from '../sandbox/clickhouse-client.js';
import { startClickHouse } from '../sandbox/sandbox.js';
import { produce } from '../sandbox/topics.js';
import { type CliResult, runCli } from '../support/cli.js';
import { createDatabase } from '../support/database.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { createPlace, startService } from '../support/service-process.js';

const DEADLINE_MS = 120_000;
const ROWS = 25;

type Loaded = {
  readonly loadId: string;
  readonly status: string;
  readonly generation: number;
  readonly reason: string;
  readonly token: string;
};

async function scene(t: TestContext) {
  const clickHouse = await startClickHouse();
  t.after(() => clickHouse.stop());
  const place = await createPlace(t);
  const database = await createDatabase(t, place, clickHouse);
  const path = (name: string): string => join(place.directory, name);
  // Where a file `hold` is, a load waits until it is gone.
  writeFileSync(
    path('loader'),
    `#!/bin/sh\nwhile [ -e "${path('hold')}" ]; do echo "$@" > "${path('begun')}"; sleep 0.05; done\nexec "${process.execPath}" "${join(PACKAGE_ROOT, 'bin/as-cli')}" "$@"\n`,
  );
  chmodSync(path('loader'), 0o755);
  const { host, port, user, password } = clickHouse;
  const service = await startService(t, place, {
    clickhouse: { host, port, user, password, database },
    as_cli: { executable: path('loader') },
    ingest: { provenance: true },
    ledger: { enabled: true },
    batch_size: 10,
  });
  const config = path(`${service.clientId}.yaml`);
  const cli = (...args: readonly string[]): Promise<CliResult> =>
    runCli([...args, '--config', config, ...(args[1] === 'undo' ? ['--url', service.http] : [])]);
  const ledger = async (file: string): Promise<Loaded[]> => {
    const { stdout } = await cli('loads', '--file', `*/${file}`, '--json');
    const lines = stdout.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as Loaded).sort((a, b) => a.generation - b.generation);
  };
  return {
    ...{ clickHouse, place, database, path, service, cli, ledger },
    execute: (query: string) => execute(clickHouse, query),
    rows: (query: string) => queryRows(clickHouse, query),
    announce: (file: string, tenant = 'acme', headers: Readonly<Record<string, string>> = {}) =>
      produce(place.kafka.brokers, place.topic, [
        { partition: 0, value: JSON.stringify({ filename: file, tenant }), headers },
      ]),
    /** Once the ledger has so many files of that name. */
    async inLedger(file: string, count: number, status: string): Promise<Loaded[]> {
      let found: Loaded[] = [];
      await service.until(
        async () => {
          found = await ledger(file);
          return found.filter((load) => load.status === status).length >= count;
        },
        DEADLINE_MS,
        `${count} ${status} loads of ${file} in the ledger`,
      );
      return found;
    },
    async counted(table = 'atd_acme'): Promise<readonly unknown[]> {
      const [row] = await queryRows(
        clickHouse,
        `SELECT count() AS rows, uniqExact(n) AS all FROM ${database}.${table}`,
      );
      return [Number(row?.['rows']), Number(row?.['all'])];
    },
  };
}

function csv(file: string, first: number, bad: number | null = null): string {
  const rows = Array.from({ length: ROWS }, (_, index) => (first + index === bad ? 'none' : String(first + index)));
  writeFileSync(file, `n\n${rows.join('\n')}\n`);
  return file;
}

/** Where its message stood first. */
function placeOf(load: Loaded | undefined): string {
  return load?.token.replace(/\/\d+@/, '@') ?? '';
}

/** What it says, however it is wrapped. */
function oneLine({ stdout, stderr }: CliResult): string {
  return `${stdout}${stderr}`.replaceAll(/\s+/g, ' ');
}

describe('loads undo', () => {
  it('takes the rows of a load out, which are there again after a replay, and without a generation are not', async (t) => {
    const { cli, service, announce, inLedger, counted, path, ledger, execute, rows, database } = await scene(t);
    const file = csv(path('good.csv'), 0);
    await announce(file);
    await announce(csv(path('other.csv'), 100));
    await service.seen('job.loaded', 2, DEADLINE_MS);
    const [load] = await inLedger('good.csv', 1, 'loaded');
    const [other] = await inLedger('other.csv', 1, 'loaded');
    assert.ok(load !== undefined && other !== undefined);
    assert.deepEqual(await counted(), [2 * ROWS, 2 * ROWS]);
    const ids = await rows(
      `SELECT toString(_load_id) AS id, _file AS file FROM ${database}.atd_acme GROUP BY id, file ORDER BY min(n)`,
    );
    assert.deepEqual(ids, [
      { id: load.loadId, file },
      { id: other.loadId, file: path('other.csv') },
    ]);

    // Nobody can be asked here.
    const silent = await cli('loads', 'undo', load.loadId);
    assert.equal(silent.code, 64);
    assert.match(
      oneLine(silent),
      /this deletes 25 rows of 1 load, and nobody can be asked here: give --yes, or --dry-run/,
    );
    const dry = await cli('loads', 'undo', load.loadId, '--dry-run', '--json');
    assert.equal(JSON.parse(dry.stdout).done[0].rows, ROWS, dry.stderr);
    assert.match(
      oneLine(await cli('loads', 'replay', load.loadId)),
      /its rows are in the table, and none would be added/,
    );
    assert.deepEqual(await counted(), [2 * ROWS, 2 * ROWS]);

    const done = await cli('loads', 'undo', load.loadId, '--yes', '--reason', 'twice the price');
    assert.deepEqual([done.code, done.stderr], [0, '']);
    assert.match(done.stdout, /\n1 load undone, 25 rows deleted\n$/);
    assert.deepEqual(await counted(), [ROWS, ROWS]);
    const [undone] = await ledger('good.csv');
    assert.equal(undone?.status, 'undone');
    assert.match(undone?.reason ?? '', /^by \S+@\S+: twice the price$/);

    // As when the message is delivered once more: the table remembers the token.
    await announce(file, 'acme', { 'atd.replay-of': placeOf(undone) });
    await service.seen('job.loaded', 3, DEADLINE_MS);
    assert.deepEqual(await counted(), [ROWS, ROWS]);

    const replayed = await cli('loads', 'replay', load.loadId);
    assert.equal(replayed.code, 0, replayed.stderr);
    assert.match(replayed.stdout, /\n1 load announced again on\s/);
    await service.seen('job.loaded', 4, DEADLINE_MS);
    assert.deepEqual(await counted(), [2 * ROWS, 2 * ROWS]);
    const next = (await inLedger('good.csv', 2, 'loaded'))[1];
    assert.equal(next?.generation, 1);
    assert.ok(replayed.stdout.includes(`loads show ${next?.loadId}`));
    assert.match(oneLine(await cli('loads', 'replay', load.loadId)), /announced again as \S+, which is loaded/);

    // Once more, by a filter, which is about both loads of the file.
    const again = await cli('loads', 'undo', '--file', '*/good.csv', '--yes', '--json');
    const report = JSON.parse(again.stdout);
    assert.deepEqual([again.code, report.done.length, report.nothing.length], [0, 1, 1], again.stdout);
    assert.equal(report.nothing[0].why, 'it was undone before');
    assert.deepEqual(await counted(), [ROWS, ROWS]);
    assert.equal((await cli('loads', 'replay', '--file', '*/good.csv')).code, 0);
    await service.seen('job.loaded', 5, DEADLINE_MS);
    assert.deepEqual(await counted(), [2 * ROWS, 2 * ROWS]);

    // A view keeps what it got.
    await execute(
      `CREATE MATERIALIZED VIEW ${database}.by_n ENGINE = MergeTree ORDER BY tuple() AS SELECT n FROM ${database}.atd_acme`,
    );
    const kept = await cli('loads', 'undo', other.loadId, '--yes');
    assert.equal(kept.code, 1);
    assert.match(oneLine(kept), /of its rows \S+\.by_n made others, .* give --keep-view-rows/);
    assert.deepEqual(await counted(), [2 * ROWS, 2 * ROWS]);
    assert.equal((await cli('loads', 'undo', other.loadId, '--yes', '--keep-view-rows')).code, 0);
    assert.deepEqual(await counted(), [ROWS, ROWS]);
    assert.equal(await service.stop(), 0);
  });

  it('is refused while the file is loaded, and where rows do not say which load they are of', async (t) => {
    const { cli, service, announce, inLedger, counted, path, execute, database } = await scene(t);
    await execute(
      `CREATE TABLE ${database}.atd_old (n Int64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100`,
    );
    const file = csv(path('good.csv'), 0);
    await announce(file);
    await announce(csv(path('old.csv'), 0), 'old');
    await service.seen('job.loaded', 2, DEADLINE_MS);
    const [load] = await inLedger('good.csv', 1, 'loaded');
    const [old] = await inLedger('old.csv', 1, 'loaded');
    assert.ok(load !== undefined && old !== undefined);
    const silent = await cli('loads', 'undo', old.loadId, '--yes');
    assert.equal(silent.code, 1);
    assert.match(
      oneLine(silent),
      /atd_old does not say which load a row is of, as it has no column _load_id: set ingest.provenance to true/,
    );
    assert.deepEqual(await counted('atd_old'), [ROWS, ROWS]);

    writeFileSync(path('hold'), '');
    await announce(file, 'acme', { 'atd.replay-of': placeOf(load) });
    await service.until(() => existsSync(path('begun')), DEADLINE_MS, 'the load has begun');
    const running = await cli('loads', 'undo', load.loadId, '--yes');
    assert.equal(running.code, 1, oneLine(running) + readFileSync(path('begun'), 'utf8'));
    assert.match(oneLine(running), /it is being loaded at this moment; wait until it is loaded/);
    rmSync(path('hold'));
    await service.seen('job.loaded', 3, DEADLINE_MS);
    assert.deepEqual(await counted(), [ROWS, ROWS]);
    assert.equal(await service.stop(), 0);
    // As an undo leaves it that is killed before it deletes.
    await execute(
      `INSERT INTO ${database}.atd__loads SELECT * REPLACE ('undone' AS status, now64(3) AS finished_at) ` +
        `FROM ${database}.atd__loads WHERE load_id = '${load.loadId}' LIMIT 1`,
    );
    const early = await cli('loads', 'replay', load.loadId);
    assert.equal(early.code, 1);
    assert.match(oneLine(early), /25 rows of it are still in its table: repeat loads undo, which was interrupted/);
    // Nobody can say then what is being loaded; the ledger alone is asked.
    const alone = await cli('loads', 'undo', load.loadId, '--yes');
    assert.deepEqual([alone.code, await counted()], [0, [0, 0]]);
    assert.match(oneLine(alone), /warning: whether one of them is being loaded at this moment is not known/);
  });

  it('is of what was given up in part as well, and its letter is replayed under the next generation', async (t) => {
    const { cli, service, announce, inLedger, counted, path, rows, database } = await scene(t);
    await announce(csv(path('good.csv'), 0));
    await service.seen('job.loaded', 1, DEADLINE_MS);
    const bad = csv(path('bad.csv'), 100, 124);
    await announce(bad);
    await service.seen('letter.sent', 1, DEADLINE_MS);
    const [load] = await inLedger('bad.csv', 1, 'given-up');
    // How many blocks ClickHouse has taken when it meets the bad row is its own affair.
    const [some] = await rows(`SELECT count() AS n FROM ${database}.atd_acme WHERE _load_id = '${load?.loadId}'`);
    assert.ok(Number(some?.['n']) > 0);
    assert.equal((await cli('loads', 'undo', '--status', 'given-up', '--yes')).code, 0);
    assert.deepEqual(await counted(), [ROWS, ROWS]);
    csv(bad, 200);
    const replayed = await cli('dead-letters', 'replay', '--tenant', 'acme');
    assert.equal(replayed.code, 0, replayed.stderr);
    await service.seen('job.loaded', 2, DEADLINE_MS);
    assert.deepEqual(await counted(), [2 * ROWS, 2 * ROWS]);
    assert.equal(await service.stop(), 0);
  });
});
