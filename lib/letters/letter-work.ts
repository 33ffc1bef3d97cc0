/**
 * Dead letters as a service lists, replays and discards them for people: the last ones of each partition, a bounded number at a
 * time, and one wish after the other. For more there is the command line, by the same rules.
 */
import { randomUUID } from 'node:crypto';
import { AtdError } from '../errors.js';
import { openSender } from '../sending/sender.js';
import { type Choice, isChosen } from './choice.js';
import { all, BATCH, type Chosen, discardAll, findChosen, forDiscard, isUnhandled, replayRules } from './chosen.js';
import { type Letter, letterOf } from './letter.js';
import { Book, type Ranges, rangesSince, readLetters, type Source } from './letter-topic.js';
import type { Handled } from './marks.js';
import { OneByOne } from './one-by-one.js';
import { planReplay, type Refused, type Replayable } from './replay-plan.js';
import { isGone, type ReplayRun, replayBatch, settleClaims } from './replay-run.js';
import { type RowsOf, undoneAmong } from './undone.js';

/** Of each partition; a mark stands behind its letter, so what became of one of these is among them. */
export const LAST_MESSAGES = 2_000;
/** What the messages of the letters that one wish is about may come to in memory. */
const MOST_BYTES = 64 * 1024 * 1024;
/** Letters that one wish may be about. */
export const MOST_LETTERS = 500;
/** Those who look, and those who act: without the token nobody keeps others from acting. */
const MOST_WAITING = 8;
/** As the command line does where nothing is said. */
const MAX_REPLAYS = 3;

export interface LetterSettings {
  readonly source: Source;
  readonly brokers: readonly string[];
  /** The topic that announces files. */
  readonly topic: string;
  readonly maxMessageBytes: number;
  /** Of the ledger; null where there is none. @throws AtdError ATD_UNREACHABLE */
  readonly rowsOf: RowsOf | null;
}

export interface ListedLetter extends Letter {
  readonly handled: Handled | null;
}

export interface LetterOutcome {
  readonly done: readonly Letter[];
  readonly refused: readonly Refused[];
  /** How many of the chosen ones were replayed or discarded before. */
  readonly handled: number;
  /** Why the rest was not done; null where there is none. */
  readonly problem: string | null;
}

export class LetterWork {
  readonly #settings: () => LetterSettings;
  /** Reading takes the topic's last messages into memory: never twice at a time, however many ask. */
  readonly #line = new OneByOne(MOST_WAITING);

  /** @param settings those that hold at the moment */
  constructor(settings: () => LetterSettings) {
    this.#settings = settings;
  }

  /** The newest first, of those that are not handled or, where that is asked for, of all. */
  list(choice: Choice, limit: number, isAll: boolean): Promise<ListedLetter[]> {
    return this.#line.run('look', async () => {
      const { source } = this.#settings();
      const book = new Book();
      const letters: Letter[] = [];
      await readLetters(source, await lastOf(source, choice.since), (record) => {
        const letter = book.take(record) ? null : letterOf(record);
        if (letter !== null && isChosen(letter, choice)) letters.push(letter);
      });
      const listed = letters.map((letter) => ({
        ...letter,
        handled: book.of(letter.partition).handled(letter.offset),
      }));
      const wanted = isAll ? listed : listed.filter(({ handled }) => handled === null);
      return wanted.sort((a, b) => b.sentAt - a.sentAt).slice(0, limit);
    });
  }

  /** @throws AtdError ATD_USAGE where more are chosen than are done at a time; ATD_KAFKA_CONNECT */
  replay(choice: Choice, by: string): Promise<LetterOutcome> {
    return this.#line.run('act', async () => {
      const { source, brokers, topic, maxMessageBytes, rowsOf } = this.#settings();
      const rules = await replayRules(source, { topic, maxReplays: MAX_REPLAYS, maxMessageBytes });
      const ranges = await lastOf(source, choice.since);
      let bytes = 0;
      const found = await findChosen(source, ranges, choice, (record, letter): Replayable | Refused => {
        bytes += record.value?.byteLength ?? 0;
        return bytes > MOST_BYTES ? { kind: 'refused', letter, why: '' } : planReplay(record, letter, rules);
      });
      if (bytes > MOST_BYTES) throw tooMany('the messages of the letters that are meant have more than 64 MiB');
      const { book } = found;
      bound(all(found).filter(({ letter }) => isUnhandled(book, letter)).length);
      const chosen = rowsOf === null ? found : await withoutUndone(found, rowsOf);
      const sender = await openSender(source.kafka, brokers);
      try {
        const run = randomUUID().slice(0, 8);
        const at: ReplayRun = { source, sender, book, topic, by, run, again: false, announced: new Set() };
        await settleClaims(at, () => undefined, chosen.partitions, isGone);
        const done: Letter[] = [];
        const problem = await asFarAs(done, () => replayAll(at, chosen, done));
        return outcomeOf(chosen, done, problem);
      } finally {
        await sender.close();
      }
    });
  }

  /** @throws AtdError as `replay` */
  discard(choice: Choice, by: string): Promise<LetterOutcome> {
    return this.#line.run('act', async () => {
      const { source, brokers } = this.#settings();
      const chosen = await findChosen(source, await lastOf(source, choice.since), choice, (_, letter) => ({ letter }));
      const { done, refused, handled } = forDiscard(chosen);
      bound(done.length);
      if (done.length === 0) return { done: [], refused, handled, problem: null };
      const sender = await openSender(source.kafka, brokers);
      try {
        const discarded: Letter[] = [];
        const note = (batch: readonly { readonly letter: Letter }[]) =>
          void discarded.push(...batch.map(({ letter }) => letter));
        const problem = await asFarAs(discarded, () => discardAll(source, sender, chosen, by, note));
        return { done: discarded, refused, handled, problem };
      } finally {
        await sender.close();
      }
    });
  }
}

async function lastOf(source: Source, since: number | null): Promise<Ranges> {
  const ranges = await rangesSince(source, since);
  return new Map(
    [...ranges].map(([partition, { low, high }]) => [partition, { low: Math.max(low, high - LAST_MESSAGES), high }]),
  );
}

function bound(letters: number): void {
  if (letters > MOST_LETTERS) throw tooMany(`${letters} letters are meant, and ${MOST_LETTERS} are done at a time`);
}

function tooMany(what: string): AtdError {
  return new AtdError('ATD_USAGE', `${what}; name fewer, or use atd-ingestion dead-letters, which has no bound`);
}

/** The command line finds their next generation, and looks whether their rows are gone. */
async function withoutUndone(
  found: Chosen<Replayable | Refused>,
  rowsOf: RowsOf,
): Promise<Chosen<Replayable | Refused>> {
  const open = all(found).filter((one) => one.kind === 'replayable' && isUnhandled(found.book, one.letter));
  const undone: ReadonlySet<unknown> = await undoneAmong(open as readonly Replayable[], rowsOf);
  const why = 'rows of it were taken out by loads undo: atd-ingestion dead-letters replay has it loaded anew';
  const judged = (one: Replayable | Refused) =>
    undone.has(one) ? { kind: 'refused' as const, letter: one.letter, why } : one;
  return { ...found, letters: new Map([...found.letters].map(([partition, some]) => [partition, some.map(judged)])) };
}

async function replayAll(at: ReplayRun, chosen: Chosen<Replayable | Refused>, done: Letter[]): Promise<void> {
  for (const [partition, ofPartition] of chosen.letters) {
    const open = ofPartition.filter((one): one is Replayable => one.kind === 'replayable' && isOpen(at.book, one));
    for (let from = 0; from < open.length; from += BATCH) {
      const replayed = await replayBatch(at, partition, open.slice(from, from + BATCH));
      done.push(...replayed.map(({ letter }) => letter));
    }
  }
}

/** What fails when a part is done is told beside that part. */
async function asFarAs(done: readonly Letter[], work: () => Promise<void>): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (done.length === 0) throw error;
    return (error as Error).message;
  }
}

function isOpen(book: Book, { letter }: Replayable): boolean {
  return isUnhandled(book, letter);
}

/** What was neither done nor refused was handled before, or is in somebody else's hands. */
function outcomeOf(
  chosen: Chosen<Replayable | Refused>,
  done: readonly Letter[],
  problem: string | null,
): LetterOutcome {
  const { book } = chosen;
  const isDone = new Set(done);
  const others = all(chosen).filter(({ letter }) => !isDone.has(letter));
  const refused = others.flatMap((one): Refused[] => {
    const { letter } = one;
    if (book.of(letter.partition).isClaimed(letter.offset)) {
      return [
        {
          kind: 'refused',
          letter,
          why: 'somebody is replaying it, or was interrupted: atd-ingestion dead-letters replay waits for that',
        },
      ];
    }
    return one.kind === 'refused' && isUnhandled(book, letter) ? [one] : [];
  });
  const left = problem === null ? 0 : others.filter((one) => one.kind === 'replayable' && isOpen(book, one)).length;
  return { done, refused, handled: others.length - refused.length - left, problem };
}
