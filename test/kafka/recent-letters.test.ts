/** The letters of a group: the real client, against a broker that does what it is told. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { readRecentLetters } from '../../lib/kafka/recent-letters.js';
import { hastyKafka } from '../support/group-member.js';
import { CODES } from '../support/kafka-requests.js';
import type { WireRecord } from '../support/kafka-wire.js';
import { waitUntil } from '../support/processes.js';
import { ScriptedBroker } from '../support/scripted-broker.js';

const LETTERS = 'files.dlq';

function letter(offset: number, group = 'loads', topic = 'files'): Partial<WireRecord> {
  const headers = { topic, partition: '3', offset: String(offset), 'connector.name': group };
  const named = Object.entries(headers).map(
    ([name, value]) => [`__connect.errors.${name}`, Buffer.from(value)] as const,
  );
  return { value: Buffer.from('{}'), headers: [...named, ['atd.timestamp', Buffer.from(String(offset * 1000))]] };
}

async function startBroker(t: TestContext, letters: Readonly<Record<number, readonly Partial<WireRecord>[]>>) {
  const broker = await ScriptedBroker.start(t, { topics: { [LETTERS]: 2 } });
  for (const [partition, list] of Object.entries(letters)) {
    for (const each of list) broker.topics.append(LETTERS, Number(partition), [each]);
  }
  return broker;
}

function read(broker: ScriptedBroker, letterTopic = LETTERS) {
  return readRecentLetters({ kafka: hastyKafka(broker), letterTopic, groupId: 'loads', topic: 'files' });
}

describe('the recent letters of a group', () => {
  it('are those of the group and its topic, from every partition', async (t) => {
    const others = [letter(1, 'another'), letter(2, 'loads', 'another'), { value: Buffer.from('no letter') }];
    const broker = await startBroker(t, { 0: [letter(7), ...others], 1: [letter(8)] });
    const found = await read(broker);
    assert.deepEqual(
      found.sort((a, b) => a.offset - b.offset),
      [
        { partition: 3, offset: 7, timestamp: 7000 },
        { partition: 3, offset: 8, timestamp: 8000 },
      ],
    );
    assert.equal(broker.seen('JoinGroup').length, 0);
    await waitUntil(() => broker.connections === 0, 20_000, 'all connections are closed');
  });

  it('are the last hundred of a partition', async (t) => {
    const broker = await startBroker(t, { 0: Array.from({ length: 130 }, (_, index) => letter(index)) });
    const offsets = (await read(broker)).map(({ offset }) => offset);
    assert.deepEqual([offsets.length, offsets[0], offsets.at(-1)], [100, 30, 129]);
  });

  it('are none where there is no such topic, which is not made by asking, or no letter', async (t) => {
    const broker = await startBroker(t, {});
    assert.deepEqual([await read(broker, 'other.dlq'), await read(broker)], [[], []]);
    assert.deepEqual(broker.topics.names, [LETTERS]);
  });

  it('are none where they may not be read', async (t) => {
    const broker = await startBroker(t, { 0: [letter(7)] });
    broker.refuse('Fetch', [CODES.TOPIC_AUTHORIZATION_FAILED]);
    assert.deepEqual(await read(broker), []);
  });

  it('are asked for in vain where the broker fails', async (t) => {
    const broker = await startBroker(t, { 0: [letter(7)] });
    broker.refuse('Fetch', [CODES.CORRUPT_MESSAGE]);
    await assert.rejects(read(broker));
  });
});
