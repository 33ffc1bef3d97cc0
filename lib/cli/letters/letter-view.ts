/** Dead letters as a person reads them in a terminal. */

import { type Grouping, groupOf, type Letter } from '../../letters/letter.js';
import type { Handled } from '../../letters/marks.js';
import { bytesText, countText, inOneLine, table, withoutControl, wrap } from '../../util/plain-text.js';

const INDENT = '  ';

/** Where a letter is, as `dead-letters show` takes it. */
export function placeOf({ partition, offset }: Pick<Letter, 'partition' | 'offset'>): string {
  return `${partition}/${offset}`;
}

/** A letter with what became of it since. */
export interface HandledLetter extends Letter {
  readonly handled?: Handled | null;
}

/** A line of what it is, one for each file, and the reason; and one of who handled it. */
export function renderLetter(letter: HandledLetter, columns: number): string {
  const { sentAt, tenant, disposition, files, reason, replayCount, handled = null } = letter;
  const replayed = replayCount === 0 ? '' : `, replayed ${countText(replayCount, 'time')}`;
  const since = handled === null ? [] : [`${handled.act} ${timeText(handled.at)} by ${handled.by}`];
  const head = `${placeOf(letter)}  ${timeText(sentAt)}  ${tenant ?? '(no tenant)'}  ${disposition}${replayed}`;
  return [head, ...[...files, reason, ...since].flatMap((text) => indented(text, columns))]
    .map((line) => `${line}\n`)
    .join('');
}

export interface Message {
  readonly key: string | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly value: string | null;
  readonly bytes: number;
}

/** All that there is of it. */
export function renderWhole(letter: HandledLetter, { key, headers, value, bytes }: Message, columns: number): string {
  const { source, attempts, exitCode, signal, stderrTail } = letter;
  const how = exitCode !== null ? `, exit code ${exitCode}` : signal !== null ? `, signal ${signal}` : '';
  const sections: readonly (readonly [title: string, lines: readonly string[]])[] = [
    ['Message', [`stood at ${source}; ${countText(attempts, 'attempt')}${how}`]],
    ['Said by the loader', stderrTail.split('\n').filter((line) => line.trim() !== '')],
    ['Key', key === null ? [] : [key]],
    ['Headers', headers.map(([name, text]) => `${name}: ${text}`)],
    [`Value (${bytesText(bytes)})`, value === null ? [] : value.split('\n')],
  ];
  const shown = sections.filter(([, lines]) => lines.length > 0);
  return (
    renderLetter(letter, columns) +
    shown
      .map(([title, lines]) => `\n${title}\n${lines.flatMap((line) => indented(line, columns)).join('\n')}\n`)
      .join('')
  );
}

export interface Group {
  readonly letters: number;
  readonly latestAt: number;
}

export class Groups {
  readonly #by: Grouping;
  readonly #groups = new Map<string, Group>();

  constructor(by: Grouping) {
    this.#by = by;
  }

  add(letter: Letter): void {
    for (const name of groupOf(letter, this.#by)) {
      const { letters = 0, latestAt = 0 } = this.#groups.get(name) ?? {};
      this.#groups.set(name, { letters: letters + 1, latestAt: Math.max(latestAt, letter.sentAt) });
    }
  }

  /** The largest first. */
  all(): readonly (readonly [name: string, group: Group])[] {
    return [...this.#groups].sort(([, a], [, b]) => b.letters - a.letters || b.latestAt - a.latestAt);
  }

  render(columns: number): string {
    const title = `${this.#by[0]?.toUpperCase()}${this.#by.slice(1)}`;
    const rows = this.all().map(([name, { letters, latestAt }]) => [
      letters.toLocaleString('en-GB'),
      timeText(latestAt),
      inOneLine(name),
    ]);
    const aligned = table(['Letters', 'Latest', title], rows, ['right', 'left', 'left']);
    // What is cut is at the end of a line, where the name stands.
    return aligned.replaceAll(/^.*$/gm, (line) => (line.length <= columns ? line : `${line.slice(0, columns - 1)}…`));
  }
}

function indented(text: string, columns: number): string[] {
  return wrap(withoutControl(text), columns - INDENT.length).map((line) => INDENT + line);
}

/** `2026-11-28 05:12:33Z` */
function timeText(ms: number): string {
  const date = new Date(ms);
  if (ms < 0 || Number.isNaN(date.getTime())) return 'without a time';
  return date
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z');
}
