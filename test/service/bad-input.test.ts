import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { produce, readAll } from '../sandbox/topics.js';
import { createPlace, readLedger, type ServiceProcess, startService, writeScript } from '../support/service-process.js';

interface BadInput {
  readonly what: string;
  readonly value: string | Uint8Array;
  readonly disposition: string;
}

const MAX_MESSAGE_BYTES = 1024 * 1024;
const EXCERPT_BYTES = 64 * 1024;

const asMessage = (fields: object) => JSON.stringify(fields);

const BAD_INPUTS: readonly BadInput[] = [
  { what: 'not JSON', value: 'load /tmp/x please', disposition: 'invalid-message' },
  { what: 'JSON of the wrong shape', value: '["/tmp/x"]', disposition: 'invalid-message' },
  { what: 'no filename', value: asMessage({ tenant: 'acme' }), disposition: 'invalid-message' },
  { what: 'a file that is missing', value: asMessage({ filename: '/nowhere/x.parquet' }), disposition: 'file-missing' },
  { what: 'tenant ../x', value: asMessage({ filename: '/tmp/x', tenant: '../x' }), disposition: 'tenant-denied' },
  {
    what: 'tenant a; DROP TABLE',
    value: asMessage({ filename: '/tmp/x', tenant: 'a; DROP TABLE' }),
    disposition: 'tenant-denied',
  },
  { what: 'filename --help', value: asMessage({ filename: '--help' }), disposition: 'path-denied' },
  { what: 'a relative path', value: asMessage({ filename: 'x.parquet' }), disposition: 'path-denied' },
  { what: 'NUL in the name', value: asMessage({ filename: '/tmp/x\0.parquet' }), disposition: 'path-denied' },
  { what: 'a directory', value: asMessage({ filename: '/tmp' }), disposition: 'path-denied' },
  { what: '2 MB of spaces', value: ' '.repeat(2 * 1024 * 1024), disposition: 'invalid-message' },
  { what: 'invalid UTF-8', value: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), disposition: 'invalid-message' },
];

test('bad input ends in the dead-letter topic with its disposition, and the message behind it is loaded', async (t) => {
  const place = await createPlace(t, { 'max.message.bytes': String(4 * 1024 * 1024) });
  const service = await startService(t, place);
  for (const [index, { what, value }] of BAD_INPUTS.entries()) {
    const good = writeScript(place, `good-${index}`, `touch ${place.directory}/loaded-${index}`);
    const messages = [
      { value, key: what, headers: { origin: 'test' }, partition: 0 },
      { value: asMessage({ filename: good }), partition: 0 },
    ];
    await produce(place.kafka.brokers, place.topic, messages);
    const loaded = () => existsSync(`${place.directory}/loaded-${index}`);
    await service.until(loaded, 30_000, `the message behind ${what} is loaded`);
  }
  await produce(place.kafka.brokers, place.topic, [{ value: null, partition: 0 }]);
  const acknowledged = async () => (await metric(service, 'atd_dead_letters_total')) >= BAD_INPUTS.length;
  await service.until(acknowledged, 30_000, 'all dead letters are acknowledged');
  const skipped = async () => (await metric(service, 'atd_records_total{result="tombstone"}')) === 1;
  await service.until(skipped, 30_000, 'the null value is counted');
  assert.equal(await service.stop(), 0);

  const letters = await readAll(place.kafka.brokers, `${place.topic}.dlq`);
  assert.equal(letters.length, BAD_INPUTS.length);
  for (const { what, value, disposition } of BAD_INPUTS) {
    const letter = letters.find(({ key }) => key?.toString() === what);
    assert.ok(letter !== undefined, `a dead letter for ${what}`);
    assert.equal(letter.headers['atd.disposition'], disposition, what);
    assert.equal(letter.headers['origin'], 'test', "the record's own headers are kept");
    assert.equal(letter.headers['__connect.errors.topic'], place.topic);
    const whole = Buffer.from(value as Uint8Array);
    const kept = whole.length > MAX_MESSAGE_BYTES ? whole.subarray(0, EXCERPT_BYTES) : whole;
    assert.deepEqual(letter.value, kept, `the value of ${what} is kept as far as it was read`);
  }
  const missing = letters.find(({ headers }) => headers['atd.disposition'] === 'file-missing');
  assert.equal(missing?.headers['atd.attempts'], '2', 'a missing file is given another chance');
});

test('of several files in one message all are loaded, and one dead letter names those that were not', async (t) => {
  const place = await createPlace(t);
  const service = await startService(t, place);
  const good = writeScript(place, 'good', 'exit 0');
  const bad = writeScript(place, 'bad', 'echo "column Id is missing" >&2; exit 65');
  await produce(place.kafka.brokers, place.topic, [
    { value: asMessage({ filename: [good, bad, '/nowhere/y'], tenant: 'ACME' }) },
  ]);
  await service.until(() => service.events('letter.sent').length > 0, 30_000, 'the dead letter');
  assert.equal(await service.stop(), 0);
  const letters = await readAll(place.kafka.brokers, `${place.topic}.dlq`);
  assert.equal(letters.length, 1);
  const { headers } = letters[0] as { headers: Record<string, string> };
  assert.deepEqual(JSON.parse(headers['atd.files'] as string), [bad, '/nowhere/y']);
  assert.equal(headers['atd.disposition'], 'permanent-failure');
  assert.equal(headers['atd.exit-code'], '65');
  assert.equal(headers['atd.stderr-tail'], 'column Id is missing');
  const starts = readLedger(place).filter(({ what }) => what === 'start');
  assert.equal(starts.length, 2, 'a permanent failure is not tried again, and no child starts for a missing file');
});

/** Sum of the samples of a metric, or of those that begin with a whole `name{labels}`. */
async function metric(service: ServiceProcess, name: string): Promise<number> {
  const text = await (await service.ask('/metrics')).text();
  return text
    .split('\n')
    .filter((line) => line.startsWith(name))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
