/** `atd-ingestion dead-letters replay` and `discard`: announces files again that were given up, or gives them up for good. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../../config/load.js';
import { AtdError, ExitCode } from '../../errors.js';
import { readBounds } from '../../kafka/admin.js';
import { wrap } from '../../util/plain-text.js';
import { loadSettings, type ParsedOptions } from '../options.js';
import { Progress } from '../progress/progress.js';
import { batchSize, pauseBefore, rateOf } from '../sending/rate.js';
import { openSender } from '../sending/sender.js';
import { terminalColumns } from '../terminal.js';
import { whoAsks } from '../who.js';
import { afterUndo } from './after-undo.js';
import { type Choice, choiceOf, demandChoice, isChosen } from './choice.js';
import { type Letter, letterOf } from './letter.js';
import { asking, Book, openSource, rangesSince, readLetters, type Source } from './letter-topic.js';
import type { Claim } from './marks.js';
import { planReplay, type Refused, type Replayable, type ReplayRules } from './replay-plan.js';
import { type ReplayRun, replayBatch, sendMark, settleClaims } from './replay-run.js';
import { acted, type Outcome, renderOutcome } from './replay-view.js';

/** Letters of one claim. */
const BATCH = 100;
const DEFAULT_REPLAYS = 3;

/** Letters as they were chosen, by their partition. */
interface Found<One> {
  readonly book: Book;
  readonly chosen: ReadonlyMap<number, readonly One[]>;
  readonly partitions: readonly number[];
}

export async function replay(options: ParsedOptions, places: readonly string[]): Promise<ExitCode> {
  const { values } = options;
  const choice = choiceOf(options, places, Date.now());
  demandChoice(choice, 'replay');
  const rate = rateOf(values['rate']);
  const maxReplays = countOf('max-replays', values['max-replays'], DEFAULT_REPLAYS);
  const again = values['again'] === true;
  const run = (values['run'] as string | undefined) ?? randomUUID().slice(0, 8);
  if (values['run'] !== undefined && !again) throw new AtdError('ATD_USAGE', '--run goes with --again alone');
  const { config } = loadSettings(options);
  const source = openSource(config);
  const rules = await rulesOf(source, config, maxReplays);
  const found = await withGenerations(
    config,
    await find(source, choice, (record, letter) => planReplay(record, letter, rules)),
  );
  const { book } = found;
  const isDry = values['dry-run'] === true;
  const asked = { topic: config.kafka.topic, again, run, isDry };
  const report = { acted: isDry ? 'would be replayed' : 'replayed', topic: config.kafka.topic };
  const refused = all(found).filter((one): one is Refused => one.kind === 'refused' && isOpen(book, one.letter, asked));
  const wanted = () =>
    all(found).filter((one): one is Replayable => one.kind === 'replayable' && isOpen(book, one.letter, asked));
  const handled = all(found).filter(
    ({ letter }) => !again && book.of(letter.partition).handled(letter.offset) !== null,
  );
  if (isDry) return finish(options, { ...report, done: wanted(), refused, handled: handled.length });
  const sender = await openSender(source.kafka, config.kafka.bootstrap_servers);
  const asker = { topic: config.kafka.topic, by: whoAsks(), run, again };
  const at: ReplayRun = { source, sender, book, ...asker, announced: new Set() };
  try {
    await settleClaims(at, sayWait, found.partitions);
    if (again) process.stderr.write(`if this is interrupted, go on with --run ${run}\n`);
    const done = await announceAll(at, wanted(), rate);
    return finish(options, { ...report, done, refused, handled: handled.length });
  } finally {
    await sender.close();
  }
}

export async function discard(options: ParsedOptions, places: readonly string[]): Promise<ExitCode> {
  const choice = choiceOf(options, places, Date.now());
  demandChoice(choice, 'discard');
  const { config } = loadSettings(options);
  const source = openSource(config);
  const found = await find(source, choice, (_, letter) => ({ letter }));
  const { book } = found;
  const isDry = options.values['dry-run'] === true;
  const open = ({ letter }: { letter: Letter }) =>
    book.of(letter.partition).isFree(letter.offset, { again: false, run: '' });
  const done = all(found).filter(open);
  const claimed = all(found).filter(({ letter }) => book.of(letter.partition).isClaimed(letter.offset));
  const refused = claimed.map(({ letter }): Refused => ({ kind: 'refused', letter, why: 'it is being replayed' }));
  const handled = all(found).length - done.length - refused.length;
  if (!isDry && done.length > 0) {
    const sender = await openSender(source.kafka, config.kafka.bootstrap_servers);
    try {
      for (const [partition, ofPartition] of found.chosen) {
        const chosen = ofPartition.filter(open);
        for (let from = 0; from < chosen.length; from += BATCH) {
          const batch = chosen.slice(from, from + BATCH);
          const letters = batch.map(({ letter }) => letter.offset);
          const mark = { act: 'discarded', id: randomUUID(), by: whoAsks(), at: Date.now(), letters } as const;
          await sendMark({ source, sender }, partition, mark, batch);
        }
      }
    } finally {
      await sender.close();
    }
  }
  return finish(options, { acted: isDry ? 'would be discarded' : 'discarded', topic: null, done, refused, handled });
}

/** The chosen letters and what became of them, in one pass. */
async function find<One extends { readonly letter: Letter }>(
  source: Source,
  choice: Choice,
  take: (record: Parameters<typeof letterOf>[0], letter: Letter) => One,
): Promise<Found<One>> {
  const ranges = await rangesSince(source, choice.since);
  const book = new Book();
  const chosen = new Map<number, One[]>();
  await readLetters(source, ranges, (record) => {
    const letter = book.take(record) ? null : letterOf(record);
    if (letter === null || !isChosen(letter, choice)) return;
    const ofPartition = chosen.get(record.partition) ?? [];
    ofPartition.push(take(record, letter));
    chosen.set(record.partition, ofPartition);
  });
  return { book, chosen, partitions: [...ranges.keys()] };
}

/** Loaded anew where their rows were taken out. */
async function withGenerations(
  config: Config,
  found: Found<Replayable | Refused>,
): Promise<Found<Replayable | Refused>> {
  const planned = all(found).filter((one) => one.kind === 'replayable');
  const changed = await afterUndo(config, planned);
  const now = (one: Replayable | Refused) => (one.kind === 'replayable' ? (changed.get(one) ?? one) : one);
  return { ...found, chosen: new Map([...found.chosen].map(([partition, some]) => [partition, some.map(now)])) };
}

async function rulesOf(source: Source, config: Config, maxReplays: number): Promise<ReplayRules> {
  const { topic } = config.kafka;
  const bounds = await asking({ ...source, topic }, () => readBounds(source.kafka, topic));
  return { topic, partitions: bounds.size, maxReplays, maxMessageBytes: config.ingest.max_message_bytes };
}

/** In order, and no faster than was asked for. */
async function announceAll(at: ReplayRun, wanted: readonly Replayable[], rate: number | null): Promise<Replayable[]> {
  const progress = new Progress('replayed', wanted.length);
  const startedAt = performance.now();
  const size = batchSize(rate, BATCH);
  const done: Replayable[] = [];
  let seen = 0;
  try {
    while (seen < wanted.length) {
      progress.at(seen);
      await delay(pauseBefore(seen, performance.now() - startedAt, rate));
      const { partition } = (wanted[seen] as Replayable).letter;
      const next = wanted.slice(seen, seen + size);
      const others = next.findIndex(({ letter }) => letter.partition !== partition);
      const batch = others === -1 ? next : next.slice(0, others);
      done.push(...(await replayBatch(at, partition, batch)));
      seen += batch.length;
    }
  } finally {
    progress.end();
  }
  return done;
}

function isOpen(
  book: Book,
  { partition, offset }: Letter,
  asked: { again: boolean; run: string; isDry: boolean },
): boolean {
  const handling = book.of(partition);
  return handling.isFree(offset, asked) || (asked.isDry && handling.isClaimed(offset));
}

function all<One>({ chosen }: Found<One>): One[] {
  return [...chosen.values()].flat();
}

function sayWait({ by, at }: Claim): void {
  const text = `${by} began to replay some of these letters at ${new Date(at).toISOString()}: waiting for that, or its end`;
  process.stderr.write(`${wrap(text, terminalColumns()).join('\n')}\n`);
}

/** Ends with 1 where something was chosen and not done. */
function finish(options: ParsedOptions, outcome: Outcome): ExitCode {
  const isJson = options.values['json'] === true;
  process.stdout.write(isJson ? `${JSON.stringify(acted(outcome))}\n` : renderOutcome(outcome, terminalColumns()));
  return outcome.refused.length === 0 ? ExitCode.ok : ExitCode.crash;
}

function countOf(name: string, text: string | boolean | undefined, otherwise: number): number {
  const count = text === undefined ? otherwise : Number(text);
  if (Number.isInteger(count) && count >= 0) return count;
  throw new AtdError('ATD_USAGE', `--${name} ${text} is no number from 0 on`);
}
