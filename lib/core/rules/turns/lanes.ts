/**
 * Lanes: whose files go first, whichever tenant they are of. A file of a higher lane goes before all of the lower ones, but
 * while a lower one waits, one turn of eight is theirs. So a lane that is never empty starves no other, and a file is
 * overtaken by one of a lower lane only after seven of its own lane or a higher one have gone before it.
 */
import { LANES, type Lane } from '../../../types.js';
import { Fifo, type Linked } from './fifo.js';

/** Turns that a lane has in a row while a lower one waits. */
export const TURNS_IN_A_ROW = 7;

const RANKS = Object.fromEntries(LANES.map((lane, rank) => [lane, rank])) as Readonly<Record<Lane, number>>;

/** The lower, the sooner. */
export function rankOf({ lane }: { readonly lane: Lane }): number {
  return RANKS[lane];
}

/** Of several the one that goes first: of the highest lane, and of that the one that came first; null where there is none. */
export function firstOf<Item extends { readonly lane: Lane }>(items: readonly Item[]): Item | null {
  let first: Item | null = null;
  for (const item of items) if (first === null || rankOf(item) < rankOf(first)) first = item;
  return first;
}

/** Which lane has the next turn. */
export class LaneOrder {
  /** Of each lane the turns that it had in a row while a lower one waited. */
  readonly #inRow = LANES.map(() => 0);

  /**
   * Gives a turn away.
   *
   * @param waiting by rank, what waits in each lane first
   * @returns the rank of the lane that has the turn, or null where nothing waits
   */
  next(waiting: readonly { readonly first: unknown }[]): number | null {
    let lowest = waiting.length - 1;
    while (lowest >= 0 && waiting[lowest]?.first === null) lowest -= 1;
    for (let rank = 0; rank <= lowest; rank += 1) {
      const isPassed = waiting[rank]?.first === null || this.#inRow[rank] === TURNS_IN_A_ROW;
      if (rank < lowest && isPassed) this.#inRow[rank] = 0;
      else {
        this.#inRow[rank] = rank < lowest ? (this.#inRow[rank] as number) + 1 : 0;
        return rank;
      }
    }
    return null;
  }
}

/** What waits beside the turns: taken by lanes, and within a lane as it came. */
export class LaneFifo<Item extends Linked<Item> & { readonly lane: Lane }> implements Iterable<Item> {
  readonly #lanes = LANES.map(() => new Fifo<Item>());

  get length(): number {
    return this.#lanes.reduce((sum, { length }) => sum + length, 0);
  }

  *[Symbol.iterator](): Generator<Item> {
    for (const lane of this.#lanes) yield* lane;
  }

  push(item: Item): void {
    this.#lanes[rankOf(item)]?.push(item);
  }

  shift(): Item | undefined {
    return this.#lanes.find(({ length }) => length > 0)?.shift();
  }

  /** Keeps what is wanted. Returns the rest. */
  keep(wanted: (item: Item) => boolean): Item[] {
    return this.#lanes.flatMap((lane) => lane.keep(wanted));
  }
}
