import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import kafkajs, { type Message } from 'kafkajs';
import { createPartitioner, murmur2, toPositive } from '../../lib/kafka/partitioner.js';
import { seededRandom } from '../support/random.js';

/** From Kafka's own `UtilsTest.testMurmur2`. */
const OF_KAFKA: readonly (readonly [key: string, hash: number])[] = [
  ['21', -973_932_308],
  ['foobar', -790_332_482],
  ['a-little-bit-long-string', -985_981_536],
  ['a-little-bit-longer-string', -1_486_304_829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
  ['abc', 479_470_107],
];

/** Counts how often its bytes are read, which time on a busy machine does not show. */
function counted(bytes: Uint8Array): { readonly key: Uint8Array; readonly reads: () => number } {
  let reads = 0;
  const key = new Proxy(bytes, {
    get(target, name) {
      if (typeof name === 'string' && /^\d+$/.test(name)) reads += 1;
      return Reflect.get(target, name, target);
    },
  });
  return { key, reads: () => reads };
}

describe('murmur2', () => {
  for (const [key, hash] of OF_KAFKA) {
    it(`of ${key} is Kafka's`, () => assert.equal(murmur2(Buffer.from(key)), hash));
  }

  it('is that of the client for keys of every length and every byte', () => {
    const random = seededRandom(1);
    const byClient = kafkajs.Partitioners.DefaultPartitioner();
    const partitionMetadata = Array.from({ length: 1_009 }, (_, partitionId) => ({ partitionId, leader: 1 }));
    for (let length = 0; length < 200; length += 1) {
      const key = Buffer.from(Array.from({ length }, () => random.below(256)));
      const args = { topic: 't', partitionMetadata, message: { key, value: null } } as never;
      assert.equal(toPositive(murmur2(key)) % 1_009, byClient(args), key.toString('hex'));
    }
  });

  it('reads each byte of a key once, however long it is', () => {
    for (const length of [0, 1, 2, 3, 4, 5, 1_000, 100_003]) {
      const { key, reads } = counted(new Uint8Array(length).fill(7));
      murmur2(key);
      assert.equal(reads(), length);
    }
  });
});

describe('createPartitioner', () => {
  const metadata = (...leaders: number[]) => leaders.map((leader, partitionId) => ({ partitionId, leader }));
  const place = (message: Partial<Message>, leaders: number[], partitioner = createPartitioner()): number =>
    partitioner({ topic: 't', partitionMetadata: metadata(...leaders), message: { value: null, ...message } } as never);

  it('takes the partition that a message names', () => {
    assert.equal(place({ partition: 3, key: 'foobar' }, [1, 1, 1, 1]), 3);
  });

  it('places a key by its hash, as text or as bytes, also where the partition has no leader', () => {
    const expected = (-790_332_482 & 0x7fffffff) % 5;
    for (const key of ['foobar', Buffer.from('foobar')]) assert.equal(place({ key }, [-1, -1, -1, -1, -1]), expected);
    assert.equal(place({ key: '' }, [1, 1, 1]), toPositive(murmur2(new Uint8Array())) % 3, 'an empty key is a key');
  });

  it('places messages without a key one after the other, where there is a leader', () => {
    const partitioner = createPartitioner();
    const places = Array.from({ length: 6 }, () => place({ key: null }, [1, -1, 1, 1], partitioner));
    assert.deepEqual([...new Set(places)].sort(), [0, 2, 3]);
    assert.deepEqual(places.slice(0, 3), places.slice(3));
  });

  it('places a message that is sent again where it was', () => {
    const partitioner = createPartitioner();
    const messages = Array.from({ length: 5 }, () => ({ value: null }));
    const places = () =>
      messages.map((message) => partitioner({ topic: 't', partitionMetadata: metadata(1, 1, 1), message } as never));
    assert.deepEqual(places(), places());
  });

  it('places them although there is no leader', () => {
    const partitioner = createPartitioner();
    const places = Array.from({ length: 3 }, () => place({}, [-1, -1, -1], partitioner));
    assert.deepEqual(places.sort(), [0, 1, 2]);
  });
});
