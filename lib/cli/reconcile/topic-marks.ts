/**
 * What the topics say of each file that is on the disk: whether a message names it, and what became of that. Letters first,
 * then what was set aside, then the messages themselves; a message is done where a commit passes it, and loaded where no
 * letter names it.
 */
import { decode } from '../../core/rules/decode.js';
import { atFirstPlace, replayOf } from '../../core/rules/replays.js';
import type { KafkaRecord } from '../../types.js';
import { tenantNamed } from '../../util/tenant-name.js';
import type { TenantRule } from '../emit/announcement.js';
import type { Letter } from '../letters/letter.js';
import type { Handled } from '../letters/marks.js';
import type { PathIndex } from './path-index.js';

/** The letter that is about the newest message of a file. */
export interface LetterMark {
  readonly partition: number;
  readonly offset: number;
  /** The reason, for the first so many. */
  readonly text: string | null;
}

export interface Marks {
  /** Whether a message waits that names it. */
  readonly isOpen: boolean;
  /** When the newest message was announced that is done without a letter, by its own time; null for none. */
  readonly doneAt: number | null;
  /** What that message says of the file's size. */
  readonly doneSize: number | null;
  /** Null where it has none, or a newer message is done. */
  readonly letter: LetterMark | null;
  /** Another tenant than the wanted one, for which it was announced; null in an object for none. */
  readonly elsewhere: { readonly tenant: string | null } | null;
}

const MOST_TEXTS = 10_000;
const OPEN = 1;
const HAS_ELSEWHERE = 2;

export class TopicMarks {
  readonly #index: PathIndex;
  readonly #wanted: TenantRule | null;
  readonly #flags: Uint8Array;
  readonly #doneAt: Float64Array;
  readonly #doneSize: Float64Array;
  readonly #letterAt: Float64Array;
  readonly #letterPartition: Int32Array;
  readonly #letterOffset: Float64Array;
  readonly #elsewhere: Int32Array;
  readonly #texts = new Map<number, string>();
  readonly #tenants: (string | null)[] = [];
  readonly #tenantNumbers = new Map<string | null, number>();
  /** By the first place of a message and the number of the file: whether a letter of it is not settled by a replay. */
  readonly #letters = new Map<string, boolean>();
  /** The places of messages whose copy waits aside. */
  readonly #aside = new Set<string>();

  /** @param wanted whose each file is; null for whoever's */
  constructor(index: PathIndex, wanted: TenantRule | null) {
    this.#index = index;
    this.#wanted = wanted;
    const { size } = index;
    this.#flags = new Uint8Array(size);
    this.#doneAt = new Float64Array(size).fill(Number.NaN);
    this.#doneSize = new Float64Array(size).fill(Number.NaN);
    this.#letterAt = new Float64Array(size).fill(Number.NaN);
    this.#letterPartition = new Int32Array(size);
    this.#letterOffset = new Float64Array(size);
    this.#elsewhere = new Int32Array(size);
  }

  /** @param value of the message that it is about */
  letter(letter: Letter, value: Uint8Array | null, handled: Handled | null): void {
    // One that names no file is about a message that was refused as a whole.
    const decoded = letter.files.length > 0 ? null : decode(value, Number.POSITIVE_INFINITY);
    const files = decoded?.kind === 'request' ? decoded.request.files : letter.files;
    for (const file of files) {
      const at = this.#index.find(file);
      if (at < 0 || !this.#isWanted(file, letter.tenant)) continue;
      const place = `${letter.source}#${at}`;
      const isSettled = handled?.act === 'replayed';
      this.#letters.set(place, this.#letters.get(place) === true || !isSettled);
      if (isSettled || (this.#letterAt[at] as number) > letter.timestamp) continue;
      this.#letterAt[at] = letter.timestamp;
      this.#letterPartition[at] = letter.partition;
      this.#letterOffset[at] = letter.offset;
      const text = `${letter.disposition}: ${letter.reason}${handled === null ? '' : ' (discarded)'}`;
      if (this.#texts.size < MOST_TEXTS || this.#texts.has(at)) this.#texts.set(at, text);
    }
  }

  /** A copy of a message that was set aside; the last copy of several counts. */
  aside(original: string, value: Uint8Array | null, isDone: boolean): void {
    const decoded = decode(value, Number.POSITIVE_INFINITY);
    if (decoded.kind !== 'request' || !decoded.request.files.some((file) => this.#index.find(file) >= 0)) return;
    if (isDone) this.#aside.delete(original);
    else this.#aside.add(original);
  }

  message(record: KafkaRecord, isPassed: boolean): void {
    const decoded = decode(record.value, Number.POSITIVE_INFINITY);
    if (decoded.kind !== 'request') return;
    const { files, size, tenant: named } = decoded.request;
    const tenant = tenantNamed(named ?? '') || null;
    const isDone = isPassed && !this.#aside.has(placeOf(record));
    const first = placeOf(atFirstPlace(record));
    const isReplay = replayOf(record) !== null;
    for (const file of files) {
      const at = this.#index.find(file);
      if (at < 0) continue;
      const letter = this.#letters.get(`${first}#${at}`);
      // What the letters of a message say of it counts. A replay that is done has loaded the file, unless there is another letter.
      if (isReplay ? letter === true && isDone : letter !== undefined) continue;
      if (!this.#isWanted(file, tenant)) this.#setElsewhere(at, tenant);
      else if (!isDone) this.#flags[at] = (this.#flags[at] as number) | OPEN;
      else if (!((this.#doneAt[at] as number) > record.timestamp)) {
        this.#doneAt[at] = record.timestamp;
        this.#doneSize[at] = files.length === 1 && size !== null ? size : Number.NaN;
      }
    }
  }

  of(at: number): Marks {
    const flags = this.#flags[at] as number;
    const [doneAt, letterAt] = [this.#doneAt[at] as number, this.#letterAt[at] as number];
    const hasLetter = !Number.isNaN(letterAt) && !(doneAt > letterAt);
    return {
      isOpen: (flags & OPEN) > 0,
      doneAt: orNull(doneAt),
      doneSize: orNull(this.#doneSize[at] as number),
      letter: hasLetter
        ? {
            partition: this.#letterPartition[at] as number,
            offset: this.#letterOffset[at] as number,
            text: this.#texts.get(at) ?? null,
          }
        : null,
      elsewhere: (flags & HAS_ELSEWHERE) > 0 ? { tenant: this.#tenants[this.#elsewhere[at] as number] ?? null } : null,
    };
  }

  #isWanted(file: string, tenant: string | null): boolean {
    const wanted = this.#wanted?.(file);
    return wanted === undefined || (tenantNamed(wanted ?? '') || null) === tenant;
  }

  #setElsewhere(at: number, tenant: string | null): void {
    let number = this.#tenantNumbers.get(tenant);
    if (number === undefined) {
      number = this.#tenants.push(tenant) - 1;
      this.#tenantNumbers.set(tenant, number);
    }
    this.#flags[at] = (this.#flags[at] as number) | HAS_ELSEWHERE;
    this.#elsewhere[at] = number;
  }
}

function placeOf({ topic, partition, offset }: KafkaRecord | ReturnType<typeof atFirstPlace>): string {
  return `${topic}/${partition}/${offset}`;
}

function orNull(number: number): number | null {
  return Number.isNaN(number) ? null : number;
}
