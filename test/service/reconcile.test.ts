/** `atd-ingestion reconcile` beside a real topic, a real ledger and a service that runs. */
import assert from 'node:assert/strict';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { withAdmin } from '../sandbox/kafka-admin.js';
import { produce, readAll } from '../sandbox/topics.js';
import { type Env, runCli } from '../support/cli.js';
import { Gate } from '../support/gate.js';
import { createLedgerPlace } from '../support/ledger.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { createPlace, type Place, type ServiceProcess, startService, writeScript } from '../support/service-process.js';

const KILLER = pathToFileURL(join(PACKAGE_ROOT, 'test/fixtures/kill-after-acks.mjs')).href;
const DEADLINE_MS = 60_000;

interface Found {
  readonly states: Readonly<Record<string, string>>;
  readonly notes: Readonly<Record<string, string | null>>;
  readonly summary: Readonly<Record<string, number>>;
  readonly announced: number;
  readonly known: Readonly<Record<string, unknown>>;
  readonly code: number | string;
}

function envOf({ kafka, topic, directory, group }: Place, more: Env = {}): Env {
  return {
    ATD_KAFKA_BOOTSTRAP_SERVERS: kafka.brokers.join(','),
    ATD_KAFKA_TOPIC: topic,
    ATD_KAFKA_GROUP_ID: group,
    ATD_HTTP_PORT: '1',
    ATD_LEDGER_ENABLED: 'false',
    XDG_STATE_HOME: join(directory, 'state'),
    ...more,
  };
}

/** States by the file's path below the test's directory. */
async function reconcile(place: Place, args: readonly string[], more: Env = {}): Promise<Found> {
  const { code, stdout, stderr } = await runCli(['reconcile', ...args, '--json'], envOf(place, more));
  assert.equal(stderr, '');
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const { summary, announced, known } = lines.pop();
  const of = (field: string) =>
    Object.fromEntries(lines.map((line) => [String(line.path).slice(place.directory.length + 1), line[field]]));
  return { states: of('state'), notes: of('note'), summary, announced, known, code };
}

async function announce(place: Place, tenant: string, ...files: readonly string[]): Promise<void> {
  const { code, stderr } = await runCli(['emit', '--tenant', tenant, ...files, '--json'], envOf(place));
  assert.deepEqual([code, stderr], [0, '']);
}

function configOf({ directory }: Place, { clientId }: ServiceProcess): string {
  return join(directory, `${clientId}.yaml`);
}

describe('atd-ingestion reconcile', () => {
  it('knows of each file what became of it, by ledger, topic and service', async (t) => {
    const place = await createPlace(t);
    const ledger = await createLedgerPlace(t);
    const { user, password, port } = ledger.clickHouse;
    const settings = {
      clickhouse: { host: '127.0.0.1', port, user, password, database: ledger.table.database },
      ...{ ledger: { enabled: true }, thread_pool_size: 1 },
    };
    for (const name of ['acme/deep', 'x y']) mkdirSync(join(place.directory, 'in', name), { recursive: true });
    const write = (name: string, script: string) => writeScript(place, `in/${name}`, script);
    const [good, changed, other] = ['good', 'changed', 'other'].map((name) => write(`acme/${name}`, 'exit 0'));
    const bad = write('acme/bad', 'echo "row 12 is no row" >&2; exit 65');
    for (const name of ['acme/never', 'acme/.hidden', 'x y/refused']) write(name, 'exit 0');
    await announce(place, 'acme', good as string, changed as string, bad);
    await announce(place, 'globex', other as string);
    const first = await startService(t, place, settings);
    await first.seen('job.loaded', 3, DEADLINE_MS);
    await first.seen('letter.sent', 1, DEADLINE_MS);
    assert.equal(await first.stop(), 0);

    // Their times are far from any clock's precision.
    const later = new Date(Date.now() + 3_600_000);
    utimesSync(changed as string, later, later);
    const gate = new Gate(place);
    await announce(place, 'acme', write('acme/deep/running', gate.after(0)));
    const second = await startService(t, place, settings);
    await second.seen('job.started', 1, DEADLINE_MS);
    await announce(place, 'acme', write('acme/deep/waiting', 'exit 0'));
    const config = ['--config', configOf(place, second), '--url', second.http];
    const args = ['-r', join(place.directory, 'in'), '--tenant-from', `${place.directory}/in/{tenant}/**`, ...config];
    const env = { ATD_LEDGER_ENABLED: 'true' };
    const found = await reconcile(place, args, env);
    assert.deepEqual(found.states, {
      'in/acme/bad': 'given-up',
      'in/acme/changed': 'changed',
      'in/acme/deep/running': 'running',
      'in/acme/deep/waiting': 'waiting',
      'in/acme/never': 'never-announced',
      'in/acme/other': 'other-tenant',
      'in/x y/refused': 'refused',
    });
    assert.match(String(found.notes['in/acme/bad']), /^permanent-failure: .*row 12 is no row/);
    assert.match(String(found.notes['in/acme/changed']), /^written to 20\S+Z, loaded 20\S+Z$/);
    assert.equal(found.notes['in/acme/other'], 'for globex');
    assert.match(String(found.notes['in/x y/refused']), /x y/);
    assert.deepEqual([found.summary['files'], found.summary['loaded'], found.code], [8, 1, 1]);
    const { name, database } = ledger.table;
    assert.equal((found.known['ledger'] as { name: string }).name, `${database}.${name}`);
    // Without a word of tenants it does not matter for whom it was announced.
    const anybodys = await reconcile(place, [good as string, other as string, '--all', ...config], env);
    assert.deepEqual([anybodys.states, anybodys.code], [{ 'in/acme/good': 'loaded', 'in/acme/other': 'loaded' }, 0]);

    const words = await runCli(['reconcile', ...args], envOf(place, env));
    assert.equal(words.code, 1, words.stderr);
    assert.match(words.stdout, /^never announced: \S+\/in\/acme\/never$/m);
    assert.match(
      words.stdout,
      /^8 files:\n {2}1 loaded\n {2}1 running\n {2}1 waiting\n {2}1 changed since it was loaded\n/m,
    );
    assert.match(words.stdout, new RegExp(`^The ledger ${database}.${name} has 5 rows of it, since 20`, 'm'));
    gate.open();
    assert.equal(await second.stop(), 0);
  });

  it('says without a ledger what the topic knows, and what it cannot know, and announces no file twice', async (t) => {
    const place = await createPlace(t);
    mkdirSync(join(place.directory, 'in'));
    const write = (name: string, script: string) => writeScript(place, `in/${name}`, script);
    const [good, changed] = ['good', 'changed'].map((name) => write(name, 'exit 0'));
    await announce(place, 'acme', good as string, changed as string, write('bad', 'exit 65'));
    const service = await startService(t, place);
    await service.seen('job.loaded', 2, DEADLINE_MS);
    await service.seen('letter.sent', 1, DEADLINE_MS);
    assert.equal(await service.stop(), 0);
    writeFileSync(changed as string, 'longer than it was');
    await announce(place, 'acme', write('waiting', 'exit 0'));
    write('never', 'exit 0');
    const args = [join(place.directory, 'in', '*'), '--all'];
    const found = await reconcile(place, args);
    assert.deepEqual(found.states, {
      'in/bad': 'given-up',
      'in/changed': 'changed',
      'in/good': 'loaded',
      'in/never': 'never-announced',
      'in/waiting': 'waiting',
    });
    assert.match(String(found.notes['in/bad']), /^dead letter \d\/0: permanent-failure: /);
    assert.equal(found.notes['in/changed'], 'it has 18 bytes, and was announced with 7');
    const words = await runCli(['reconcile', ...args], envOf(place));
    assert.match(words.stdout, /^Of topic \S+ 4 messages were read\.\nWithout a ledger \(ledger\.enabled\)/m);
    assert.match(
      words.stdout.replaceAll('\n', ' '),
      /No service was asked what it runs: .* Not known: what was announced by/,
    );

    // One message, and all of its partition, is gone: who knows what others there were.
    await produce(place.kafka.brokers, place.topic, [{ value: '{"filename":"/gone"}', partition: 0 }]);
    await withAdmin(place.kafka.brokers, async (admin) => {
      const [{ high } = { high: '0' }] = (await admin.fetchTopicOffsets(place.topic)).filter(
        (one) => one.partition === 0,
      );
      await admin.deleteTopicRecords({ topic: place.topic, partitions: [{ partition: 0, offset: high }] });
    });
    const never = [join(place.directory, 'in', 'never'), '--announce', '--older-than', '0s'];
    const lost = await reconcile(place, never);
    assert.deepEqual([lost.states, lost.announced, lost.code], [{ 'in/never': 'unknown' }, 0, 1]);
    assert.match(String(lost.notes['in/never']), /what was announced before 20\S+Z is not known$/);
    const forced = await reconcile(place, [...never, '--force']);
    assert.deepEqual([forced.states, forced.announced, forced.code], [{ 'in/never': 'announced' }, 1, 0]);
    const again = await reconcile(place, [...never, '--force']);
    assert.deepEqual([again.states, again.announced, again.code], [{ 'in/never': 'waiting' }, 0, 0]);
  });

  it('announces what never was, each once, however often it is killed and repeated', async (t) => {
    const place = await createPlace(t);
    mkdirSync(join(place.directory, 'in'));
    const files = Array.from({ length: 5 }, (_, index) => writeScript(place, `in/f${index}`, 'exit 0'));
    const args = [join(place.directory, 'in'), '--tenant', 'acme', '--announce'];
    const young = await reconcile(place, [...args, '--older-than', '1d']);
    assert.deepEqual([young.summary, young.announced, young.code], [{ files: 5, 'never-announced': 5 }, 0, 1]);
    const eager = [...args, '--older-than', '0s', '--rate', '2/s'];
    const killer = { NODE_OPTIONS: `--import=${KILLER}`, KILL_AFTER_ACKS: '1' };
    for (let run = 0; run < 2; run += 1) {
      const { code, stderr } = await runCli(['reconcile', ...eager], envOf(place, killer));
      assert.equal(code, 'SIGKILL', stderr);
    }
    const last = await reconcile(place, eager);
    assert.deepEqual([last.summary, last.announced, last.code], [{ files: 5, waiting: 4, announced: 1 }, 1, 0]);
    const again = await reconcile(place, eager);
    assert.deepEqual([again.summary, again.announced, again.code], [{ files: 5, waiting: 5 }, 0, 0]);
    const messages = (await readAll(place.kafka.brokers, place.topic)).map(({ value }) => JSON.parse(String(value)));
    assert.deepEqual(messages.map(({ filename }) => filename).sort(), files);
    for (const { tenant, size } of messages) assert.deepEqual([tenant, size], ['acme', 7]);
  });
});
