/** The dead letters as a table, each with its buttons. */
import { duration, numberText } from '../../util/plain-text.js';
import { showControl } from '../../util/safe-text.js';
import type { ActButton } from './act.js';
import { type Table, tenantName } from './tables.js';

/** What the page reads of `/api/v1/dead-letters`. */
export interface PageLetter {
  readonly partition: number;
  readonly offset: number;
  readonly sentAt: number;
  readonly tenant: string | null;
  readonly disposition: string;
  readonly reason: string;
  readonly files: readonly string[];
  readonly replayCount: number;
}

/** How many are asked for, and may be done at a time. */
export const MOST_LETTERS = 100;

export function placeOf({ partition, offset }: Pick<PageLetter, 'partition' | 'offset'>): string {
  return `${partition}/${offset}`;
}

/** @param now milliseconds since the epoch, on the service's clock */
export function letterTable(letters: readonly PageLetter[], now: number): Table {
  const rows = letters.map((letter) => {
    const place = placeOf(letter);
    const { files, tenant, disposition, reason, sentAt, replayCount } = letter;
    const names = files.map(showControl);
    const file =
      names.length === 0 ? '(no file)' : names.map((name) => name.slice(name.lastIndexOf('/') + 1)).join(', ');
    const again = replayCount === 0 ? '' : `, replayed ${replayCount} ×`;
    const button = (text: string, kind: 'replay' | 'discard'): ActButton => {
      return { text, label: `${text} ${place}`, act: { kind, letters: [place] } };
    };
    return {
      key: place,
      cells: [
        ...[place, { text: file, title: names.join('\n'), isFile: true }, tenantName(tenant)],
        ...[`${showControl(disposition)}: ${showControl(reason)}${again}`],
        { text: `${duration(Math.max(0, now - sentAt))} ago`, title: new Date(sentAt).toISOString() },
      ],
      buttons: [button('Replay', 'replay'), button('Discard', 'discard')],
    };
  });
  if (rows.length === 0) return { rows, note: 'There is no dead letter that was neither replayed nor discarded.' };
  return {
    rows,
    note:
      rows.length < MOST_LETTERS ? '' : `the newest ${numberText(MOST_LETTERS)}; atd-ingestion dead-letters has all`,
  };
}
