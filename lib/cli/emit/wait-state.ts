/** Which of the announced files are loaded or given up, by what the group has committed and by its dead letters. */
import type { CommittedPosition } from '../../core/events.js';
import { decodeMetadata } from '../../core/offsets/commit-metadata.js';
import type { Letter } from '../letters/letter.js';
import type { SentMessage } from './announce.js';

/** Whether a commit says of an offset that its message is done: below it, or completed ahead of it. */
export function passedBy({
  offset,
  metadata,
}: Pick<CommittedPosition, 'offset' | 'metadata'>): (at: number) => boolean {
  if (offset === null) return () => false;
  const ahead = decodeMetadata(offset, metadata)?.completed ?? [];
  return (at) => at < offset || ahead.some(([from, to]) => at >= from && at < to);
}

export class Waited {
  /** By the place of each message: `topic/partition/offset`. */
  readonly #open = new Map<string, SentMessage>();
  /** What was set aside, by the place of its copy: the place of the message. */
  readonly #copies = new Map<string, string>();
  readonly #letters = new Map<string, Letter>();
  readonly dead: { readonly message: SentMessage; readonly letter: Letter }[] = [];
  loaded = 0;

  constructor(messages: readonly SentMessage[]) {
    for (const message of messages) this.#open.set(placeOf(message), message);
  }

  get open(): number {
    return this.#open.size;
  }

  /** Those of a message of ours are kept: a letter comes before the commit that passes its message. */
  letter(letter: Letter): void {
    if (this.#open.has(letter.source)) this.#letters.set(letter.source, letter);
  }

  /** A message was set aside: the commit that counts for it is that of its copy. The last copy of several counts. */
  setAside(original: string, copy: Omit<SentMessage, 'number'>): void {
    const message = this.#open.get(original);
    if (message === undefined) return;
    for (const [place, of] of this.#copies) if (of === original) this.#copies.delete(place);
    this.#copies.set(placeOf(copy), original);
  }

  /** Takes what was committed for partitions of one topic, when all letters and copies are known that came before. */
  committed(positions: readonly CommittedPosition[]): void {
    const moved = new Set(this.#copies.values());
    for (const { topic, partition, offset, metadata } of positions) {
      if (offset === null) continue;
      const isPassed = passedBy({ offset, metadata });
      for (const [place, message] of this.#open) {
        const isHere = message.topic === topic && message.partition === partition && !moved.has(place);
        if (isHere && isPassed(message.offset)) this.#finish(place, message);
      }
      for (const [copy, original] of this.#copies) {
        const [of, number, at] = copy.split('/');
        const message = this.#open.get(original);
        if (message !== undefined && of === topic && Number(number) === partition && isPassed(Number(at))) {
          this.#finish(original, message);
        }
      }
    }
  }

  #finish(place: string, message: SentMessage): void {
    this.#open.delete(place);
    const letter = this.#letters.get(place);
    if (letter === undefined) this.loaded += 1;
    else this.dead.push({ message, letter });
  }
}

function placeOf({ topic, partition, offset }: Omit<SentMessage, 'number'>): string {
  return `${topic}/${partition}/${offset}`;
}
