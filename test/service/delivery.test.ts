import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupOffsets, produce } from '../sandbox/topics.js';
import { Gate } from '../support/gate.js';
import { isAlive } from '../support/processes.js';
import { createPlace, type Place, readLedger, startService, writeScript } from '../support/service-process.js';

async function announce(place: Place, files: readonly string[]): Promise<void> {
  const messages = files.map((filename, index) => ({ value: JSON.stringify({ filename, tenant: `t${index % 3}` }) }));
  await produce(place.kafka.brokers, place.topic, messages);
}

/** Jobs that ended with exit code 0, each as often as it did. */
function loaded(place: Place): string[] {
  return readLedger(place)
    .filter(({ what, value }) => what === 'end' && value === 0)
    .map(({ job }) => job);
}

test('slow loads and a small queue lose nothing: every message is loaded once and committed', async (t) => {
  const place = await createPlace(t);
  const script = writeScript(place, 'slow', 'sleep 0.5');
  const service = await startService(t, place, { thread_pool_size: 4, ingest: { max_queued_jobs: 8 } });
  await announce(place, Array(60).fill(script));
  await service.until(() => loaded(place).length >= 60, 60_000, '60 loads');
  assert.equal(await service.stop(), 0);
  assert.equal(new Set(loaded(place)).size, 60);
  assert.equal(loaded(place).length, 60, 'no message is loaded twice');
  assert.ok(service.events('partitions.paused').length > 0, 'reading was held back');
  for (const { committed, end } of await groupOffsets(place.kafka.brokers, place.group, place.topic)) {
    assert.equal(committed ?? 0, end);
  }
});

test('a stop in the middle of 200 loads ends in order, and the next start loads the rest', async (t) => {
  const place = await createPlace(t);
  // Those that are loaded after the first 60 wait until the service stops, however late this process asks for it.
  const stopping = new Gate(place);
  const script = writeScript(place, 'short', stopping.after(60));
  const first = await startService(t, place);
  await announce(place, Array(200).fill(script));
  await first.until(() => loaded(place).length >= 60, 60_000, 'some loads');
  first.signal('SIGTERM');
  await first.seen('service.stopping', 1, 10_000);
  stopping.open();
  assert.equal(await first.exited, 0);
  const before = loaded(place).length;
  assert.ok(before < 200, 'it stopped in the middle');
  const starts = readLedger(place).filter(({ what }) => what === 'start');
  assert.deepEqual(
    starts.filter(({ value: pid }) => isAlive(pid)),
    [],
    'no child is left',
  );
  const second = await startService(t, place);
  await second.until(() => new Set(loaded(place)).size >= 200, 60_000, 'all loads');
  assert.equal(await second.stop(), 0);
  assert.equal(loaded(place).length, 200, 'what was loaded ahead of an unfinished record is not loaded again');
  for (const { committed, end } of await groupOffsets(place.kafka.brokers, place.group, place.topic)) {
    assert.equal(committed ?? 0, end);
  }
});

test('a second signal stops the running loads, which are left to the next start', async (t) => {
  const place = await createPlace(t);
  const script = writeScript(place, 'long', 'sleep 3000');
  const service = await startService(t, place);
  await announce(place, Array(4).fill(script));
  await service.seen('job.started', 4, 30_000);
  service.signal('SIGTERM');
  await service.seen('service.stopping', 1, 10_000);
  service.signal('SIGTERM');
  assert.equal(await service.exited, 0);
  const ends = service.events('job.ended').map((line) => line['result']);
  assert.deepEqual(ends, ['stopped', 'stopped', 'stopped', 'stopped']);
  assert.deepEqual(
    readLedger(place).filter(({ value: pid }) => isAlive(pid)),
    [],
  );
  for (const { committed } of await groupOffsets(place.kafka.brokers, place.group, place.topic)) {
    assert.equal(committed ?? 0, 0, 'what was not loaded is not committed');
  }
});

test('an unavailable ClickHouse costs no attempt and no message, and holds reading back until it answers', async (t) => {
  const place = await createPlace(t);
  const flag = `${place.directory}/clickhouse-is-up`;
  const script = writeScript(place, 'sink', `[ -e ${flag} ] || exit 69`);
  const service = await startService(t, place, {
    service: { circuit_breaker: { open_seconds: 0.2, max_open_seconds: 0.5 } },
  });
  await announce(place, Array(12).fill(script));
  await service.seen('breaker.open', 3, 30_000);
  const status = (await (await service.ask('/api/status')).json()) as { breaker: { cause: string } };
  assert.equal(status.breaker.cause, 'sink-unavailable');
  assert.equal((await service.ask('/readyz')).status, 200, 'a restart would not help');
  writeScript(place, 'clickhouse-is-up', '');
  await service.until(() => new Set(loaded(place)).size >= 12, 30_000, 'all loads');
  assert.equal(await service.stop(), 0);
  assert.equal(service.events('letter.sent').length, 0);
  assert.deepEqual(new Set(service.events('job.retry').map((line) => line['charged'])), new Set([false]));
});
