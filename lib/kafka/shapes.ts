/** What the Kafka client hands out, as our shapes: offsets as numbers, and bytes that are ours to keep. */

import type { CommittedPosition } from '../core/events.js';
import type { KafkaRecord } from '../types.js';

interface Message {
  readonly offset: string;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers?: unknown;
  readonly timestamp: string;
}

interface Committed {
  readonly offset: string;
  readonly metadata: string | null;
}

export function toRecord(topic: string, partition: number, message: Message): KafkaRecord {
  return {
    topic,
    partition,
    offset: Number(message.offset),
    key: copy(message.key),
    value: copy(message.value),
    headers: (message.headers ?? {}) as KafkaRecord['headers'],
    timestamp: Number(message.timestamp),
  };
}

/** A negative offset stands for none. */
export function toPosition(topic: string, partition: number, committed: Committed | undefined): CommittedPosition {
  const offset = Number(committed?.offset ?? -1);
  return { topic, partition, offset: offset < 0 ? null : offset, metadata: committed?.metadata ?? '' };
}

/** The client hands out views into a whole fetch response, which one slow job would keep in memory. */
function copy(bytes: Uint8Array | null): Uint8Array | null {
  return bytes === null ? null : new Uint8Array(bytes);
}
