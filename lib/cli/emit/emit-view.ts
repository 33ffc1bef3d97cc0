/** What `emit` says: which files, which not and why, and what became of them. */
import { countText, withoutControl, wrap } from '../../util/plain-text.js';
import { placeOf } from '../letters/letter-view.js';
import type { Announcement } from './announcement.js';
import type { Waited } from './wait-state.js';

export interface Objection {
  readonly path: string;
  readonly why: string;
}

const MOST_SHOWN = 20;

/** @param isShort for a person, who needs no thousands of lines; programs do */
export function renderFiles(files: readonly Announcement[], isShort: boolean): string {
  const lines = files.map(({ filename, tenant }) => `${filename}${tenant === null ? '' : ` (tenant ${tenant})`}`);
  return (isShort ? cut(lines) : lines).map((line) => `${withoutControl(line)}\n`).join('');
}

/** Paths are not wrapped, so that they can be copied; what is said of them is. */
export function renderObjections(objections: readonly Objection[], columns: number): string {
  const lines = objections.map(({ path, why }) => (why.includes(path) ? why : `${path}: ${why}`));
  return cut(lines)
    .flatMap((line) => wrap(withoutControl(line), columns - 2))
    .map((line) => `  ${line}\n`)
    .join('');
}

export function renderWaited(
  waited: Pick<Waited, 'loaded' | 'dead' | 'open'>,
  files: readonly Announcement[],
  columns: number,
): string {
  const { loaded, dead, open } = waited;
  const lines = dead.map(
    ({ message, letter }) =>
      `${placeOf(letter)} ${files[message.number]?.filename}: ${letter.disposition}: ${letter.reason}`,
  );
  const parts = [
    `${loaded.toLocaleString('en-GB')} loaded`,
    ...(dead.length === 0 ? [] : [countText(dead.length, 'dead letter')]),
    ...(open === 0 ? [] : [`${open.toLocaleString('en-GB')} neither yet`]),
  ];
  return [...cut(lines), parts.join(', ')]
    .flatMap((line) => wrap(withoutControl(line), columns))
    .map((line) => `${line}\n`)
    .join('');
}

/** For programs. */
export function waitedObject(
  { loaded, dead, open }: Pick<Waited, 'loaded' | 'dead' | 'open'>,
  files: readonly Announcement[],
): object {
  return {
    loaded,
    open,
    dead: dead.map(({ message, letter: { disposition, reason, partition, offset } }) => ({
      filename: files[message.number]?.filename,
      letter: placeOf({ partition, offset }),
      disposition,
      reason,
    })),
  };
}

function cut(lines: readonly string[]): readonly string[] {
  const more = lines.length - MOST_SHOWN;
  return more <= 0 ? lines : [...lines.slice(0, MOST_SHOWN), `… and ${more.toLocaleString('en-GB')} more`];
}
