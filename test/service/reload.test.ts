/** Settings that change while the service runs, as a process: by SIGHUP and by its HTTP side. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { isMap, parseDocument } from 'yaml';
import { startClickHouse } from '../sandbox/sandbox.js';
import { produce } from '../sandbox/topics.js';
import { createDatabase } from '../support/database.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { waitUntil } from '../support/processes.js';
import { announce, createScriptedPlace, type ScriptedPlace } from '../support/scripted-place.js';
import {
  createPlace,
  type Place,
  readLedger,
  type ServiceProcess,
  type Settings,
  spawnService,
  startService,
  writeScript,
} from '../support/service-process.js';

const DEADLINE_MS = 120_000;

/** Changes settings in the service's file, by their dotted keys; null takes one away. */
function change(place: Place, service: ServiceProcess, settings: Readonly<Record<string, unknown>>): void {
  const file = join(place.directory, `${service.clientId}.yaml`);
  const document = parseDocument(readFileSync(file, 'utf8'));
  for (const [key, value] of Object.entries(settings)) {
    const path = key.split('.');
    const group = document.getIn(path.slice(0, -1), true);
    if (path.length > 1 && !isMap(group)) document.setIn(path.slice(0, -1), document.createNode({}));
    if (value === null) document.deleteIn(path);
    else document.setIn(path, value);
  }
  writeFileSync(file, String(document));
}

/** Has the service read its settings again, and waits until it says that it did, the `count`-th time. */
async function reload(service: ServiceProcess, count = 1) {
  service.signal('SIGHUP');
  return (await service.seen('config.reloaded', count, DEADLINE_MS)).at(-1) as Readonly<Record<string, unknown>>;
}

async function statusOf(service: ServiceProcess) {
  return (await (await service.ask('/api/status')).json()) as {
    readonly slots: number;
    readonly settings: {
      readonly needRestart: readonly string[];
      readonly lastReload: { readonly by: string; readonly error: string | null; readonly changed: readonly string[] };
    };
  };
}

/** A server that answers nothing but takes notes; the address of it with a secret. */
async function startReceiver(t: TestContext) {
  const bodies: string[] = [];
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    bodies.push(Buffer.concat(pieces).toString());
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { bodies, webhook: `http://127.0.0.1:${(server.address() as AddressInfo).port}/not-to-be-seen` };
}

/** Waits until /metrics, which is made once in a second, has these samples. */
async function measures(service: ServiceProcess, samples: Readonly<Record<string, number>>): Promise<void> {
  const lines = Object.entries(samples).map(([name, value]) => `${name} ${value}`);
  const holds = async () => {
    const text = await (await service.ask('/metrics')).text();
    return lines.every((line) => text.split('\n').includes(line));
  };
  await service.until(holds, DEADLINE_MS, lines.join(' and '));
}

async function started(t: TestContext, settings: Settings = {}) {
  const place = await createScriptedPlace(t);
  return { place, service: await startService(t, place, settings) };
}

/** Loads a file that runs this script, and waits until so many have been loaded in all. */
async function load(place: ScriptedPlace, service: ServiceProcess, name: string, script: string, count: number) {
  announce(place, writeScript(place, name, script));
  return (await service.seen('job.loaded', count, DEADLINE_MS)).at(-1);
}

describe('a reload takes over', () => {
  it('the level of the log, and what loaders print from then on', async (t) => {
    const { place, service } = await started(t, { log_level: 'info' });
    announce(place, writeScript(place, 'one', 'echo the first'));
    await service.seen('job.loaded', 1, DEADLINE_MS);
    change(place, service, { log_level: 'debug' });
    const { level, by, changed, needRestart } = await reload(service);
    assert.deepEqual([level, by, changed, needRestart], ['info', 'SIGHUP', ['log_level: "info" -> "debug"'], []]);
    announce(place, writeScript(place, 'two', 'echo the second'));
    await service.seen('job.loaded', 2, DEADLINE_MS);
    assert.deepEqual(
      service.events('child.line').map(({ text }) => text),
      ['the second'],
    );
    change(place, service, { log_level: 'error' });
    await reload(service, 2);
    announce(place, writeScript(place, 'three', 'exit 0'));
    await waitUntil(() => place.broker.committed.get(0)?.offset === 3, DEADLINE_MS, 'the commit of the third');
    assert.equal(service.events('job.loaded').length, 2);
    assert.equal(await service.stop(), 0);
    assert.equal(service.log.at(-1)?.message, 'config.reloaded');
  });

  it('who is let in, by the settings and by another file, and from where files are taken', async (t) => {
    const place = await createScriptedPlace(t);
    const names = join(place.directory, 'names');
    writeFileSync(names, 'initech\n');
    const service = await startService(t, place, {
      tenants: { allowed: ['acme'] },
      ingest: { allowed_roots: ['/nowhere'] },
    });
    const file = writeScript(place, 'load', 'exit 0');
    const send = (tenant: string) =>
      place.broker.topics.append(place.topic, 0, [JSON.stringify({ filename: file, tenant })]);
    const dispositions = () => service.events('letter.sent').map(({ disposition }) => disposition);
    for (const tenant of ['globex', 'acme']) send(tenant);
    await service.seen('letter.sent', 2, DEADLINE_MS);
    assert.deepEqual(dispositions().toSorted(), ['path-denied', 'tenant-denied']);
    change(place, service, {
      'tenants.allowed': ['globex'],
      'tenants.allowed_file': names,
      'ingest.allowed_roots': [place.directory],
    });
    await reload(service);
    for (const tenant of ['globex', 'initech', 'acme']) send(tenant);
    await service.seen('job.loaded', 2, DEADLINE_MS);
    await service.seen('letter.sent', 3, DEADLINE_MS);
    assert.equal(dispositions().at(-1), 'tenant-denied');
    writeFileSync(names, 'initech\nhooli\n');
    await service.until(
      () => service.events('tenants.changed').some(({ added }) => String(added) === 'hooli'),
      DEADLINE_MS,
      'the other file is watched',
    );
    assert.equal(await service.stop(), 0);
  });

  it('where people are told of letters and of a reload that was refused; the address is in no line', async (t) => {
    const { bodies, webhook } = await startReceiver(t);
    const { place, service } = await started(t);
    const file = join(place.directory, 'webhook');
    writeFileSync(file, `${webhook}\n`);
    change(place, service, { 'notify.webhook_file': file });
    await reload(service);
    announce(place, writeScript(place, 'broken', 'exit 65'));
    await service.seen('notice.sent', 1, DEADLINE_MS);
    change(place, service, { 'kafka.topic': '' });
    service.signal('SIGHUP');
    await service.seen('notice.sent', 2, DEADLINE_MS);
    assert.match(bodies[0] ?? '', /A message was given up \(1 permanent-failure\)/);
    assert.match(bodies[1] ?? '', /The settings were not taken over.*kafka\.topic must not be empty/);
    await measures(service, { 'atd_notices_total{result="sent"}': 2 });
    assert.equal(await service.stop(), 0);
    assert.doesNotMatch(JSON.stringify(service.log), /not-to-be-seen/);
  });

  it('what is tried again and how often, and which exit code means an unavailable ClickHouse', async (t) => {
    const { place, service } = await started(t, {
      service: { retry: { max_attempts: 1_000, backoff_seconds: 0.1, max_backoff_seconds: 0.1 } },
    });
    announce(place, writeScript(place, 'broken', 'exit 7'));
    const [first] = await service.seen('job.ended', 2, DEADLINE_MS);
    assert.equal(first?.['result'], 'failed');
    change(place, service, { 'service.retry.max_attempts': 1 });
    await reload(service);
    await service.seen('letter.sent', 1, DEADLINE_MS);
    change(place, service, { 'service.circuit_breaker.exit_codes': [7], 'service.circuit_breaker.threshold': 1 });
    await reload(service, 2);
    announce(place, writeScript(place, 'away', 'exit 7'));
    await service.seen('breaker.open', 1, DEADLINE_MS);
    assert.equal(service.events('job.ended').at(-1)?.['result'], 'sink-unavailable');
  });

  it('a password whose file was replaced, and shows it nowhere', async (t) => {
    const place = await createScriptedPlace(t);
    const [secret, seen] = [join(place.directory, 'secret'), join(place.directory, 'seen')];
    writeFileSync(secret, 'the-old-one\n');
    const service = await startService(t, place, { clickhouse: { password_file: secret } });
    const script = `printf '%s ' "$CLICKHOUSE_PASSWORD" >>'${seen}'`;
    await load(place, service, 'one', script, 1);
    writeFileSync(secret, 'the-new-one\n');
    assert.deepEqual((await reload(service))['changed'], ['clickhouse.password: changed']);
    await load(place, service, 'two', script, 2);
    assert.equal(readFileSync(seen, 'utf8'), 'the-old-one the-new-one ');
    const shown = JSON.stringify([service.log, await statusOf(service)]);
    assert.ok(!shown.includes('the-old-one') && !shown.includes('the-new-one'));
    assert.equal(await service.stop(), 0);
  });

  it('a password for the question whether the loader works, too', async (t) => {
    const place = await createScriptedPlace(t);
    const [secret, seen, loader] = ['secret', 'seen', 'loader'].map((name) => join(place.directory, name)) as [
      string,
      string,
      string,
    ];
    const asked = () => readFileSync(seen, 'utf8');
    writeFileSync(seen, '');
    writeFileSync(secret, 'old\n');
    const script = `#!/bin/sh\n[ "$3" = --help ] && printf '%s ' "$CLICKHOUSE_PASSWORD" >>'${seen}'\nexit 0\n`;
    writeFileSync(loader, script, { mode: 0o755 });
    const service = await startService(t, place, {
      clickhouse: { password_file: secret },
      as_cli: { executable: loader },
    });
    await service.until(() => asked() === 'old ', DEADLINE_MS, 'the first question');
    writeFileSync(secret, 'new\n');
    await reload(service);
    writeFileSync(loader, `${script}# another one\n`);
    await load(place, service, 'file', '', 1);
    await service.until(() => asked() === 'old new ', DEADLINE_MS, 'the question to the other loader');
    assert.equal(await service.stop(), 0);
  });

  it('the password that its file has after ClickHouse refused the one from before, by itself and nothing else', async (t) => {
    const clickHouse = await startClickHouse();
    t.after(() => clickHouse.stop());
    const place = await createPlace(t);
    const database = await createDatabase(t, place, clickHouse);
    const { host, port, user, password } = clickHouse;
    const secret = join(place.directory, 'secret');
    writeFileSync(secret, 'wrong\n');
    const service = await startService(t, place, {
      clickhouse: { host, port, user, password_file: secret, database },
      as_cli: { executable: join(PACKAGE_ROOT, 'bin/as-cli') },
      service: { circuit_breaker: { open_seconds: 0.2, max_open_seconds: 0.5 } },
    });
    const files = [0, 1, 2].map((n) => writeScript(place, `${n}.csv`, `a\n${n}`));
    const messages = files.map((filename) => ({ value: JSON.stringify({ filename, tenant: 'acme' }) }));
    await produce(place.kafka.brokers, place.topic, messages);
    await service.seen('breaker.open', 2, DEADLINE_MS);
    assert.deepEqual(service.events('config.reloaded'), []);
    change(place, service, { thread_pool_size: 'being edited' });
    writeFileSync(secret, `${password}\n`);
    await service.seen('job.loaded', files.length, DEADLINE_MS);
    assert.deepEqual(
      service.events('config.reloaded').map(({ by, changed }) => [by, changed]),
      [['a refused password', ['clickhouse.password: changed']]],
    );
    assert.deepEqual([service.events('config.refused'), service.events('letter.sent')], [[], []]);
    assert.equal(await service.stop(), 0);
  });

  it('more slots and fewer while loads run, with none lost and none twice', async (t) => {
    const place = await createPlace(t);
    const service = await startService(t, place, { thread_pool_size: 2 });
    const gate = join(place.directory, 'gate');
    const file = writeScript(place, 'load', `until [ -e '${gate}' ]; do sleep 0.1; done`);
    const messages = Array.from({ length: 12 }, () => ({ value: JSON.stringify({ filename: file }) }));
    await produce(place.kafka.brokers, place.topic, messages);
    const starts = () => readLedger(place).filter(({ what }) => what === 'start');
    await waitUntil(() => starts().length === 2, DEADLINE_MS, 'two loads');
    change(place, service, { thread_pool_size: 4 });
    assert.deepEqual((await reload(service))['changed'], ['thread_pool_size: 2 -> 4']);
    await waitUntil(() => starts().length === 4, DEADLINE_MS, 'four loads');
    assert.equal((await statusOf(service)).slots, 4);
    await measures(service, { atd_slots: 4 });
    change(place, service, { thread_pool_size: 1 });
    await reload(service, 2);
    assert.equal((await statusOf(service)).slots, 1);
    writeFileSync(gate, '');
    await service.seen('job.loaded', 12, DEADLINE_MS);
    // The four that ran end, in any order, and from then on there is one at a time.
    const [first, rest] = [readLedger(place).slice(0, 8), readLedger(place).slice(8)];
    assert.deepEqual(
      first.map(({ what }) => what),
      [...Array(4).fill('start'), ...Array(4).fill('end')],
    );
    assert.deepEqual(
      rest.map(({ what }) => what),
      Array.from({ length: 16 }, (_, at) => (at % 2 === 0 ? 'start' : 'end')),
    );
    assert.equal(new Set(starts().map(({ job }) => job)).size, 12);
    await waitUntil(() => launchersOf(service).length === 1, DEADLINE_MS, 'the other threads have ended');
    assert.equal((await service.ask('/readyz')).status, 200);
    assert.equal(await service.stop(), 0);
    assert.equal(service.events('drain.done').length, 1);
  });

  it('slots that adapt, and a number of them again', async (t) => {
    const { place, service } = await started(t, { thread_pool_size: 2 });
    change(place, service, { thread_pool_size: 'auto' });
    await reload(service);
    const { adaptiveSlots } = (await (await service.ask('/api/status')).json()) as { adaptiveSlots: object | null };
    assert.notEqual(adaptiveSlots, null);
    change(place, service, { thread_pool_size: 3 });
    await reload(service, 2);
    assert.equal((await statusOf(service)).slots, 3);
    assert.equal((await load(place, service, 'load', 'exit 0', 1))?.['result'], 'succeeded');
    assert.equal(await service.stop(), 0);
  });
});

/** The small processes that its threads keep. */
function launchersOf({ pid }: ServiceProcess): string[] {
  return readdirSync(`/proc/${pid}/task`)
    .filter((task) => task !== String(pid))
    .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' '))
    .filter((child) => child.trim() !== '');
}

describe('a reload is refused as a whole', () => {
  it('where one setting is wrong, says which, and the old ones go on until it is mended', async (t) => {
    const { place, service } = await started(t, { thread_pool_size: 2, log_level: 'debug' });
    await measures(service, { atd_last_reload_successful: 1 });
    assert.equal((await statusOf(service)).settings.lastReload, null);
    change(place, service, { thread_pool_size: 'many', log_level: 'error' });
    service.signal('SIGHUP');
    const [refused] = await service.seen('config.refused', 1, DEADLINE_MS);
    const file = join(place.directory, `${service.clientId}.yaml`);
    const why = `thread_pool_size must be a whole number, or auto; it is "many" (from file ${file})`;
    assert.deepEqual([refused?.level, refused?.['consequence']], ['error', 'the settings from before hold']);
    const { slots, settings } = await statusOf(service);
    for (const text of [refused?.['error'], settings.lastReload.error])
      assert.ok(String(text).includes(why), String(text));
    assert.deepEqual([slots, settings.lastReload.by, settings.lastReload.changed], [2, 'SIGHUP', []]);
    await measures(service, { 'atd_reloads_total{result="refused"}': 1, atd_last_reload_successful: 0 });
    assert.equal((await load(place, service, 'one', 'echo loaded', 1))?.['result'], 'succeeded');
    assert.equal(service.events('child.line').length, 1, 'the log has its level from before');
    change(place, service, { thread_pool_size: 3, log_level: 'debug' });
    await reload(service);
    assert.equal((await statusOf(service)).settings.lastReload.error, null);
    await measures(service, { 'atd_reloads_total{result="succeeded"}': 1, atd_last_reload_successful: 1 });
    assert.equal(await service.stop(), 0);
  });

  const WRONG: readonly (readonly [
    what: string,
    breakIt: (place: Place, service: ServiceProcess) => void,
    why: RegExp,
  ])[] = [
    [
      'the file is no YAML',
      (place, { clientId }) => writeFileSync(join(place.directory, `${clientId}.yaml`), 'kafka: [\n'),
      /cannot read the configuration file/,
    ],
    [
      'the file holds no settings',
      (place, { clientId }) => writeFileSync(join(place.directory, `${clientId}.yaml`), '- a list\n'),
      /holds no settings/,
    ],
    ['a key is misspelt', (...of) => change(...of, { log_levle: 'info' }), /did you mean log_level\?/],
    [
      'a file of a secret cannot be read',
      (...of) => change(...of, { 'clickhouse.password_file': '/nowhere/secret' }),
      /clickhouse\.password_file cannot be used: \/nowhere\/secret: ENOENT/,
    ],
    [
      'the list of tenants is of no use',
      (...of) => change(...of, { 'tenants.allowed_file': '/dev/null' }),
      /tenants\.allowed_file \/dev\/null cannot be used: it is a device/,
    ],
    [
      'the loader of the next start is not there',
      (...of) => change(...of, { 'as_cli.executable': '/nowhere/as-cli' }),
      /as_cli\.executable \/nowhere\/as-cli is not an executable file/,
    ],
    [
      'two settings make no sense together',
      (...of) => change(...of, { 'service.retry.backoff_seconds': 400 }),
      /backoff_seconds must not exceed/,
    ],
    [
      'it would not go together with what only a restart changes',
      (...of) => change(...of, { 'ingest.max_queued_jobs': 300, thread_pool_size: 256 }),
      /not beside ingest\.max_queued_jobs as the service has it/,
    ],
  ];
  it('where anything else is wrong, one after the other', async (t) => {
    const { place, service } = await started(t, { ingest: { max_queued_jobs: 100 } });
    const file = join(place.directory, `${service.clientId}.yaml`);
    const good = readFileSync(file, 'utf8');
    for (const [at, [what, breakIt, why]] of WRONG.entries()) {
      writeFileSync(file, good);
      breakIt(place, service);
      service.signal('SIGHUP');
      const refused = (await service.seen('config.refused', at + 1, DEADLINE_MS)).at(-1);
      assert.match(String(refused?.['error']), why, what);
    }
    writeFileSync(file, good);
    assert.deepEqual((await reload(service))['changed'], []);
    assert.equal((await load(place, service, 'one', 'exit 0', 1))?.['result'], 'succeeded');
    assert.equal(await service.stop(), 0);
  });
});

describe('a reload', () => {
  it('names what needs a restart, in log and status, as long as it reads otherwise', async (t) => {
    const { place, service } = await started(t);
    change(place, service, { 'kafka.poll_timeout_ms': 500, 'http.hosts': ['loader'], 'tenants.max_loads': 1 });
    const { level, changed, needRestart } = await reload(service);
    assert.deepEqual([level, changed], ['warn', ['tenants.max_loads: null -> 1']]);
    assert.deepEqual(needRestart, ['kafka.poll_timeout_ms', 'http.hosts']);
    assert.deepEqual((await statusOf(service)).settings.needRestart, needRestart);
    change(place, service, { 'kafka.poll_timeout_ms': null, 'http.hosts': null });
    assert.deepEqual((await reload(service, 2))['level'], 'info');
    assert.deepEqual((await statusOf(service)).settings.needRestart, []);
    assert.equal(await service.stop(), 0);
  });

  it('by the HTTP side needs the token, is no answer to GET, and says what became of it', async (t) => {
    const place = await createScriptedPlace(t);
    const token = join(place.directory, 'token');
    writeFileSync(token, 'the-token\n');
    const service = await startService(t, place, { http: { token_file: token }, thread_pool_size: 2 });
    const ask = async (method: string, authorization: string) => {
      const answer = await service.ask('/api/v1/reload', { method, headers: { Authorization: authorization } });
      return [answer.status, await answer.json().catch(() => null)] as const;
    };
    change(place, service, { thread_pool_size: 3 });
    assert.equal((await ask('GET', 'Bearer the-token'))[0], 405);
    assert.equal((await ask('POST', 'Bearer another'))[0], 401);
    assert.equal((await ask('POST', ''))[0], 401);
    assert.equal((await statusOf(service)).settings.lastReload, null);
    const taken = { changed: ['thread_pool_size: 2 -> 3'], needRestart: [] };
    assert.deepEqual(await ask('POST', 'Bearer the-token'), [200, taken]);
    assert.equal((await statusOf(service)).slots, 3);
    change(place, service, { thread_pool_size: 0 });
    const [status, body] = await ask('POST', 'Bearer the-token');
    assert.equal(status, 422);
    assert.match(String((body as { error: string }).error), /thread_pool_size .*\nthe settings from before hold$/s);
    assert.equal(service.events('config.reloaded').at(-1)?.['by'], '/api/v1/reload');
    assert.equal(await service.stop(), 0);
  });

  it('is one after the other, however many are asked for, and the last one reads what is there last', async (t) => {
    const { place, service } = await started(t, { thread_pool_size: 1 });
    assert.equal((await load(place, service, 'before', 'exit 0', 1))?.['result'], 'succeeded');
    for (let slots = 2; slots <= 10; slots += 1) {
      change(place, service, { thread_pool_size: slots });
      service.signal('SIGHUP');
    }
    await service.until(async () => (await statusOf(service)).slots === 10, DEADLINE_MS, 'the last of them');
    assert.deepEqual(service.events('config.refused'), []);
    await waitUntil(() => launchersOf(service).length === 10, DEADLINE_MS, 'the threads of all others have ended');
    assert.equal((await load(place, service, 'one', 'exit 0', 2))?.['result'], 'succeeded');
    assert.equal(await service.stop(), 0);
  });

  it('that is asked for before the service has joined its group is done', async (t) => {
    const place = await createScriptedPlace(t);
    const release = place.broker.hold('JoinGroup');
    const service = spawnService(t, place, { thread_pool_size: 2 });
    await service.seen('service.started', 1, DEADLINE_MS);
    change(place, service, { thread_pool_size: 3 });
    await reload(service);
    release();
    await service.seen('partitions.assigned', 1, DEADLINE_MS);
    assert.equal((await statusOf(service)).slots, 3);
    assert.equal(await service.stop(), 0);
  });

  it('is ignored in a stop, which goes on', async (t) => {
    const { place, service } = await started(t, { thread_pool_size: 2 });
    const gate = join(place.directory, 'gate');
    announce(place, writeScript(place, 'load', `until [ -e '${gate}' ]; do sleep 0.1; done`));
    await service.seen('child.started', 1, DEADLINE_MS);
    service.signal('SIGTERM');
    await service.seen('drain.begun', 1, DEADLINE_MS);
    change(place, service, { thread_pool_size: 3 });
    service.signal('SIGHUP');
    await service.seen('config.ignored', 1, DEADLINE_MS);
    writeFileSync(gate, '');
    assert.equal(await service.exited, 0);
    assert.deepEqual([service.events('job.loaded').length, service.events('config.reloaded').length], [1, 0]);
  });
});
