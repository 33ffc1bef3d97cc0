/** What unpacks to far more than it is, through a real broker into the whole service, and back as dead letters. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { produceBatch } from '../sandbox/raw-records.js';
import { produce, readAll } from '../sandbox/topics.js';
import { bombBatch, PACKERS } from '../support/bombs.js';
import { createPlace, startService, writeScript } from '../support/service-process.js';
import { closeBooks, fixtureLoads, lettersByRecord } from './ledger.js';
import { skipOnMock } from './seed.js';

const MIB = 1024 * 1024;
const LIMIT_MIB = 512;
/** Twelve batches of 60 MiB come in one answer: unpacked at once they alone are 720, and twice that when they are copied. */
const LIMIT_TOGETHER_MIB = 640;
/** The broker unpacks snappy in one piece as one piece, too, and takes no zstd that has to be kept as a whole beyond 128 MiB. */
const ZEROS: Readonly<Record<string, number>> = {
  'snappy in one piece': 70 * MIB,
  'snappy in pieces': 70 * MIB,
  'zstd that tells its length': 100 * MIB,
};
const MOST_ZEROS = 400 * MIB;

test('row 63: compressed bombs of every kind become dead letters within 512 MB, and the service goes on', async (t) => {
  if (skipOnMock(t, 'is not asked in its own protocol')) return;
  const place = await createPlace(t, { 'max.message.bytes': String(16 * MIB) });
  const broker = place.kafka.brokers[0] as string;
  const script = writeScript(place, 'good', 'exit 0');
  const good = Buffer.from(JSON.stringify({ filename: script }));
  const announce = async (count: number): Promise<void> =>
    await produce(place.kafka.brokers, place.topic, Array(count).fill({ value: String(good), partition: 0 }));
  await announce(1);
  for (const packer of Object.keys(PACKERS)) {
    const batch = await bombBatch(packer, [good, ZEROS[packer] ?? MOST_ZEROS, good]);
    await produceBatch(broker, place.topic, 0, batch).catch((error: unknown) => assert.fail(`${packer}: ${error}`));
    await announce(1);
  }
  const bombs = Object.keys(PACKERS).length;
  const [loads, letters] = [bombs + 1, bombs * 3];
  let records = loads + letters;

  const service = await startService(t, place);
  await service.until(() => fixtureLoads(place).size === loads, 300_000, 'what is no bomb is loaded');
  await service.seen('letter.sent', letters, 300_000);
  assert.ok(peakMiB(service.pid) < LIMIT_MIB, `it took ${peakMiB(service.pid)} MiB at its peak`);
  t.diagnostic(`at most ${peakMiB(service.pid)} MiB`);
  assert.equal((await service.ask('/livez')).status, 200);
  assert.deepEqual(service.events('kafka.restarting'), []);
  assert.deepEqual(service.events('record.defect'), []);
  assert.equal(await service.stop(), 0);

  await announce(1);
  records += 1;
  const next = await startService(t, place);
  await next.until(() => fixtureLoads(place).size === loads + 1, 120_000, 'what came after the restart is loaded');
  assert.ok(peakMiB(next.pid) < LIMIT_MIB, `it took ${peakMiB(next.pid)} MiB at its peak`);
  assert.equal(await next.stop(), 0);
  const all = Array.from({ length: records }, (_, offset) => `${place.topic}/0/${offset}`);
  const balance = await closeBooks({ place, records: all, loads: fixtureLoads(place), mayRepeat: false });
  assert.equal(balance.letters, letters);
  for (const letter of await readAll(place.kafka.brokers, `${place.topic}.dlq`)) {
    assert.ok((letter.value?.length ?? 0) <= MIB);
    assert.match(letter.headers['__connect.errors.exception.message'] ?? '', /^not read: it is in a batch \(offsets/);
  }
  assert.equal((await lettersByRecord(place)).size, letters);
});

test('row 63: batches that are within the bound one by one are not unpacked all at once', async (t) => {
  if (skipOnMock(t, 'is not asked in its own protocol')) return;
  const place = await createPlace(t, { 'max.message.bytes': String(16 * MIB) });
  const broker = place.kafka.brokers[0] as string;
  const good = Buffer.from(JSON.stringify({ filename: writeScript(place, 'good', 'exit 0') }));
  const batches = 12;
  for (let index = 0; index < batches; index += 1) {
    const batch = await bombBatch('zstd', [good, 30 * MIB, 30 * MIB, good]);
    await produceBatch(broker, place.topic, index % 4, batch);
  }
  const service = await startService(t, place);
  await service.until(() => fixtureLoads(place).size === 2 * batches, 300_000, 'what is no bomb is loaded');
  await service.seen('letter.sent', 2 * batches, 300_000);
  const peak = peakMiB(service.pid);
  assert.equal(await service.stop(), 0);
  t.diagnostic(`at most ${peak} MiB`);
  assert.ok(peak < LIMIT_TOGETHER_MIB, `it took ${peak} MiB at its peak`);
  const records = Array.from(
    { length: 4 * batches },
    (_, index) => `${place.topic}/${index % 4}/${Math.floor(index / 4)}`,
  );
  const balance = await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: false });
  assert.equal(balance.letters, 2 * batches);
  for (const { value } of await readAll(place.kafka.brokers, `${place.topic}.dlq`)) {
    assert.ok((value?.length ?? 0) <= MIB, `${value?.length} bytes`);
  }
});

function peakMiB(pid: number): number {
  return Math.round(Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);
}
