/** The ledger of a service as a process: its rows in a real ClickHouse, and what becomes of them while there is none. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { TcpProxy } from '../faults/tcp-proxy.js';
import { runCli, temporaryDirectory } from '../support/cli.js';
import { createLedgerPlace, type LedgerPlace } from '../support/ledger.js';
import { announce, createScriptedPlace, type ScriptedPlace } from '../support/scripted-place.js';
import { type ServiceProcess, type Settings, startService, writeScript } from '../support/service-process.js';

const DEADLINE_MS = 60_000;

/** Settings that write the ledger of a service whose loads are the fixture's. */
function settingsOf({ clickHouse, table }: LedgerPlace, port = clickHouse.port, more: Settings = {}): Settings {
  const { user, password } = clickHouse;
  return {
    clickhouse: { host: '127.0.0.1', port, user, password, database: table.database },
    ledger: { enabled: true, ...more },
  };
}

/** `status path attempt` of each row, in their order. */
async function rowsOf({ rows, table }: LedgerPlace, view = ''): Promise<string[]> {
  const name = `${table.database}.${table.name}${view}`;
  const order = "ORDER BY offset, status = 'given-up', attempt";
  const found = await rows<{ status: string; path: string; attempt: number }>(`SELECT * FROM ${name} ${order}`);
  return found.map(({ status, path, attempt }) => `${status} ${path.replace(/.*\//, '')} ${attempt}`);
}

function metric(service: ServiceProcess, name: string): Promise<number> {
  return service
    .ask('/metrics')
    .then((answer) => answer.text())
    .then((text) =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${name} `))
          ?.split(' ')
          .at(-1) ?? Number.NaN,
      ),
    );
}

const WRITTEN = 'atd_ledger_rows_total{result="written"}';
const LOST = 'atd_ledger_rows_total{result="lost"}';

async function behindProxy(t: TestContext, ledger: LedgerPlace): Promise<TcpProxy> {
  const proxy = new TcpProxy(ledger.clickHouse.host, ledger.clickHouse.port);
  await proxy.open();
  t.after(() => proxy.refuse());
  return proxy;
}

function latest(counts: readonly { status: string; latestAt: number }[], status: unknown): number {
  return counts.find((one) => one.status === status)?.latestAt ?? 0;
}

function loadsOf(place: ScriptedPlace, count: number, prefix = 'good'): string[] {
  return Array.from({ length: count }, (_, n) => writeScript(place, `${prefix}-${n}`, 'exit 0'));
}

describe('the ledger', () => {
  it('has a row for each final state and each failed attempt, also after the service has ended', async (t) => {
    const ledger = await createLedgerPlace(t);
    const place = await createScriptedPlace(t);
    const bad = writeScript(place, 'bad', 'echo "row 3 is no number" >&2; exit 1');
    announce(place, writeScript(place, 'good', 'exit 0'), bad, 'relative');
    place.broker.topics.append(place.topic, 0, [JSON.stringify({ filename: ['/a', '/b'], tenant: 'x y' }), 'no JSON']);
    const service = await startService(t, place, settingsOf(ledger));
    await service.seen('letter.sent', 4, DEADLINE_MS);
    await service.seen('job.loaded', 1, DEADLINE_MS);
    assert.equal(await service.stop(), 0);
    assert.deepEqual(await rowsOf(ledger), [
      'loaded good 1',
      ...['failed bad 1', 'failed bad 2', 'given-up bad 2'],
      'skipped relative 0',
      ...['skipped a 0', 'skipped b 0'],
      'skipped  0',
    ]);
    assert.deepEqual((await rowsOf(ledger, '_current')).slice(0, 2), ['loaded good 1', 'given-up bad 2']);
    assert.deepEqual(service.events('ledger.away'), []);

    const config = join(place.directory, `${service.clientId}.yaml`);
    const ask = (...args: readonly string[]) => runCli(['loads', ...args, '--config', config]);
    const list = await ask('--file', '*/bad');
    assert.deepEqual([list.code, list.stderr], [0, '']);
    assert.match(list.stdout, /^given-up .*attempts-exhausted/);
    assert.match(list.stdout, /\n1 load in ledger_\w+\.atd__loads\n$/);
    const groups = await ask('--group-by', 'status', '--json');
    const counts = groups.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      counts.map(({ status, loads }) => [status, loads]),
      [
        ['skipped', 4],
        ...[
          ['given-up', 1],
          ['loaded', 1],
        ].sort((a, b) => latest(counts, b[0]) - latest(counts, a[0])),
      ],
    );
    const given = JSON.parse((await ask('--status', 'given-up', '--json')).stdout) as { loadId: string };
    const shown = (await ask('show', given.loadId)).stdout;
    const statuses = shown.match(/^(?:failed|given-up) /gm);
    assert.deepEqual(statuses, ['failed ', 'failed ', 'given-up ']);
    await ledger.execute(`DROP TABLE ${ledger.table.database}.${ledger.table.name} SYNC`);
    assert.match((await ask()).stdout, /^0 loads in /);
  });

  it('says to `loads` where it was looked for when ClickHouse is away', async (t) => {
    const directory = temporaryDirectory(t);
    const config = join(directory, 'atd.yaml');
    writeFileSync(config, 'clickhouse: { host: 127.0.0.1, port: 1 }\n');
    const { code, stdout, stderr } = await runCli(['loads', '--config', config]);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(
      stderr,
      /default\.atd__loads at 127\.0\.0\.1:1: .*ECONNREFUSED.*; check clickhouse\.\*, or ask the service/,
    );
  });

  it('is in no load`s way while ClickHouse is away, and gets all rows when it is back', async (t) => {
    const ledger = await createLedgerPlace(t);
    const proxy = await behindProxy(t, ledger);
    await proxy.refuse();
    const place = await createScriptedPlace(t);
    announce(place, ...loadsOf(place, 20));
    const service = await startService(t, place, settingsOf(ledger, proxy.port));
    await service.seen('job.loaded', 20, DEADLINE_MS);
    await service.seen('ledger.away', 1, DEADLINE_MS);
    await service.until(
      async () => (await metric(service, 'atd_ledger_up')) === 0,
      DEADLINE_MS,
      'a ledger that is down',
    );
    await proxy.open();
    await service.seen('ledger.back', 1, DEADLINE_MS);
    await service.until(async () => (await metric(service, WRITTEN)) === 20, DEADLINE_MS, 'all rows are written');
    assert.deepEqual([await metric(service, LOST), await metric(service, 'atd_ledger_up')], [0, 1]);
    assert.equal(await service.stop(), 0);
    assert.equal((await rowsOf(ledger)).length, 20);
    assert.equal(service.events('ledger.away').length, 1, 'one line for each change');
  });

  it('goes on from the disk in the next run, and leaves nothing there', async (t) => {
    const ledger = await createLedgerPlace(t);
    const proxy = await behindProxy(t, ledger);
    await proxy.refuse();
    const place = await createScriptedPlace(t);
    const state = join(place.directory, 'state');
    mkdirSync(state);
    announce(place, ...loadsOf(place, 5));
    const service = await startService(t, place, settingsOf(ledger, proxy.port), { STATE_DIRECTORY: state });
    await service.seen('job.loaded', 5, DEADLINE_MS);
    await service.seen('ledger.away', 1, DEADLINE_MS);
    assert.equal(await service.stop(), 0);
    assert.equal(service.events('ledger.left')[0]?.['rows'], 5);
    assert.ok(readdirSync(join(state, 'ledger')).length > 0);
    // What was cut off in the middle of a row, by a loss of power.
    writeFileSync(join(state, 'ledger', 'cut.part'), '{"load_id":"00000000-0000');
    await proxy.open();
    const next = await startService(t, place, settingsOf(ledger, proxy.port), { STATE_DIRECTORY: state });
    await next.until(
      async () => (await rowsOf(ledger).catch(() => [])).length === 5,
      DEADLINE_MS,
      'the rows from before',
    );
    await next.until(() => readdirSync(join(state, 'ledger')).length === 0, DEADLINE_MS, 'an empty directory');
    assert.equal(await next.stop(), 0);
    assert.equal((await rowsOf(ledger)).length, 5);
  });

  it('goes on without a disk that takes nothing, and without a table that is another one`s', async (t) => {
    const ledger = await createLedgerPlace(t);
    await ledger.execute(
      `CREATE TABLE ${ledger.table.database}.${ledger.table.name} (a String) ENGINE = MergeTree ORDER BY a`,
    );
    const place = await createScriptedPlace(t);
    // A file where the directory is to be: no user may write there.
    const state = join(place.directory, 'state');
    writeFileSync(state, '');
    announce(place, ...loadsOf(place, 3));
    const service = await startService(t, place, settingsOf(ledger), { STATE_DIRECTORY: state });
    await service.seen('ledger.disk', 1, DEADLINE_MS);
    const [line] = await service.seen('ledger.away', 1, DEADLINE_MS);
    assert.match(String(line?.['reason']), /is no ledger/);
    await service.seen('job.loaded', 3, DEADLINE_MS);
    assert.equal((await service.ask('/readyz')).status, 200);
    assert.equal(await service.stop(), 0);
    assert.deepEqual(service.events('ledger.left')[0]?.['rows'], 3);
  });

  it('is let in with another password when the file of it has one, without a reload', async (t) => {
    const ledger = await createLedgerPlace(t);
    const place = await createScriptedPlace(t);
    const secret = join(place.directory, 'password');
    writeFileSync(secret, 'old');
    const { clickhouse, ...rest } = settingsOf(ledger);
    const { password: right, ...connection } = clickhouse as { password: string };
    announce(place, ...loadsOf(place, 2));
    const service = await startService(t, place, { ...rest, clickhouse: { ...connection, password_file: secret } });
    await service.seen('job.loaded', 2, DEADLINE_MS);
    await service.seen('ledger.away', 1, DEADLINE_MS);
    writeFileSync(secret, right);
    await service.seen('ledger.back', 1, DEADLINE_MS);
    await service.until(async () => (await metric(service, WRITTEN)) === 2, DEADLINE_MS, 'both rows are written');
    assert.equal(service.events('config.reloaded')[0]?.['by'], 'a refused password');
    assert.equal(await service.stop(), 0);
  });

  it('lets nothing be committed that it does not have, where it is required', async (t) => {
    const ledger = await createLedgerPlace(t);
    const proxy = await behindProxy(t, ledger);
    await proxy.refuse();
    const place = await createScriptedPlace(t);
    announce(place, ...loadsOf(place, 3));
    const service = await startService(t, place, settingsOf(ledger, proxy.port, { required: true }));
    await service.seen('job.loaded', 3, DEADLINE_MS);
    await service.seen('ledger.away', 1, DEADLINE_MS);
    const committed = async () => {
      const { partitions } = (await (await service.ask('/api/status')).json()) as {
        partitions: { uncommitted: number }[];
      };
      return partitions.reduce((sum, { uncommitted }) => sum + uncommitted, 0);
    };
    assert.equal(await committed(), 3);
    await proxy.open();
    await service.until(async () => (await committed()) === 0, DEADLINE_MS, 'everything is committed');
    assert.equal((await rowsOf(ledger)).length, 3);
    assert.equal(await service.stop(), 0);
  });
});
