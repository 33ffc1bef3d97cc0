/** What `replay` and `discard` say that they did, for people and for programs. */

import type { Letter } from '../../letters/letter.js';
import type { Refused } from '../../letters/replay-plan.js';
import { countText, withoutControl, wrap } from '../../util/plain-text.js';
import { placeOf } from './letter-view.js';

export interface Outcome {
  /** `replayed`, `would be replayed`, `discarded` … */
  readonly acted: string;
  /** Where the messages went; null where there are none. */
  readonly topic: string | null;
  readonly done: readonly { readonly letter: Letter; readonly files?: readonly string[] }[];
  readonly refused: readonly Refused[];
  /** How many of the chosen ones were replayed or discarded before. */
  readonly handled: number;
}

const MOST_SHOWN = 20;

export function renderOutcome({ acted: what, topic, done, refused, handled }: Outcome, columns: number): string {
  const isDry = what.startsWith('would');
  const shown = isDry ? done.map(({ letter, files = letter.files }) => [placeOf(letter), ...files].join(' ')) : [];
  const denied = refused.map(({ letter, why }) => `${placeOf(letter)} not ${verb(what)}: ${why}`);
  const parts = [
    `${countText(done.length, 'dead letter')} ${what}${topic === null || isDry ? '' : ` on ${topic}`}`,
    ...(refused.length === 0 ? [] : [`${refused.length.toLocaleString('en-GB')} refused`]),
    ...(handled === 0 ? [] : [`${handled.toLocaleString('en-GB')} replayed or discarded before`]),
  ];
  const lines = [...cut(shown), ...cut(denied), parts.join(', ')];
  return lines
    .flatMap((line) => wrap(withoutControl(line), columns))
    .map((line) => `${line}\n`)
    .join('');
}

/** One object for programs. */
export function acted({ acted: what, topic, done, refused, handled }: Outcome): object {
  return {
    act: verb(what),
    dryRun: what.startsWith('would'),
    topic,
    done: done.map(({ letter, files = letter.files }) => ({ letter: placeOf(letter), source: letter.source, files })),
    refused: refused.map(({ letter, why }) => ({ letter: placeOf(letter), source: letter.source, why })),
    handledBefore: handled,
  };
}

function verb(what: string): string {
  return what.slice(what.lastIndexOf(' ') + 1);
}

function cut(lines: readonly string[]): readonly string[] {
  const more = lines.length - MOST_SHOWN;
  return more <= 0
    ? lines
    : [...lines.slice(0, MOST_SHOWN), `… and ${more.toLocaleString('en-GB')} more (--json names all)`];
}
