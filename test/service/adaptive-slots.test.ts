/** A service that finds out how many loads at a time are of use. */
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { test } from 'node:test';
import { produce } from '../sandbox/topics.js';
import { createPlace, type ServiceProcess, startService, writeScript } from '../support/service-process.js';

const DEADLINE_MS = 240_000;
const FILES = 60;

interface Status {
  readonly slots: number;
  readonly adaptiveSlots: { readonly max: number; readonly reason: string; readonly since: number | null } | null;
}

async function statusOf(service: ServiceProcess): Promise<Status> {
  return (await (await service.ask('/api/status')).json()) as Status;
}

test('loads that ClickHouse refuses for want of room make fewer run at a time, and all are loaded', async (t) => {
  const place = await createPlace(t);
  const words = 'Code: 252. DB::Exception: Too many parts (300). (TOO_MANY_PARTS)';
  const file = writeScript(place, 'load', `echo '${words}' >&2; exit 1`);
  const value = JSON.stringify({ filename: file, tenant: 'acme' });
  await produce(place.kafka.brokers, place.topic, Array(FILES).fill({ value, partition: 0 }));
  const breaker = { threshold: 10_000 };
  const service = await startService(t, place, { thread_pool_size: 'auto', service: { circuit_breaker: breaker } });
  const isRefused = () => service.events('pool.slots').some(({ reason }) => reason === 'refused');
  await service.until(isRefused, DEADLINE_MS, 'the slots become fewer');
  const { slots, adaptiveSlots } = await statusOf(service);
  assert.ok(slots < 4, `${slots} slots`);
  assert.ok(adaptiveSlots !== null && adaptiveSlots.max >= 4 && adaptiveSlots.since !== null);
  const metrics = await (await service.ask('/metrics')).text();
  assert.match(metrics, /^atd_slots [123]$/m);
  assert.match(metrics, /^atd_slot_changes_total\{reason="refused"\} \d+$/m);

  renameSync(writeScript(place, 'mended', 'true'), file);
  await service.seen('job.loaded', FILES, DEADLINE_MS);
  for (const { before, slots: after } of service.events('pool.slots')) assert.ok(Number(after) !== Number(before));
  t.diagnostic(
    service
      .events('pool.slots')
      .map((line) => `${line['slots']} ${line['reason']}`)
      .join(', '),
  );
  assert.equal(await service.stop(), 0);
});

test('the number of slots is fixed where it is set', async (t) => {
  const place = await createPlace(t);
  const service = await startService(t, place, { thread_pool_size: 3 });
  const { slots, adaptiveSlots } = await statusOf(service);
  assert.deepEqual([slots, adaptiveSlots], [3, null]);
  assert.equal(await service.stop(), 0);
});
