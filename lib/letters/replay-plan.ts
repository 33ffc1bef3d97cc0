/** A dead letter -> the message that announces its files again, or why it cannot be replayed. */
import { decode } from '../core/rules/decode.js';
import { LETTER_NOTES, listMayBeCut, textOf } from '../core/rules/headers.js';
import {
  GENERATION_HEADER,
  MAX_GENERATION,
  placeHeader,
  REPLAY_FILES_HEADER,
  REPLAY_OF_HEADER,
  type Replay,
  replayAtFirstPlace,
} from '../core/rules/replays.js';
import type { HeaderValue, KafkaRecord } from '../types.js';
import type { Letter } from './letter.js';

/** By which a replayed message is found again: the claim, and the letter's place in its partition. */
export const REPLAY_ID_HEADER = 'atd.replay-id';
export const REPLAY_COUNT_HEADER = 'atd.replay-count';

export interface ReplayRules {
  /** The topic that announces files, and its partitions. */
  readonly topic: string;
  readonly partitions: number;
  readonly maxReplays: number;
  readonly maxMessageBytes: number;
}

/** A message of that topic, but for what is decided when it is sent. */
export interface Replayable {
  readonly kind: 'replayable';
  readonly letter: Letter;
  readonly partition: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
  readonly headers: Readonly<Record<string, HeaderValue>>;
  readonly files: readonly string[];
  /** The generation of its last load. */
  readonly generation: number;
}

export interface Refused {
  readonly kind: 'refused';
  readonly letter: Letter;
  readonly why: string;
}

/** What a letter adds to the headers of its message, beside the `__connect.errors.*`. */
const OF_THE_LETTER: ReadonlySet<string> = new Set([
  ...LETTER_NOTES,
  ...['atd.disposition', 'atd.attempts', 'atd.exit-code', 'atd.signal', 'atd.stderr-tail', 'atd.first-failed-at'],
  ...['atd.timestamp', 'atd.files', REPLAY_COUNT_HEADER],
  ...[REPLAY_OF_HEADER, REPLAY_FILES_HEADER, GENERATION_HEADER, REPLAY_ID_HEADER],
]);

export function planReplay(record: KafkaRecord, letter: Letter, rules: ReplayRules): Replayable | Refused {
  const refused = (why: string): Refused => ({ kind: 'refused', letter, why });
  const place = firstPlace(record);
  if (place === null || place.topic !== rules.topic) {
    return refused(`its message stood in ${place?.topic || 'no topic'}, not in ${rules.topic}`);
  }
  if (place.partition >= rules.partitions)
    return refused(`${rules.topic} has no partition ${place.partition} any more`);
  if (letter.replayCount >= rules.maxReplays) {
    return refused(`it was replayed ${letter.replayCount} times and failed each time (--max-replays)`);
  }
  // A letter without a key may have got one, and says then that its message had none.
  const hasMadeKey = textOf(record.headers['atd.key-bytes']) === '';
  const missing = LETTER_NOTES.find((note) => Object.hasOwn(record.headers, note) && !(hasMadeKey && isOfKey(note)));
  if (missing !== undefined)
    return refused(`it has only a part of its message (${missing}): announce its files by emit`);
  const decoded = decode(record.value, rules.maxMessageBytes);
  if (decoded.kind !== 'request') {
    return refused(`it would fail again: ${decoded.kind === 'poison' ? decoded.reason : 'its message is empty'}`);
  }
  const { files } = decoded.request;
  const failed = filesToLoad(files, letter.files);
  const before = earlierNumbers(record, files.length);
  const numbers = failed.map((index) => before?.[index] ?? index);
  const isWhole = failed.length === files.length;
  const sameNumbers = numbers.every((number, index) => number === index);
  return {
    kind: 'replayable',
    letter,
    partition: place.partition,
    key: hasMadeKey ? null : record.key,
    value: isWhole
      ? (record.value as Uint8Array)
      : messageWith(
          record.value as Uint8Array,
          failed.map((at) => files[at] as string),
        ),
    headers: {
      ...ownHeadersOf(record),
      [REPLAY_OF_HEADER]: placeHeader(place),
      ...(sameNumbers ? {} : { [REPLAY_FILES_HEADER]: numbers.join(',') }),
      [REPLAY_COUNT_HEADER]: String(letter.replayCount + 1),
    },
    files: failed.map((at) => files[at] as string),
    generation: generationIn(record),
  };
}

/**
 * The headers that are known when it is sent.
 *
 * @param agains how often it was replayed although it was handled; null where this time is none of those
 */
export function sendingHeaders(
  { headers, generation, letter }: Replayable,
  claim: string,
  agains: number | null,
): Readonly<Record<string, HeaderValue>> {
  const next = Math.min(generation + (agains === null ? 0 : agains + 1), MAX_GENERATION);
  return {
    ...headers,
    ...(next === 0 ? {} : { [GENERATION_HEADER]: String(next) }),
    [REPLAY_ID_HEADER]: replayId(claim, letter.offset),
  };
}

/** The same for messages that say the same: a crash may have sent the letter of one twice, at two offsets. */
export function meaningOf({ files }: Replayable, headers: Replayable['headers']): string {
  const names = [REPLAY_OF_HEADER, REPLAY_FILES_HEADER, GENERATION_HEADER];
  return JSON.stringify([...names.map((name) => textOf(headers[name])), ...files]);
}

export function replayId(claim: string, letterOffset: number): string {
  return `${claim}/${letterOffset}`;
}

function isOfKey(note: string): boolean {
  return note.startsWith('atd.key-');
}

/** Those of the message's files that were not loaded, by their numbers; all where the letter does not say for certain. */
function filesToLoad(files: readonly string[], failed: readonly string[]): number[] {
  const numbers = files.map((_, index) => index);
  if (failed.length === 0) return numbers;
  const known = new Set(failed);
  const others = files.filter((file) => !known.has(file));
  if (listMayBeCut(failed, others)) return numbers;
  const chosen = numbers.filter((index) => known.has(files[index] as string));
  return chosen.length === 0 ? numbers : chosen;
}

/** Where the message stood first, as the letter says. */
function firstPlace({ headers }: KafkaRecord): Parameters<typeof placeHeader>[0] | null {
  const text = (name: string) => textOf(headers[name]) ?? '';
  const numbers = [text('__connect.errors.partition'), text('__connect.errors.offset'), text('atd.timestamp')];
  if (numbers.some((number) => !/^-?\d{1,17}$/.test(number))) return null;
  const [partition = 0, offset = 0, timestamp = 0] = numbers.map(Number);
  return { topic: text('__connect.errors.topic'), partition, offset, timestamp };
}

/** Of a letter of a message that was a replay itself: the numbers of its files in the first message. */
function earlierNumbers(record: KafkaRecord, files: number): readonly number[] | null {
  const numbers = earlierReplay(record)?.numbers ?? null;
  return numbers?.length === files ? numbers : null;
}

function generationIn(record: KafkaRecord): number {
  return earlierReplay(record)?.generation ?? 0;
}

/** What the service believed of it: it names the place that the letter names. */
function earlierReplay(record: KafkaRecord): Replay | null {
  const place = firstPlace(record);
  return place === null ? null : replayAtFirstPlace({ ...record, ...place });
}

function ownHeadersOf({ headers }: KafkaRecord): Record<string, HeaderValue> {
  const own: Record<string, HeaderValue> = Object.create(null);
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith('__connect.errors.') && !OF_THE_LETTER.has(name)) own[name] = value;
  }
  return own;
}

/** The message with these files alone; what it says beside them stays, and its size is their share. */
function messageWith(value: Uint8Array, files: readonly string[]): Uint8Array {
  const message = JSON.parse(new TextDecoder().decode(value)) as Record<string, unknown>;
  const name = (message['filename'] ?? null) === null ? 'file_path' : 'filename';
  const size = message['size'];
  const all = message[name] as readonly string[];
  const share = typeof size === 'number' ? { size: Math.ceil((size * files.length) / new Set(all).size) } : {};
  return new TextEncoder().encode(JSON.stringify({ ...message, [name]: files, ...share }));
}
