/**
 * Messages that were given up and are announced again. Such a message stands in the topic a second time, at another offset.
 * Its headers say where it stood first, so that its files are loaded under their first tokens: what of them is in the table
 * already is not added again.
 */
import type { Job, KafkaRecord, ReplayedFile } from '../../types.js';
import { textOf } from './headers.js';

/** `topic/partition/offset@timestamp` of the message that was given up. */
export const REPLAY_OF_HEADER = 'atd.replay-of';
/** Of each file that the message names, its number in that first message; left out where both name the same files. */
export const REPLAY_FILES_HEADER = 'atd.replay-files';
/** How often the rows of these files were asked for anew, whether or not the table has them. */
export const GENERATION_HEADER = 'atd.generation';

/** A topic's name has neither a slash nor an at sign. */
const PLACE = /^([^/@]+)\/(\d{1,10})\/(\d{1,16})@(-?\d{1,17})$/;
const NUMBERS = /^\d{1,5}(?:,\d{1,5})*$/;
const GENERATION = /^\d{1,7}$/;
/** The most that the bundled loader takes. */
export const MAX_GENERATION = 1_000_000;

/** Where a message stood first. */
export interface FirstPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
}

export interface Replay {
  readonly place: FirstPlace;
  /** Of each file its number in the first message; null where it is the same in both. */
  readonly numbers: readonly number[] | null;
  readonly generation: number;
}

export function placeHeader({ topic, partition, offset, timestamp }: FirstPlace): string {
  return `${topic}/${partition}/${offset}@${timestamp}`;
}

/**
 * What a record says that it repeats; null where it repeats nothing. A header that cannot be true is not believed: the first
 * message stands before its repetition in the same partition. So nobody can take the place of a message that is yet to come.
 */
export function replayOf({ topic, partition, offset, headers }: KafkaRecord): Replay | null {
  if (!Object.hasOwn(headers, REPLAY_OF_HEADER)) return null;
  const [, of, number, first, timestamp] = PLACE.exec(textOf(headers[REPLAY_OF_HEADER]) ?? '') ?? [];
  if (of !== topic || Number(number) !== partition || Number(first) >= offset) return null;
  const numbers = textOf(headers[REPLAY_FILES_HEADER]);
  if (numbers !== null && !NUMBERS.test(numbers)) return null;
  const generation = textOf(headers[GENERATION_HEADER]) ?? '';
  return {
    place: { topic, partition, offset: Number(first), timestamp: Number(timestamp) },
    numbers: numbers === null ? null : numbers.split(',').map(Number),
    generation: GENERATION.test(generation) ? Math.min(Number(generation), MAX_GENERATION) : 0,
  };
}

/** What the files of a replay are loaded as, in their order; null where the record names another number of files than its header. */
export function replayedFiles({ place, numbers, generation }: Replay, files: number): ReplayedFile[] | null {
  if (numbers !== null && numbers.length !== files) return null;
  const { topic, partition, offset, timestamp } = place;
  return Array.from({ length: files }, (_, index) => ({
    // Texts that are joined are whole, and are kept for as long as the job waits.
    token: [[topic, partition, offset, numbers?.[index] ?? index].join('/'), timestamp].join('@'),
    generation,
  }));
}

/** A record by the place where it stood first: a letter of it names that, so that it can be replayed again under the same tokens. */
export function atFirstPlace(record: KafkaRecord): KafkaRecord {
  const replay = replayOf(record);
  return replay === null ? record : { ...record, ...replay.place };
}

/** What a record repeats that stands where `atFirstPlace` has put it: a letter does not say where it stood the second time. */
export function replayAtFirstPlace(record: KafkaRecord): Replay | null {
  const replay = replayOf({ ...record, offset: Number.MAX_SAFE_INTEGER });
  return replay?.place.offset === record.offset && replay.place.timestamp === record.timestamp ? replay : null;
}

/**
 * The same at every attempt and every delivery, so that rows which are in the table already are recognised. The timestamp
 * distinguishes a topic that was deleted and made anew, whose offsets begin at 0 again, from the old one.
 */
export function tokenOf({ id, timestamp, replay = null }: Pick<Job, 'id' | 'timestamp' | 'replay'>): string {
  return replay === null ? `${id}@${timestamp}` : replay.token;
}
