/** The dead-letter producer: the real client, against a broker that does what it is told. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import kafkajs from 'kafkajs';
import type { DeadLetter } from '../../lib/core/events.js';
import { UNCLEAR_REFUSALS } from '../../lib/core/rules/letter-form.js';
import { createDeadLetter, type DeadLetterAdapter, type DeadLetterOptions } from '../../lib/kafka/dead-letter.js';
import { objectionTo } from '../../lib/kafka/letter-objection.js';
import type { KafkaRecord } from '../../lib/types.js';
import { hastyKafka, TOPIC } from '../support/group-member.js';
import { CODES } from '../support/kafka-requests.js';
import { ScriptedBroker } from '../support/scripted-broker.js';

const { KafkaJSConnectionError, KafkaJSNumberOfRetriesExceeded } = kafkajs;
const LETTERS = `${TOPIC}.dlq`;
const GZIP = 1;
const EXCERPT_BYTES = 64 * 1024;

const RECORD: KafkaRecord = {
  topic: TOPIC,
  partition: 0,
  offset: 5,
  key: Buffer.from('key'),
  value: Buffer.from('no json'),
  headers: {},
  timestamp: 1_600_000_000_000,
};

/** The letter of a record that could not be read, as the engine composes it. */
function letterOf(changes: Partial<KafkaRecord> = {}): DeadLetter {
  return {
    record: { ...RECORD, ...changes },
    disposition: 'invalid-message',
    reason: 'no JSON',
    files: [],
    attempts: 0,
    exitCode: null,
    signal: null,
    stderrTail: '',
    firstFailedAt: 1_700_000_000_000,
  };
}

function open(t: TestContext, broker: ScriptedBroker, changes: Partial<DeadLetterOptions> = {}): DeadLetterAdapter {
  const names = { sourceTopic: TOPIC, topic: LETTERS, group: 'loaders' };
  const options = { kafka: hastyKafka(broker), ...names, createTopic: true, maxMessageBytes: 1024 * 1024 };
  const letters = createDeadLetter({ ...options, ...changes });
  t.after(() => letters.close());
  return letters;
}

/** The records that were sent, acknowledged or not, with their headers by name. */
function sent(broker: ScriptedBroker) {
  return broker.seen('Produce').map(({ topic, batch }) => {
    const [record] = batch.records;
    const headers = Object.fromEntries((record?.headers ?? []).map(([name, bytes]) => [name, String(bytes)]));
    return { topic, key: record?.key ?? null, value: record?.value ?? null, timestamp: record?.timestamp, headers };
  });
}

const BOTH = { topics: { [TOPIC]: 3, [LETTERS]: 2 } };

describe('a dead letter', () => {
  it('is the record as it was, with headers', async (t) => {
    const broker = await ScriptedBroker.start(t, BOTH);
    await open(t, broker).send(letterOf({ headers: { trace: Buffer.from('abc') } }));
    const [letter] = sent(broker);
    assert.deepEqual([letter?.topic, letter?.key, letter?.value], [LETTERS, RECORD.key, RECORD.value]);
    assert.deepEqual([letter?.headers['atd.disposition'], letter?.headers['trace']], ['invalid-message', 'abc']);
  });

  it('keeps a key and a value that are not there, and those that are empty, apart', async (t) => {
    const broker = await ScriptedBroker.start(t, BOTH);
    const letters = open(t, broker);
    await letters.send(letterOf({ key: null, value: null }));
    await letters.send(letterOf({ key: Buffer.alloc(0), value: Buffer.alloc(0) }));
    assert.deepEqual(
      sent(broker).map(({ key, value }) => [key?.length ?? null, value?.length ?? null]),
      [
        [null, null],
        [0, 0],
      ],
    );
  });

  it('is acknowledged by all replicas, compressed, and of no idempotent producer', async (t) => {
    const broker = await ScriptedBroker.start(t, BOTH);
    await open(t, broker).send(letterOf());
    const [{ acks, batch } = { acks: 0, batch: null }] = broker.seen('Produce');
    assert.deepEqual([acks, batch?.compression, batch?.producerId], [-1, GZIP, -1]);
  });

  it('is not taken for sent before it is acknowledged', async (t) => {
    const broker = await ScriptedBroker.start(t, BOTH);
    const release = broker.hold('Produce');
    let isSent = false;
    const sending = open(t, broker)
      .send(letterOf())
      .then(() => {
        isSent = true;
      });
    await broker.until('Produce', 1);
    assert.equal(isSent, false);
    release();
    await sending;
  });

  it('that is refused is an error that names topic and reason', async (t) => {
    const broker = await ScriptedBroker.start(t, BOTH);
    broker.refuse('Produce', [CODES.TOPIC_AUTHORIZATION_FAILED]);
    const letters = open(t, broker);
    await assert.rejects(letters.send(letterOf()), {
      code: 'ATD_DEAD_LETTER',
      message: /^topic files\.dlq did not take the dead letter: .*[Nn]ot authorized/,
    });
    await letters.send(letterOf());
    assert.equal(
      broker.topics.partitions(LETTERS)?.reduce((count, { end }) => count + end, 0),
      1,
    );
  });

  it('can be sent when brokers are there that were not there for the one before', async (t) => {
    const broker = await ScriptedBroker.start(t, BOTH);
    await broker.close();
    const letters = open(t, broker);
    await assert.rejects(letters.send(letterOf()), { code: 'ATD_DEAD_LETTER' });
    await broker.open();
    await letters.send(letterOf());
    assert.equal(sent(broker).length, 1);
  });

  it('is the first thing for which there is a connection', async (t) => {
    const broker = await ScriptedBroker.start(t, BOTH);
    const letters = open(t, broker);
    await letters.close();
    assert.deepEqual(broker.requests, []);
  });
});

describe('a dead letter that is too large', () => {
  for (const [name, code] of [
    ['message', CODES.MESSAGE_TOO_LARGE],
    ['batch', CODES.RECORD_LIST_TOO_LARGE],
  ] as const) {
    it(`as a ${name} has the beginning of its value, and of the whole the length and the digest`, async (t) => {
      const broker = await ScriptedBroker.start(t, BOTH);
      broker.refuse('Produce', [code]);
      const value = randomBytes(EXCERPT_BYTES + 1);
      await open(t, broker).send(letterOf({ value }));
      const [whole, cut] = sent(broker);
      assert.deepEqual(whole?.value, value);
      assert.deepEqual(cut?.value, value.subarray(0, EXCERPT_BYTES));
      assert.deepEqual(cut?.key, RECORD.key);
      assert.equal(cut?.headers['atd.value-bytes'], String(EXCERPT_BYTES + 1));
      assert.equal(cut?.headers['atd.value-sha256'], createHash('sha256').update(value).digest('hex'));
    });
  }

  it('is sent with less and less, and says what it was sent without', async (t) => {
    const broker = await ScriptedBroker.start(t, BOTH);
    broker.refuse('Produce', Array(4).fill(CODES.MESSAGE_TOO_LARGE));
    const value = randomBytes(EXCERPT_BYTES + 1);
    const without = await open(t, broker).send(letterOf({ value, headers: { large: Buffer.alloc(100) } }));
    assert.deepEqual(without, ['value', 'headers', 'key', 'diagnosis']);
    const bytes = sent(broker).map((letter) => letter.value?.length);
    assert.deepEqual(bytes, [value.length, EXCERPT_BYTES, EXCERPT_BYTES, EXCERPT_BYTES, 0]);
    assert.equal(String(sent(broker).at(-1)?.key), `${TOPIC}/0/5`);
  });

  it('in every form is refused in the end', async (t) => {
    const broker = await ScriptedBroker.start(t, BOTH);
    const letters = open(t, broker);
    broker.refuse('Produce', new Array(100).fill(CODES.MESSAGE_TOO_LARGE));
    const value = randomBytes(EXCERPT_BYTES + 1);
    await assert.rejects(letters.send(letterOf({ value, headers: { trace: Buffer.from('abc') } })), {
      code: 'ATD_DEAD_LETTER',
    });
    const tries = sent(broker);
    assert.ok(tries.length > 2 && tries.length < 10, `${tries.length} tries`);
    assert.equal(tries.at(-1)?.headers['trace'], undefined, 'the last form has nothing of others');
  });
});

describe('a dead letter that is refused without a word of whose fault it is', () => {
  const UNHEARD_OF = 250;
  for (const [name, code] of [
    ['for anything', CODES.UNKNOWN_SERVER_ERROR],
    ['by an error that the client does not know', UNHEARD_OF],
    ['as a request that will not do', CODES.INVALID_REQUEST],
  ] as const) {
    it(`(${name}) is sent as it is at first, and with less after some tries`, async (t) => {
      const broker = await ScriptedBroker.start(t, BOTH);
      const letters = open(t, broker);
      const letter = letterOf({ headers: { trace: Buffer.from('abc') } });
      broker.refuse('Produce', [code, code, code]);
      await assert.rejects(letters.send(letter, UNCLEAR_REFUSALS - 1), (error: Error) => {
        assert.equal(objectionTo(error.cause), 'unclear');
        return true;
      });
      assert.equal(sent(broker).length, 1);
      assert.deepEqual(await letters.send(letter, UNCLEAR_REFUSALS), ['headers', 'key']);
      assert.deepEqual(
        sent(broker).map(({ key, headers }) => [String(key), headers['trace']]),
        [
          ['key', 'abc'],
          ['key', 'abc'],
          ['key', undefined],
          [`${TOPIC}/0/5`, undefined],
        ],
      );
    });
  }

  it('is known by the end of the connection, too, but not by a broker that is not there', () => {
    const end = Object.assign(new Error('Closed connection'), { name: 'KafkaJSConnectionClosedError' });
    const wrapped = new KafkaJSNumberOfRetriesExceeded(end, { retryCount: 3, retryTime: 1 });
    assert.equal(objectionTo(wrapped), 'unclear');
    const refused = new KafkaJSConnectionError('Connection error: connect ECONNREFUSED', { broker: 'broker:9092' });
    assert.equal(objectionTo(new KafkaJSNumberOfRetriesExceeded(refused, { retryCount: 3, retryTime: 1 })), null);
  });
});

describe('the dead-letter topic', () => {
  it('is made like the source, with the first letter and not again', async (t) => {
    const broker = await ScriptedBroker.start(t, { topics: { [TOPIC]: 3 }, replicas: 2 });
    const letters = open(t, broker);
    await letters.send(letterOf());
    await letters.send(letterOf());
    const made = broker
      .seen('CreateTopics')
      .map(({ topic, partitions, replicas }) => ({ topic, partitions, replicas }));
    assert.deepEqual(made, [{ topic: LETTERS, partitions: 3, replicas: 2 }]);
  });

  it('is not made where it is there', async (t) => {
    const broker = await ScriptedBroker.start(t, BOTH);
    await open(t, broker).send(letterOf());
    assert.deepEqual(broker.seen('CreateTopics'), []);
  });

  it('is left to the broker to make where we may not', async (t) => {
    const broker = await ScriptedBroker.start(t, { topics: { [TOPIC]: 3 }, createsTopics: true });
    broker.refuse('CreateTopics', [CODES.CLUSTER_AUTHORIZATION_FAILED]);
    await open(t, broker).send(letterOf());
    assert.equal(broker.topics.partitions(LETTERS)?.length, 1);
  });

  it('that is missing and is not to be made refuses the letter, and no broker makes it either', async (t) => {
    const broker = await ScriptedBroker.start(t, { topics: { [TOPIC]: 3 }, createsTopics: true });
    await assert.rejects(open(t, broker, { createTopic: false }).send(letterOf()), { code: 'ATD_DEAD_LETTER' });
    assert.deepEqual([broker.topics.partitions(LETTERS), broker.seen('CreateTopics')], [null, []]);
  });
});
