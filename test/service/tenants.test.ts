/** Many tenants in one topic: what one of them announces, and how it fares, holds up no other. */
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { test } from 'node:test';
import { groupOffsets, produce } from '../sandbox/topics.js';
import { createPlace, type Place, type ServiceProcess, startService, writeScript } from '../support/service-process.js';

const DEADLINE_MS = 240_000;
/** Jobs of a flood that may be started between the arrival of another tenant's file and its start. */
const AHEAD = 8;

interface Status {
  readonly state: string;
  readonly breaker: { readonly state: string };
  readonly tenants: readonly { readonly tenant: string; readonly waiting: number; readonly running: number }[];
  readonly heldTenants: readonly { readonly tenant: string; readonly records: number }[];
  readonly allowList: { readonly file: string; readonly tenants: number; readonly error: string | null } | null;
  readonly totals: { readonly tenants: readonly { readonly tenant: string; readonly loaded: number }[] };
  readonly heldTables: readonly { readonly table: string; readonly cause: string; readonly jobs: number }[];
}

async function statusOf(service: ServiceProcess): Promise<Status> {
  return (await (await service.ask('/api/status')).json()) as Status;
}

async function announce(
  place: Place,
  files: readonly (readonly [string, string])[],
  partition?: number,
  lane?: string,
) {
  const messages = files.map(([filename, tenant]) => ({
    value: JSON.stringify({ filename, tenant }),
    ...(partition === undefined ? {} : { partition }),
    ...(lane === undefined ? {} : { headers: { lane } }),
  }));
  await produce(place.kafka.brokers, place.topic, messages);
}

/** How many files of the flood were started between the arrival of the other tenant's file and its start. */
function startedMeanwhile({ log }: ServiceProcess, record: string): number {
  const taken = log.findIndex((line) => line.message === 'record.taken' && line['record'] === record);
  const started = log.findIndex(({ message, job }) => message === 'job.started' && job === `${record}/0`);
  assert.ok(taken >= 0 && started > taken, `${record} is taken in line ${taken} and started in line ${started}`);
  return log.slice(taken, started).filter(({ message }) => message === 'job.started').length;
}

test('a tenant of which every file is bad holds up no other', async (t) => {
  const place = await createPlace(t);
  const [bad, good] = [writeScript(place, 'bad', 'exit 65'), writeScript(place, 'good', 'true')];
  const files = Array.from({ length: 400 }, (_, n) =>
    n % 2 === 0 ? ([bad, 'bad'] as const) : ([good, 'good'] as const),
  );
  await announce(place, files);
  const settings = { thread_pool_size: 2, service: { retry: { backoff_seconds: 60, max_backoff_seconds: 60 } } };
  const service = await startService(t, place, settings);
  const isDone = () => service.events('job.loaded').length === 200;
  await service.until(isDone, DEADLINE_MS, 'all files of the other tenant are loaded');
  const { breaker, heldTables } = await statusOf(service);
  assert.equal(breaker.state, 'closed');
  assert.deepEqual(
    heldTables.map(({ table, cause }) => [table, cause]),
    [['atd_bad', 'dead-letters']],
  );
  const letters = service.events('letter.sent').length;
  assert.ok(letters >= 10 && letters < 40, `${letters} dead letters`);
  assert.equal((await service.ask('/readyz')).status, 200);
  await announce(place, [[good, 'late']]);
  await service.seen('job.loaded', 201, DEADLINE_MS);
  assert.equal(await service.stop(), 0);
});

for (const [where, partition] of [
  ['the same partition', 0],
  ['another partition', 1],
] as const) {
  test(`a file behind a flood of 10,000 of another tenant in ${where} is started soon`, async (t) => {
    const place = await createPlace(t);
    const [flood, late] = [writeScript(place, 'flood', 'true'), writeScript(place, 'late', 'true')];
    await announce(place, Array(10_000).fill([flood, 'flood']), 0);
    await announce(place, [[late, 'late']], partition);
    const service = await startService(t, place, { thread_pool_size: 2 });
    const record = `${place.topic}/${partition}/${partition === 0 ? 10_000 : 0}`;
    const isLoaded = () => service.events('job.loaded').some(({ job }) => job === `${record}/0`);
    await service.until(isLoaded, DEADLINE_MS, 'the file behind the flood is loaded');
    const ahead = startedMeanwhile(service, record);
    assert.ok(ahead <= AHEAD, `${ahead} files of the flood were started first`);
    const { tenants } = await statusOf(service);
    assert.ok((tenants.find(({ tenant }) => tenant === 'flood')?.waiting ?? 0) > 0, 'the flood is not over');
    t.diagnostic(`${ahead} files of the flood were started between its arrival and its start`);
    assert.equal(await service.stop(), 0);
  });
}

test('a live file passes a backfill of 10,000 of its own tenant and partition, and no lane that nobody knows costs a file', async (t) => {
  const place = await createPlace(t);
  const [old, live] = [writeScript(place, 'old', 'true'), writeScript(place, 'live', 'true')];
  await announce(place, Array(10_000).fill([old, 'acme']), 0, 'backfill');
  await announce(place, [[live, 'acme']], 0, 'live');
  await announce(place, [[live, 'acme']], 0, 'urgent');
  // One may have been given the slot before, and be started only with the commit that says so.
  const service = await startService(t, place, { thread_pool_size: 1 });
  for (const [offset, most] of [
    [10_000, 1],
    [10_001, 2],
  ] as const) {
    const record = `${place.topic}/0/${offset}`;
    const isLoaded = () => service.events('job.loaded').some(({ job }) => job === `${record}/0`);
    await service.until(isLoaded, DEADLINE_MS, 'the file behind the backfill is loaded');
    const ahead = startedMeanwhile(service, record);
    assert.ok(ahead <= most, `${ahead} files were started before that of ${record}`);
  }
  const [unknown] = service.events('lane.unknown');
  assert.deepEqual([unknown?.['record'], unknown?.['lane']], [`${place.topic}/0/10001`, 'urgent']);
  const metrics = await (await service.ask('/metrics')).text();
  assert.match(metrics, /^atd_lane_jobs\{lane="backfill"\} \d+$/m);
  assert.equal(await service.stop(), 0);
});

const TOKEN = 'a-token-of-this-test';

async function order(service: ServiceProcess, path: string, body: object = {}, token = TOKEN) {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await service.ask(`/api/v1/tenants/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: answer.status, body: (await answer.json()) as Readonly<Record<string, unknown>> };
}

const isLoadedOf = (services: readonly ServiceProcess[], tenant: string) =>
  services.flatMap((service) => service.events('job.loaded').filter((line) => line['tenant'] === tenant)).length;

test('a tenant that is paused waits in every instance, also after a restart, until somebody says otherwise', async (t) => {
  const place = await createPlace(t);
  const file = writeScript(place, 'good', 'true');
  const settings = { thread_pool_size: 2, http: { port: 0, token_file: writeScript(place, 'token', TOKEN) } };
  const [first, second] = [await startService(t, place, settings), await startService(t, place, settings)];
  await announce(place, [[file, 'acme']]);
  await first.until(() => isLoadedOf([first, second], 'acme') === 1, DEADLINE_MS, 'either has loaded the first file');

  assert.equal((await order(first, 'acme/pause', {}, 'a-token-of-nobody-xx')).status, 401);
  const paused = await order(first, 'acme/pause', { by: 'maria', reason: 'a bad day' });
  assert.deepEqual([paused.status, paused.body['paused'], paused.body['by']], [200, true, 'maria']);
  const [line] = await second.seen('tenant.paused', 1, DEADLINE_MS);
  assert.deepEqual([line?.['tenant'], line?.['reason']], ['acme', 'a bad day']);
  const before = isLoadedOf([first, second], 'acme');
  const files = Array.from({ length: 40 }, (_, n) => [file, n % 2 === 0 ? 'acme' : 'globex'] as const);
  await announce(place, files);
  await first.until(() => isLoadedOf([first, second], 'globex') === 20, DEADLINE_MS, 'the other tenant is loaded');
  assert.equal(isLoadedOf([first, second], 'acme'), before);

  assert.equal(await first.stop(), 0);
  assert.equal(await second.stop(), 0);
  const third = await startService(t, place, settings);
  await announce(place, [[file, 'globex']]);
  await third.until(() => isLoadedOf([third], 'globex') === 1, DEADLINE_MS, 'the other tenant is loaded');
  assert.equal(isLoadedOf([third], 'acme'), 0);
  assert.deepEqual(((await statusOf(third)) as { pauses?: { tenant: string }[] }).pauses?.[0]?.tenant, 'acme');

  assert.deepEqual((await order(third, 'acme/resume')).body, { tenant: 'acme', paused: false });
  await third.until(() => isLoadedOf([third], 'acme') === 20, DEADLINE_MS, 'what waited is loaded');
  assert.equal(await third.stop(), 0);
  for (const { committed, end } of await groupOffsets(place.kafka.brokers, place.group, place.topic)) {
    assert.equal(committed ?? 0, end);
  }
});

test('a pause with an end is over by itself', async (t) => {
  const place = await createPlace(t);
  const file = writeScript(place, 'good', 'true');
  const settings = { http: { port: 0, token_file: writeScript(place, 'token', TOKEN) } };
  const service = await startService(t, place, settings);
  assert.equal((await order(service, 'acme/pause', { seconds: 1 })).status, 200);
  await announce(place, [[file, 'acme']]);
  await service.seen('job.loaded', 1, DEADLINE_MS);
  const events = service.log.map(({ message }) => message);
  assert.ok(events.indexOf('tenant.resumed') < events.indexOf('job.started'));
  assert.equal(await service.stop(), 0);
});

test('where no token is set nothing can be changed, and everything can be seen', async (t) => {
  const place = await createPlace(t);
  const service = await startService(t, place);
  const { status, body } = await order(service, 'acme/pause');
  assert.deepEqual([status, body], [403, { error: 'nothing can be changed here: http.token_file is not set' }]);
  assert.equal((await service.ask('/api/v1/tenants')).status, 200);
  assert.equal(await service.stop(), 0);
});

test('a tenant that the allow-list does not have yet waits for it, and costs no letter', async (t) => {
  const place = await createPlace(t);
  const good = writeScript(place, 'good', 'true');
  await announce(place, [
    [good, 'late'],
    [good, 'known'],
    [good, 'late'],
  ]);
  const tenants = { allowed: ['known'], unknown: 'hold', hold_seconds: 3_600 };
  const service = await startService(t, place, { tenants });
  await service.seen('job.loaded', 1, DEADLINE_MS);
  const held = async () => (await statusOf(service)).heldTenants.map(({ tenant, records }) => [tenant, records]);
  await service.until(async () => String(await held()) === 'late,2', DEADLINE_MS, 'both wait');
  const metrics = await (await service.ask('/metrics')).text();
  assert.match(metrics, /^atd_held_records 2$/m);
  assert.deepEqual(
    service.events('record.held').map(({ tenant }) => tenant),
    ['late'],
  );
  assert.equal((await service.ask('/readyz')).status, 200);
  assert.equal(await service.stop(), 0);
  const next = await startService(t, place, { tenants: { ...tenants, allowed: ['known', 'late'] } });
  await next.seen('job.loaded', 2, DEADLINE_MS);
  assert.equal(await next.stop(), 0);
  assert.equal(next.events('letter.sent').length, 0);
});

test('the file of tenants is obeyed without a restart', async (t) => {
  const place = await createPlace(t);
  const good = writeScript(place, 'good', 'true');
  const list = writeScript(place, 'allowed', 'known');
  const replace = (text: string) => renameSync(writeScript(place, 'next', text), list);
  await announce(place, Array(3).fill([good, 'late']), 0);
  const tenants = { allowed_file: list, unknown: 'hold', hold_seconds: 3_600 };
  const service = await startService(t, place, { tenants });
  const held = async () => (await statusOf(service)).heldTenants.map(({ tenant, records }) => [tenant, records]);
  await service.until(async () => String(await held()) === 'late,3', DEADLINE_MS, 'all wait');

  replace('known # from the start\nlate');
  await service.seen('job.loaded', 3, DEADLINE_MS);
  assert.deepEqual(service.events('tenants.changed')[0]?.['added'], ['late']);
  assert.equal(service.events('record.released')[0]?.['records'], 3);
  assert.deepEqual(await held(), []);

  replace('late, known');
  await service.seen('tenants.unreadable', 1, DEADLINE_MS);
  const { allowList } = await statusOf(service);
  assert.deepEqual([allowList?.file, allowList?.tenants], [list, 2]);
  assert.match(allowList?.error ?? '', /line 1 \("late, known"\) is no tenant/);
  await announce(place, [[good, 'known']], 0);
  await service.seen('job.loaded', 4, DEADLINE_MS);

  replace('known');
  await service.seen('tenants.changed', 2, DEADLINE_MS);
  const files = [
    [good, 'late'],
    [good, 'known'],
  ] as const;
  await announce(place, files, 0);
  await service.until(async () => String(await held()) === 'late,1', DEADLINE_MS, 'a tenant off the list waits');
  await service.seen('job.loaded', 5, DEADLINE_MS);
  const { totals, allowList: after } = await statusOf(service);
  assert.equal(after?.error, null);
  assert.deepEqual(
    totals.tenants.map(({ tenant, loaded }) => [tenant, loaded]),
    [
      ['late', 3],
      ['known', 2],
    ],
  );
  assert.equal(await service.stop(), 0);
  assert.equal(service.events('letter.sent').length, 0);
});

test('a tenant that the allow-list does not get in time is a dead letter', async (t) => {
  const place = await createPlace(t);
  await announce(place, [[writeScript(place, 'good', 'true'), 'never']]);
  const service = await startService(t, place, { tenants: { allowed: ['known'], unknown: 'hold', hold_seconds: 1 } });
  const [letter] = await service.seen('letter.sent', 1, DEADLINE_MS);
  assert.equal(letter?.['disposition'], 'tenant-denied');
  assert.match(
    String(letter?.['reason']),
    /is not in tenants\.allowed or tenants\.allowed_file, nor was it \d+ s later/,
  );
  assert.equal(await service.stop(), 0);
});
