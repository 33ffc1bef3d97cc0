/** Whatever a producer may write, through the real consumer, the loads and the letters: nothing ends the service or waits. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { COMPRESSIONS, type Compression, type RawRecord, tryProduceRaw } from '../sandbox/raw-records.js';
import { createTopic, groupOffsets } from '../sandbox/topics.js';
import { createPlace, PARTITIONS, startService, writeScript } from '../support/service-process.js';
import { closeBooks, fixtureLoads } from './ledger.js';
import { FULL, skipOnMock } from './seed.js';

const BATCHES = FULL ? 2_000 : 50;
const SEED = Number(process.env['SEED'] ?? randomInt(2 ** 31));
const MEGABYTE = 1024 * 1024;
const NO_LEADER_YET = 6;

interface Batch {
  readonly partition: number;
  readonly compression: Compression;
  readonly records: readonly RawRecord[];
}

/** Names that mean something to the language, to us or to others, and any other. */
const NAMES = ['constructor', 'toString', 'valueOf', 'hasOwnProperty', '__proto__', 'traceparent', ''].concat([
  ...['atd.replay-count', 'atd.disposition', 'atd.value-bytes', 'atd.headers-unread', 'atd.timestamp'],
  ...['__connect.errors.topic', '__connect.errors.offset', '__connect.errors.exception.message'],
]);
const TRACEPARENT = `00-${'0af7'.repeat(8)}-${'b7ad'.repeat(4)}-01`;

function bytes(maxLength: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ maxLength });
}

/** Many bytes from few choices: what matters is how many they are. */
function manyBytes(): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(fc.integer({ min: 1_000, max: 1.5 * MEGABYTE }), bytes(64))
    .map(([length, pattern]) => Buffer.alloc(length, pattern.length > 0 ? pattern : 7));
}

function headers(): fc.Arbitrary<RawRecord['headers']> {
  const name = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...NAMES) },
    fc.string({ unit: 'binary', maxLength: 40 }),
    bytes(20),
  );
  const value = fc.oneof(
    { weight: 3, arbitrary: fc.constant(null) },
    { weight: 3, arbitrary: bytes(50) },
    fc.string({ unit: 'binary', maxLength: 100 }),
    fc.constant(TRACEPARENT),
    fc.nat().map(String),
  );
  const few = fc.array(fc.tuple(name, value), { maxLength: 12 });
  const many = fc
    .tuple(fc.integer({ min: 900, max: 20_000 }), name, value)
    .map(([count, of, what]) =>
      Array.from({ length: count }, (_, index) => [index % 2 === 0 ? of : `${String(of)}-${index}`, what] as const),
    );
  const large = fc.tuple(name, manyBytes()).map((header) => [header]);
  return fc.oneof({ weight: 30, arbitrary: few }, many, large);
}

/** Files that cannot be loaded are none that are looked for: those would wait for their further attempts. */
function values(good: string): fc.Arbitrary<Uint8Array | null> {
  const loadable = fc
    .record({
      filename: fc.constantFrom(good, [good], [good, good]),
      tenant: fc.constantFrom('acme', 'ACME ', '', null, undefined),
      size: fc.oneof(fc.double(), fc.string(), fc.constant(undefined)),
      format: fc.anything(),
    })
    .map((message) => toJson(message));
  const nearly = fc
    .record({
      filename: fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constant(good), fc.constant('relative')),
      tenant: fc.jsonValue({ maxDepth: 2 }),
    })
    .map((message) => toJson(message));
  return fc.oneof(
    { weight: 4, arbitrary: loadable },
    { weight: 3, arbitrary: nearly },
    { weight: 2, arbitrary: bytes(200) },
    fc.json().map((text) => Buffer.from(text)),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    fc.constant(null),
    manyBytes(),
  );
}

function toJson(message: object): Uint8Array {
  const safe = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);
  try {
    return Buffer.from(JSON.stringify(message, safe));
  } catch {
    return Buffer.from('{"circular": true}');
  }
}

function batches(good: string, now: number): fc.Arbitrary<Batch> {
  const timestamp = fc.oneof(
    { weight: 3, arbitrary: fc.constant(BigInt(now)) },
    fc.constant(BigInt(now) * 1_000n),
    fc.constant(-1n),
    fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }),
  );
  const key = fc.oneof(
    { weight: 6, arbitrary: fc.constant(null) },
    { weight: 6, arbitrary: bytes(40) },
    fc.constant(new Uint8Array(4)),
    manyBytes(),
  );
  return fc.record({
    partition: fc.nat({ max: PARTITIONS - 1 }),
    compression: fc.constantFrom(...(Object.keys(COMPRESSIONS) as Compression[])),
    records: fc.array(fc.record({ key, value: values(good), headers: headers(), timestamp }), {
      minLength: 1,
      maxLength: 4,
    }),
  });
}

test(`row 40: whatever is announced ends loaded or as a letter, and the group at the end (SEED=${SEED})`, async (t) => {
  if (skipOnMock(t, 'is not asked in its own protocol')) return;
  const place = await createPlace(t, {
    'max.message.bytes': String(16 * MEGABYTE),
    'message.timestamp.after.max.ms': String(2n ** 63n - 1n),
  });
  const broker = place.kafka.brokers[0] as string;
  await createTopic(place.kafka.brokers, `${place.topic}.dlq`, 2, { 'max.message.bytes': '100000' });
  const good = writeScript(place, 'good', 'exit 0');
  const service = await startService(t, place, {
    service: { circuit_breaker: { dead_letters: 1_000_000 } },
    ingest: { max_queued_jobs: 100 },
  });

  const next = new Array<number>(PARTITIONS).fill(0);
  const expected: string[] = [];
  const refusals: number[] = [];
  for (const { partition, compression, records } of fc.sample(batches(good, Date.now()), {
    seed: SEED,
    numRuns: BATCHES,
  })) {
    let code = NO_LEADER_YET;
    while (code === NO_LEADER_YET) code = await tryProduceRaw(broker, place.topic, partition, records, compression);
    if (code !== 0) {
      refusals.push(code);
      continue;
    }
    const first = next[partition] as number;
    next[partition] = first + records.length;
    // A message without a value asks for nothing.
    records.forEach(({ value }, index) => {
      if (value !== null) expected.push(`${place.topic}/${partition}/${first + index}`);
    });
  }
  t.diagnostic(`${expected.length} messages with a value; the broker refused ${refusals.length} of ${BATCHES} batches`);
  assert.ok(refusals.length < BATCHES / 2, `most batches are taken; the refusals were ${refusals}`);

  const isAtTheEnd = async () => {
    const offsets = await groupOffsets(place.kafka.brokers, place.group, place.topic);
    return offsets.every(({ committed, end, partition }) => end === next[partition] && (committed ?? 0) === end);
  };
  await service.until(isAtTheEnd, FULL ? 600_000 : 120_000, 'the group is at the end of every partition');
  assert.equal(await service.stop(), 0);
  for (const event of ['kafka.failed', 'letter.refused', 'record.defect', 'service.unreported']) {
    assert.deepEqual(service.events(event), [], event);
  }
  const loads = fixtureLoads(place);
  const { letters } = await closeBooks({ place, records: expected, loads, mayRepeat: false });
  t.diagnostic(`${loads.size} messages loaded, ${letters} letters, ${service.events('letter.cut').length} of them cut`);
  assert.ok(loads.size > 0 && letters > 0);
});
