/** The service under a real systemd, as `make install` puts it there: `npm run test:ops`. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import { writeSampleFile } from '../../lib/cli/sample-files.js';
import type { OwnBroker } from '../faults/own-broker.js';
import { startOwnKafka } from '../faults/scene.js';
import { FULL } from '../faults/seed.js';
import { queryRows } from '../sandbox/clickhouse-client.js';
import { startClickHouse } from '../sandbox/sandbox.js';
import { produce } from '../sandbox/topics.js';
import { createDatabase } from '../support/database.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { waitUntil } from '../support/processes.js';
import type { Place } from '../support/service-process.js';
import { Machine, whyNoMachine } from './machine.js';
import { whyLeftOut } from './part.js';

const UNIT = 'atd-ingestion';
const EXPORT = 'srv/export';
const JOURNAL = join(PACKAGE_ROOT, '.sandbox/ops-journal.txt');
const ROWS = 20;
const STATE_MS = 60_000;
/** The broker is away for three minutes before the first start, and for five in the middle; shorter where nobody waits for it. */
const [AWAY_AT_START_MS, AWAY_MS] = FULL ? [180_000, 300_000] : [20_000, 30_000];
const WATCHDOG_SECONDS = 20;
/** Loaded by the unit's drop-in: what hangs the event loop is no part of the product. */
const HANG = "process.on('SIGUSR2', () => { for (;;); });\n";

interface Ground {
  readonly machine: Machine;
  readonly place: Place;
  readonly broker: OwnBroker;
  readonly port: number;
  /** Writes the settings, with these beside them or in their place. */
  readonly configure: (more: Readonly<Record<string, unknown>>) => void;
  /** Announces that many files, and keeps count. */
  readonly announce: (files: number) => Promise<void>;
  /** Waits until each announced row is there, and fails where one is there twice. */
  readonly allLoaded: () => Promise<void>;
}

async function prepare(t: TestContext): Promise<Ground | null> {
  const own = await startOwnKafka(t);
  if (own === null) return null;
  const { place, broker } = own;
  const clickHouse = await startClickHouse();
  t.after(() => clickHouse.stop());
  const database = await createDatabase(t, place, clickHouse);
  const machine = await Machine.boot(t);
  await machine.run('/src/scripts/install.sh', 'install');
  const { host, port: clickHousePort, user, password } = clickHouse;
  const port = await freePort();
  const settings = {
    kafka: {
      topic: place.topic,
      bootstrap_servers: place.kafka.brokers,
      group_id: place.group,
      session_timeout_ms: 10_000,
    },
    clickhouse: { host, port: clickHousePort, user, database, password_file: `/etc/${UNIT}/password` },
    schema_file: `/etc/${UNIT}/example-schema.json`,
    http: { port },
  };
  const configure = (more: Readonly<Record<string, unknown>>) =>
    machine.write(`etc/${UNIT}/${UNIT}.yaml`, stringify({ ...settings, ...more }));
  configure({});
  machine.write(`etc/${UNIT}/password`, password);
  machine.write(`opt/hang.mjs`, HANG);
  const directory = join(machine.root, EXPORT);
  mkdirSync(directory, { recursive: true });
  let announced = 0;
  return {
    ...{ machine, place, broker, port, configure },
    announce: async (files) => {
      const samples = Array.from({ length: files }, () => {
        const { file } = writeSampleFile({ directory, run: 'ops', index: announced++, tenant: 'acme', rows: ROWS });
        return { value: JSON.stringify({ filename: `/${EXPORT}/${basename(file)}`, tenant: 'acme' }) };
      });
      await produce(place.kafka.brokers, place.topic, samples);
    },
    allLoaded: async () => {
      const sql = `SELECT count() AS rows, uniqExact(Id) AS ids FROM ${database}.atd_acme`;
      let found = { rows: 0, ids: 0 };
      const arrived = async (): Promise<boolean> => {
        [found = found] = await queryRows<typeof found>(clickHouse, sql).catch(() => []);
        return found.ids >= announced * ROWS;
      };
      await waitUntil(arrived, 120_000, 'all rows');
      assert.deepEqual(found, { rows: announced * ROWS, ids: announced * ROWS });
    },
  };
}

async function listen(port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return server;
}

async function freePort(): Promise<number> {
  const server = await listen(0);
  const { port } = server.address() as { readonly port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const PROGRAMS = { 'systemd-nspawn': 'systemd-container', debootstrap: 'debootstrap', nsenter: 'util-linux' };
const skip = whyLeftOut(PROGRAMS) || whyNoMachine();

test('under systemd', { skip }, async (t) => {
  const ground = await prepare(t);
  if (ground === null) return;
  const { machine, broker, announce, allLoaded } = ground;
  const state = async () => machine.show(UNIT, 'ActiveState', 'StatusText', 'NRestarts', 'Result', 'MainPID');
  const until = async (property: string, value: string | RegExp): Promise<void> => {
    const holds = async () => {
      const found = (await state())[property] ?? '';
      return typeof value === 'string' ? found === value : value.test(found);
    };
    await waitUntil(holds, STATE_MS, `${property} to be ${value}`);
  };
  const stays = async (ms: number, expected: Readonly<Record<string, string>>): Promise<void> => {
    for (const end = performance.now() + ms; performance.now() < end; await delay(1_000)) {
      const found = await state();
      assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, found[key]])), expected);
    }
  };
  await t.test('the unit is as closed as it can be', async () => {
    const security = await machine.run('systemd-analyze', 'security', '--no-pager', `${UNIT}.service`);
    const [, exposure = ''] = /Overall exposure level for \S+: ([\d.]+)/.exec(security) ?? [];
    t.diagnostic(`exposure ${exposure}`);
    assert.ok(exposure !== '' && Number(exposure) <= 1.6, security);
  });

  await t.test('a start without a broker waits, says for what, and is not ended for it', async () => {
    await broker.stop();
    await machine.run('systemctl', 'start', '--no-block', UNIT);
    await until('StatusText', /Kafka cannot be reached/);
    await stays(AWAY_AT_START_MS, { ActiveState: 'activating', NRestarts: '0' });
  });

  await t.test('it is active when it has joined its group, and loads', async () => {
    await broker.start();
    await until('ActiveState', 'active');
    assert.equal((await fetch(`http://127.0.0.1:${ground.port}/readyz`)).status, 200);
    await until('StatusText', `reading 4 partitions of ${ground.place.topic}`);
    await announce(20);
    await allLoaded();
  });

  await t.test('after SIGKILL it is started again, with nothing lost or doubled, and nothing left', async () => {
    await announce(40);
    const { MainPID: before = '' } = await state();
    await machine.run('systemctl', 'kill', '--kill-who=main', '--signal=KILL', UNIT);
    await until('NRestarts', '1');
    await until('ActiveState', 'active');
    await allLoaded();
    assert.notEqual((await state())['MainPID'], before);
    const { ControlGroup: group = '' } = await machine.show(UNIT, 'ControlGroup');
    const processes = await machine.run('systemd-cgls', '--no-pager', '--full', group);
    assert.equal(processes.split('atd-ingestion run').length - 1, 1, processes);
  });

  await t.test('an event loop that hangs is found out by the watchdog', async () => {
    const drop = `[Service]\nWatchdogSec=${WATCHDOG_SECONDS}\nEnvironment=NODE_OPTIONS=--import=/opt/hang.mjs\n`;
    machine.write(`etc/systemd/system/${UNIT}.service.d/hang.conf`, drop);
    await machine.run('systemctl', 'daemon-reload');
    await machine.run('systemctl', 'restart', UNIT);
    await announce(20);
    const { NRestarts: restarts = '' } = await state();
    await machine.run('systemctl', 'kill', '--kill-who=main', '--signal=USR2', UNIT);
    await until('NRestarts', String(Number(restarts) + 1));
    await until('ActiveState', 'active');
    await allLoaded();
    const journal = await machine.run('journalctl', `--unit=${UNIT}`, '--no-pager', '--output=cat');
    assert.match(journal, /Watchdog timeout/);
  });

  await t.test('brokers that are away for minutes are no reason for a restart, and double nothing', async () => {
    await until('ActiveState', 'active');
    const { NRestarts: restarts = '' } = await state();
    await announce(20);
    await broker.stop();
    await stays(AWAY_MS, { ActiveState: 'active', NRestarts: restarts });
    await broker.start();
    await announce(10);
    await allLoaded();
    assert.equal((await state())['NRestarts'], restarts);
  });

  await t.test('HUP reloads; a wrong new configuration is refused and the old one goes on', async () => {
    const { MainPID: pid = '', NRestarts: restarts = '' } = await state();
    const slots = async (): Promise<number> => {
      const answer = await fetch(`http://127.0.0.1:${ground.port}/api/status`);
      return ((await answer.json()) as { readonly slots: number }).slots;
    };
    const before = await slots();
    const journal = () => machine.run('journalctl', `--unit=${UNIT}`, '--no-pager', '--output=cat');
    ground.configure({ thread_pool_size: before + 1 });
    await machine.run('systemctl', 'reload', UNIT);
    await waitUntil(async () => (await slots()) === before + 1, STATE_MS, 'one slot more');
    await until('ActiveState', 'active');
    ground.configure({ thread_pool_size: 'many' });
    const { error } = await machine.try('systemctl', 'reload', UNIT);
    assert.notEqual(error, null, 'the reload fails');
    await waitUntil(async () => (await journal()).includes('config.refused'), STATE_MS, 'the service to refuse them');
    assert.match(await journal(), /thread_pool_size must be a whole number, or auto; it is "many"/);
    await until('ActiveState', 'active');
    await announce(10);
    await allLoaded();
    assert.equal(await slots(), before + 1);
    ground.configure({});
    await machine.run('systemctl', 'kill', '--kill-who=main', '--signal=HUP', UNIT);
    await waitUntil(async () => (await slots()) === before, STATE_MS, 'as many slots as at first');
    await until('ActiveState', 'active');
    const { MainPID, NRestarts } = await state();
    assert.deepEqual({ MainPID, NRestarts }, { MainPID: pid, NRestarts: restarts });
  });

  await t.test('a stop ends in time and is no failure', async () => {
    await machine.run('systemctl', 'stop', UNIT);
    const { ActiveState, Result } = await state();
    assert.deepEqual({ ActiveState, Result }, { ActiveState: 'inactive', Result: 'success' });
  });

  await t.test('a taken port is tried until it is free', async () => {
    const taken = await listen(ground.port);
    await machine.run('systemctl', 'start', '--no-block', UNIT);
    await until('NRestarts', /[1-9]/);
    assert.notEqual((await state())['ActiveState'], 'active');
    await new Promise((resolve) => taken.close(resolve));
    await until('ActiveState', 'active');
    await announce(5);
    await allLoaded();
  });

  await t.test('a wrong configuration is not started again and again', async () => {
    await machine.run('systemctl', 'stop', UNIT);
    machine.write(`etc/${UNIT}/environment`, 'ATD_THREAD_POOL_SIZE=many\n');
    await machine.try('systemctl', 'start', UNIT);
    await until('ActiveState', 'failed');
    await stays(7_000, { ActiveState: 'failed' });
    const errors = await machine.run('journalctl', `--unit=${UNIT}`, '--priority=err', '--no-pager', '--output=cat');
    assert.match(errors, /thread_pool_size/);
    assert.ok(!/"level":"(info|warn|debug)"/.test(errors), errors);
  });

  const { stdout } = await machine.try('journalctl', `--unit=${UNIT}`, '--no-pager', '--output=short-precise');
  writeFileSync(JOURNAL, stdout);
  t.diagnostic(`the journal: ${JOURNAL}`);
});
