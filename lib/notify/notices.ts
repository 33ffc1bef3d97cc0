/** What people are told, and when: pure, and never more of one kind than one that waits. */
import type { Disposition, Effect, EngineEvent } from '../core/events.js';
import { shorten, stripControl } from '../util/safe-text.js';

export const KINDS = ['breaker', 'letters', 'lag', 'reload'] as const;

export type Kind = (typeof KINDS)[number];

export interface Notice {
  readonly kind: Kind;
  /** Of letters it is made when it is sent, for by then there may be more. */
  readonly text: string;
}

/** How many letters there are of each disposition. */
export type Letters = ReadonlyMap<Disposition, number>;

/** A chat shows some lines; the log has the rest. */
const MOST_CHARACTERS = 500;

export class Notices {
  /** Those that nobody was told of. */
  #letters: Letters = new Map();
  /** Of letters that are on their way to their topic; one that is sent again comes anew. */
  readonly #sending = new Map<number, Disposition>();
  #isOpen = false;
  #isLate = false;

  /** What an event and its effects give reason to tell. */
  observe(event: EngineEvent, effects: readonly Effect[]): readonly Notice[] {
    const notices = event.type === 'dead-lettered' ? this.#letter(event.letterId) : [];
    if (event.type === 'dead-letter-failed') this.#sending.delete(event.letterId);
    for (const effect of effects) {
      if (effect.type === 'dead-letter') this.#sending.set(effect.letterId, effect.letter.disposition);
      if (effect.type === 'breaker-changed')
        notices.push(...this.#breaker(effect.state === 'closed' ? null : effect.reason));
    }
    return notices;
  }

  get letters(): Letters {
    return this.#letters;
  }

  /** Somebody was told of these, or nobody will be. */
  forgetLetters(told: Letters): void {
    const left = [...this.#letters].map(([name, count]) => [name, count - (told.get(name) ?? 0)] as const);
    this.#letters = new Map(left.filter(([, count]) => count > 0));
  }

  /** @param lag messages that are not done; null where it is not known */
  lag(lag: number | null, most: number | null): readonly Notice[] {
    if (lag === null) return [];
    const wasLate = this.#isLate;
    // Told anew only after it was caught up by half: else each message around the bound would be a notice.
    this.#isLate = most !== null && (lag > most || (wasLate && lag > most / 2));
    if (wasLate || !this.#isLate) return [];
    return [notice('lag', `${lag} messages are not done, more than notify.max_lag (${most})`)];
  }

  reloadRefused(error: string): Notice {
    return notice('reload', `The settings were not taken over, those from before hold: ${error}`);
  }

  /** Told once, however often it is tried in between. */
  #breaker(reason: string | null): readonly Notice[] {
    const wasOpen = this.#isOpen;
    this.#isOpen = reason !== null;
    if (reason === null || wasOpen) return [];
    return [notice('breaker', `All loads are held back, one is tried now and then: ${reason}`)];
  }

  #letter(id: number): Notice[] {
    const disposition = this.#sending.get(id);
    if (disposition === undefined) return [];
    this.#sending.delete(id);
    this.#letters = new Map([...this.#letters, [disposition, (this.#letters.get(disposition) ?? 0) + 1]]);
    return [notice('letters', lettersText(this.#letters))];
  }
}

export function lettersText(letters: Letters): string {
  const count = [...letters.values()].reduce((sum, some) => sum + some, 0);
  const parts = [...letters].map(([name, some]) => `${some} ${name}`).join(', ');
  const what = count === 1 ? 'A message was given up' : `${count} messages were given up`;
  return `${what} (${parts}). Look: atd-ingestion dead-letters`;
}

function notice(kind: Kind, text: string): Notice {
  return { kind, text: shorten(stripControl(text.replace(/\s+/g, ' ')), MOST_CHARACTERS) };
}

/** As Slack and its like take it, where three characters mean something. */
export function messageOf(text: string, from: string): string {
  const plain = (value: string): string =>
    value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return JSON.stringify({ text: `*${plain(from)}*: ${plain(text)}` });
}
