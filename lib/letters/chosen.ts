/** Letters that somebody has chosen, and what became of them: found in one pass over their topic, and marked as discarded. */
import { randomUUID } from 'node:crypto';
import { readBounds } from '../kafka/admin.js';
import type { Sender } from '../sending/sender.js';
import type { KafkaRecord } from '../types.js';
import { type Choice, isChosen } from './choice.js';
import { type Letter, letterOf } from './letter.js';
import { asking, Book, type Ranges, readLetters, type Source } from './letter-topic.js';
import type { Refused, ReplayRules } from './replay-plan.js';
import { sendMark } from './replay-run.js';

/** Letters of one claim, or of one mark. */
export const BATCH = 100;

interface OfLetter {
  readonly letter: Letter;
}

/** By their partition. */
export interface Chosen<One> {
  readonly book: Book;
  readonly letters: ReadonlyMap<number, readonly One[]>;
  readonly partitions: readonly number[];
}

export async function findChosen<One extends OfLetter>(
  source: Source,
  ranges: Ranges,
  choice: Choice,
  take: (record: KafkaRecord, letter: Letter) => One,
): Promise<Chosen<One>> {
  const book = new Book();
  const letters = new Map<number, One[]>();
  await readLetters(source, ranges, (record) => {
    const letter = book.take(record) ? null : letterOf(record);
    if (letter === null || !isChosen(letter, choice)) return;
    const ofPartition = letters.get(record.partition) ?? [];
    ofPartition.push(take(record, letter));
    letters.set(record.partition, ofPartition);
  });
  return { book, letters, partitions: [...ranges.keys()] };
}

export function all<One>({ letters }: Pick<Chosen<One>, 'letters'>): One[] {
  return [...letters.values()].flat();
}

/** What limits a replay on this topic of files. */
export async function replayRules(
  source: Source,
  { topic, ...limits }: Pick<ReplayRules, 'topic' | 'maxReplays' | 'maxMessageBytes'>,
): Promise<ReplayRules> {
  const bounds = await asking({ ...source, topic }, () => readBounds(source.kafka, topic));
  return { topic, partitions: bounds.size, ...limits };
}

/** Of the chosen ones those that can be discarded, those that are being replayed, and how many were handled before. */
export function forDiscard<One extends OfLetter>(chosen: Chosen<One>) {
  const { book } = chosen;
  const found = all(chosen);
  const done = found.filter(({ letter }) => isUnhandled(book, letter));
  const claimed = found.filter(({ letter }) => book.of(letter.partition).isClaimed(letter.offset));
  const refused = claimed.map(({ letter }): Refused => ({ kind: 'refused', letter, why: 'it is being replayed' }));
  return { done, refused, handled: found.length - done.length - refused.length };
}

/** Neither replayed nor discarded, nor about to be. */
export function isUnhandled(book: Book, { partition, offset }: Letter): boolean {
  return book.of(partition).isFree(offset, { again: false, run: '' });
}

/** @param onDone told of those that are, where further ones may fail */
export async function discardAll<One extends OfLetter>(
  source: Source,
  sender: Sender,
  { letters, book }: Chosen<One>,
  by: string,
  onDone: (batch: readonly One[]) => void = () => undefined,
): Promise<void> {
  for (const [partition, ofPartition] of letters) {
    const open = ofPartition.filter(({ letter }) => isUnhandled(book, letter));
    for (let from = 0; from < open.length; from += BATCH) {
      const batch = open.slice(from, from + BATCH);
      const offsets = batch.map(({ letter }) => letter.offset);
      const mark = { act: 'discarded', id: randomUUID(), by, at: Date.now(), letters: offsets } as const;
      await sendMark({ source, sender }, partition, mark, batch);
      onDone(batch);
    }
  }
}
