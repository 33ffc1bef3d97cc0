import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAll } from '../sandbox/topics.js';
import { runCli } from '../support/cli.js';
import { createPlace, writeScript } from '../support/service-process.js';

test('emit announces the files that it names, and warns of nothing', async (t) => {
  const place = await createPlace(t);
  const env = { ATD_KAFKA_BOOTSTRAP_SERVERS: place.kafka.brokers.join(','), ATD_KAFKA_TOPIC: place.topic };
  const files = ['a', 'b'].map((name) => writeScript(place, name, 'exit 0'));
  const { code, stdout, stderr } = await runCli(['emit', '--tenant', 'acme', '--format', 'csv', ...files], env);
  assert.deepEqual([code, stderr], [0, '']);
  assert.deepEqual(stdout.split('\n'), [
    ...files.map((file) => `${file} (tenant acme)`),
    `2 announced on ${place.topic}`,
    '',
  ]);
  const messages = await readAll(place.kafka.brokers, place.topic);
  for (const { headers } of messages) assert.deepEqual(headers, {});
  const announced = messages.map(({ value }) => JSON.parse(String(value)) as Record<string, unknown>);
  assert.deepEqual(announced.map(({ filename }) => filename).sort(), files);
  for (const { tenant, format } of announced) assert.deepEqual([tenant, format], ['acme', 'csv']);
});

test('emit names the lane of what it announces', async (t) => {
  const place = await createPlace(t);
  const env = { ATD_KAFKA_BOOTSTRAP_SERVERS: place.kafka.brokers.join(','), ATD_KAFKA_TOPIC: place.topic };
  const file = writeScript(place, 'a', 'exit 0');
  const samples = ['-n', '2', '--rows', '1', '--dir', place.directory];
  for (const args of [[file], samples]) {
    const { code, stderr } = await runCli(['emit', '--lane', 'backfill', ...args], env);
    assert.deepEqual([code, stderr], [0, '']);
  }
  const messages = await readAll(place.kafka.brokers, place.topic);
  assert.deepEqual(
    messages.map(({ headers }) => headers['lane']),
    ['backfill', 'backfill', 'backfill'],
  );
});
