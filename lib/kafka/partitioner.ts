/**
 * Which partition a message goes to, as the Java clients choose it: by the key's murmur2, else one after the other. kafkajs
 * 2.2.4 computes that hash with numbers that grow with the key, so that a key of a megabyte stops the event loop for minutes.
 */
import type { PartitionerArgs } from 'kafkajs';

const SEED = 0x9747b28c;
const M = 0x5bd1e995;
const R = 24;

/** Kafka's 32-bit murmur2, signed as in Java; one pass over the key. */
export function murmur2(key: Uint8Array): number {
  const whole = key.length & ~3;
  let h = SEED ^ key.length;
  for (let at = 0; at < whole; at += 4) {
    let k =
      (key[at] as number) |
      ((key[at + 1] as number) << 8) |
      ((key[at + 2] as number) << 16) |
      ((key[at + 3] as number) << 24);
    k = Math.imul(k, M);
    k = Math.imul(k ^ (k >>> R), M);
    h = Math.imul(h, M) ^ k;
  }
  const rest = key.length - whole;
  if (rest > 0) {
    for (let at = rest - 1; at >= 0; at -= 1) h ^= (key[whole + at] as number) << (8 * at);
    h = Math.imul(h, M);
  }
  h = Math.imul(h ^ (h >>> 13), M);
  return h ^ (h >>> 15);
}

/** Java's: the sign is cut off, not turned. */
export function toPositive(hash: number): number {
  return hash & 0x7fffffff;
}

/**
 * For a producer's `createPartitioner`. kafkajs asks again for each message of a request that was taken in part, and sends those
 * that went elsewhere twice; so a message stays where it was.
 */
export function createPartitioner(): (args: PartitionerArgs) => number {
  let turn = Math.floor(Math.random() * 2 ** 31);
  const placed = new WeakMap<object, number>();
  return ({ message, partitionMetadata }) => {
    if (typeof message.partition === 'number') return message.partition;
    const { key } = message;
    if (key !== null && key !== undefined) {
      return toPositive(murmur2(typeof key === 'string' ? Buffer.from(key) : key)) % partitionMetadata.length;
    }
    const before = placed.get(message);
    if (before !== undefined) return before;
    turn = toPositive(turn + 1);
    const available = partitionMetadata.filter(({ leader }) => leader >= 0);
    const among = available.length > 0 ? available : partitionMetadata;
    const partition = among[turn % among.length]?.partitionId ?? 0;
    placed.set(message, partition);
    return partition;
  };
}
