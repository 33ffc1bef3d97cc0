/**
 * What became of dead letters, as it stands among them: marks that `replay` and `discard` send to the partition of the letters
 * that they are about. There all who read see marks and letters in one order, so that of two who want the same letter one gets
 * it, and a run on another machine knows what was replayed.
 */
import { textOf } from '../core/rules/headers.js';
import type { KafkaRecord } from '../types.js';

/** Of a mark; a letter has none. Its value is the act, for people who look at the topic with other tools. */
export const MARK_HEADER = 'atd.mark';

interface Act {
  /** Of the claim that it begins or ends. */
  readonly id: string;
  /** Who wanted it, and when, in milliseconds since the epoch. */
  readonly by: string;
  readonly at: number;
  /** The offsets of letters in its own partition. */
  readonly letters: readonly number[];
}

/** Before anything is announced: nobody else is to replay these letters until the claim has ended. */
export interface Claim extends Act {
  readonly act: 'claim';
  /** Of all claims of one call of the command. */
  readonly run: string;
  /** Whether letters are meant too that were handled already. */
  readonly again: boolean;
  /** Where the partitions ended that get the messages. What this claim has announced stands behind that. */
  readonly ends: Readonly<Record<string, number>>;
  readonly host: string;
  readonly pid: number;
}

/** The end of a claim: these letters were announced again, and the others of the claim were not. */
export interface Replayed extends Act {
  readonly act: 'replayed';
  readonly run: string;
  readonly again: boolean;
}

export interface Discarded extends Act {
  readonly act: 'discarded';
}

export type Mark = Claim | Replayed | Discarded;

/** Null for what is no mark, or one of a later version that says something else. */
export function markOf({ headers, value }: Pick<KafkaRecord, 'headers' | 'value'>): Mark | null {
  if (textOf(headers[MARK_HEADER]) === null || value === null) return null;
  try {
    const mark = JSON.parse(new TextDecoder().decode(value)) as Partial<Record<string, unknown>> | null;
    const isKnown = ['claim', 'replayed', 'discarded'].includes(String(mark?.['act']));
    return isKnown && Array.isArray(mark?.['letters']) ? (mark as unknown as Mark) : null;
  } catch {
    return null;
  }
}

/** What was done with a letter last. */
export interface Handled {
  readonly act: 'replayed' | 'discarded';
  readonly by: string;
  readonly at: number;
}

interface State {
  handled: Handled | null;
  /** The last run that replayed it, and the claim. */
  run: string | null;
  claim: string | null;
  /** How often it was replayed although it had been handled. */
  agains: number;
}

const UNTOUCHED: Readonly<State> = { handled: null, run: null, claim: null, agains: 0 };

/** The letters of one partition, as its marks tell in their order. */
export class Handling {
  readonly #states = new Map<number, State>();
  /** What each claim that has not ended has got. */
  readonly #claims = new Map<string, { readonly claim: Claim; readonly won: readonly number[] }>();

  apply(mark: Mark): void {
    switch (mark.act) {
      case 'claim':
        this.#claims.set(mark.id, { claim: mark, won: mark.letters.filter((letter) => this.isFree(letter, mark)) });
        return;
      case 'replayed':
        this.#claims.delete(mark.id);
        for (const letter of mark.letters) this.#replayed(letter, mark);
        return;
      case 'discarded':
        for (const letter of mark.letters) if (!this.isClaimed(letter)) this.#set(letter, { handled: handledBy(mark) });
    }
  }

  handled(letter: number): Handled | null {
    return this.#of(letter).handled;
  }

  /** How often it was replayed again, for the generation of the next time. */
  agains(letter: number): number {
    return this.#of(letter).agains;
  }

  /** Whether somebody is about to replay it, or was when the process ended. */
  isClaimed(letter: number): boolean {
    for (const { won } of this.#claims.values()) if (won.includes(letter)) return true;
    return false;
  }

  isFree(letter: number, { again, run }: Pick<Claim, 'again' | 'run'>): boolean {
    if (this.isClaimed(letter)) return false;
    const { handled, run: last } = this.#of(letter);
    return handled === null || (again && last !== run);
  }

  openClaims(): readonly Claim[] {
    return [...this.#claims.values()].map(({ claim }) => claim);
  }

  /** What a claim has got; nothing once it has ended. */
  wonBy(id: string): readonly number[] {
    return this.#claims.get(id)?.won ?? [];
  }

  #replayed(letter: number, mark: Replayed): void {
    const { agains, claim } = this.#of(letter);
    // Two that find the claim of a process that is gone both end it.
    if (claim === mark.id) return;
    this.#set(letter, {
      handled: handledBy(mark),
      run: mark.run,
      claim: mark.id,
      agains: agains + (mark.again ? 1 : 0),
    });
  }

  #of(letter: number): Readonly<State> {
    return this.#states.get(letter) ?? UNTOUCHED;
  }

  #set(letter: number, changes: Partial<State>): void {
    this.#states.set(letter, { ...this.#of(letter), ...changes });
  }
}

function handledBy({ act, by, at }: Replayed | Discarded): Handled {
  return { act, by, at };
}
