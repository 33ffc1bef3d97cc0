/** `atd-ingestion dead-letters replay` and `discard`, on a real Kafka. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { createTopic, readAll } from '../sandbox/topics.js';
import { type Env, runCli } from '../support/cli.js';
import { type Given, sendLetters } from '../support/letters.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { createPlace, PARTITIONS, type Place } from '../support/service-process.js';

const KILLER = pathToFileURL(join(PACKAGE_ROOT, 'test/fixtures/kill-after-acks.mjs')).href;

function dlq({ kafka, topic }: Place, args: readonly string[], env: Env = {}) {
  const settings = { ATD_KAFKA_BOOTSTRAP_SERVERS: kafka.brokers.join(','), ATD_KAFKA_TOPIC: topic };
  return runCli(['dead-letters', ...args], { ...settings, ...env });
}

/** Letters about messages of the first offsets, in the first two partitions of their topic. */
function letters({ topic }: Place, count: number): (Given & { to: number })[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ topic, partition: index % PARTITIONS, offset: index, key: `k${index}`, to: index % 2 },
    value: { filename: [`/data/${index}/good`, `/data/${index}/bad`], tenant: 'acme' },
    files: [`/data/${index}/bad`],
    headers: { lane: 'backfill' },
  }));
}

test('a replay that is killed after each acknowledgement and repeated announces each letter once', async (t) => {
  const place = await createPlace(t);
  const { brokers } = place.kafka;
  await createTopic(brokers, `${place.topic}.dlq`, 2);
  const expected = letters(place, 5);
  await sendLetters(brokers, `${place.topic}.dlq`, expected);

  // The claim, the messages and the end of the claim, of each partition of the letters.
  for (const acknowledgement of [1, 2, 3]) {
    const env = { NODE_OPTIONS: `--import=${KILLER}`, KILL_AFTER_ACKS: String(acknowledgement) };
    const { code, stderr } = await dlq(place, ['replay', '--tenant', 'acme'], env);
    assert.equal(code, 'SIGKILL', stderr);
  }
  const last = await dlq(place, ['replay', '--tenant', 'acme', '--json']);
  assert.deepEqual([last.code, JSON.parse(last.stdout).refused], [0, []], last.stderr);

  const sent = (await readAll(brokers, place.topic)).sort((a, b) => String(a.key).localeCompare(String(b.key)));
  assert.deepEqual(
    sent.map(({ key, value, partition, headers }) => [
      String(key),
      JSON.parse(String(value)).filename,
      partition,
      headers['lane'],
    ]),
    expected.map(({ key, files, partition }) => [key, files, partition, 'backfill']),
  );
  for (const { headers } of sent) {
    assert.deepEqual([headers['atd.replay-count'], headers['atd.replay-files']], ['1', '1']);
    assert.ok(!('atd.disposition' in headers));
  }

  const list = await dlq(place, ['list']);
  assert.equal(list.stdout, `no such dead letters in ${place.topic}.dlq, and 5 replayed or discarded (--all)\n`);
  assert.match((await dlq(place, ['list', '--all'])).stdout, /replayed .*Z by [^ ]+@[^ ]+$/m);
});

test('a replay chooses, refuses, waits for nothing twice, and leaves what was discarded', async (t) => {
  const place = await createPlace(t);
  const { brokers } = place.kafka;
  const topic = `${place.topic}.dlq`;
  const none = await dlq(place, ['replay', '--since', '1h']);
  assert.deepEqual([none.code, none.stdout], [0, `0 dead letters replayed on ${place.topic}\n`], none.stderr);
  await createTopic(brokers, topic, 2);
  const worn = { headers: { 'atd.replay-of': `${place.topic}/0/0@1`, 'atd.replay-count': '3' } };
  await sendLetters(
    brokers,
    topic,
    letters(place, 4).map((one, index) => (index === 3 ? { ...one, ...worn } : one)),
  );

  const dry = await dlq(place, ['replay', '--file', '*', '--dry-run']);
  assert.equal(dry.code, 1);
  assert.match(dry.stdout, /^0\/0 \/data\/0\/bad$/m);
  assert.match(dry.stdout, /^1\/1 not replayed: it was replayed 3 times/m);
  assert.match(dry.stdout, /^3 dead letters would be replayed, 1 refused$/m);
  assert.deepEqual(await readAll(brokers, place.topic), []);

  const discarded = await dlq(place, ['discard', '0/1']);
  assert.deepEqual([discarded.code, discarded.stdout], [0, '1 dead letter discarded\n'], discarded.stderr);
  assert.match((await dlq(place, ['list'])).stdout, /^3 dead letters in .*, and 1 replayed or discarded \(--all\)$/m);

  const one = await dlq(place, ['replay', '0/0', '0/1', '--rate', '100/s']);
  assert.deepEqual(
    [one.code, one.stdout],
    [0, `1 dead letter replayed on ${place.topic}, 1 replayed or discarded before\n`],
    one.stderr,
  );
  const rest = await dlq(place, ['replay', '--reason', 'ROW 12', '--max-replays', '4', '--json']);
  assert.deepEqual(
    JSON.parse(rest.stdout).done.map(({ letter }: { letter: string }) => letter),
    ['1/0', '1/1'],
  );
  const again = await dlq(place, ['replay', '1/0', '--again']);
  assert.match(again.stderr, /^if this is interrupted, go on with --run ([0-9a-f]{8})\n$/);
  const run = /--run (\S+)/.exec(again.stderr)?.[1] as string;
  const goneOn = await dlq(place, ['replay', '1/0', '--again', '--run', run]);
  assert.match(goneOn.stdout, /^0 dead letters replayed/);
  const sent = await readAll(brokers, place.topic);
  const ofOne = sent.filter(({ key }) => String(key) === 'k1').map(({ headers }) => headers['atd.generation'] ?? '0');
  assert.deepEqual([sent.length, ofOne], [4, ['0', '1']]);
});

test('two people who replay the same letters at once announce each once', async (t) => {
  const place = await createPlace(t);
  const { brokers } = place.kafka;
  await createTopic(brokers, `${place.topic}.dlq`, 2);
  await sendLetters(brokers, `${place.topic}.dlq`, letters(place, 7));
  const replays = await Promise.all([1, 2].map(() => dlq(place, ['replay', '--file', '*', '--json'])));
  for (const { code, stderr } of replays) assert.equal(code, 0, stderr);
  const done = replays.flatMap(({ stdout }) => JSON.parse(stdout).done.map(({ source }: { source: string }) => source));
  assert.equal(done.length, 7);
  const sent = await readAll(brokers, place.topic);
  assert.deepEqual(
    sent.map(({ key }) => String(key)).sort(),
    letters(place, 7).map(({ key }) => key),
  );
});

const MISUSE: readonly (readonly [args: readonly string[], says: RegExp])[] = [
  [
    ['replay'],
    /replay needs to know which letters: name their places, or filter them; --file '\*' is all that name a file$/,
  ],
  [['discard'], /discard needs to know which letters/],
  [['replay', '3-1'], /a letter is named by its place, PARTITION\/OFFSET as in the list, not "3-1"$/],
  [['replay', '0/1', '--rate', 'fast'], /--rate fast is no speed; it looks like 20\/s, 100\/min or 1000\/h$/],
  [['replay', '0/1', '--max-replays', 'x'], /--max-replays x is no number from 0 on$/],
  [['replay', '0/1', '--run', 'x'], /--run goes with --again alone$/],
];
for (const [args, says] of MISUSE) {
  test(`dead-letters ${args.join(' ')} is refused in one line`, async () => {
    const { code, stdout, stderr } = await runCli(['dead-letters', ...args]);
    assert.deepEqual([code, stdout], [64, '']);
    assert.match(stderr.trimEnd(), says);
  });
}
