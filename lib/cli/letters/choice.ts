/** Which letters a command is about: by filters, or by the places of some. */
import { AtdError } from '../../errors.js';
import { type Choice, type Place, readPlace } from '../../letters/choice.js';
import { isNarrow } from '../../letters/letter.js';
import type { ParsedOptions } from '../options.js';
import { spanMs } from '../span.js';

/** @throws AtdError ATD_USAGE */
export function choiceOf({ values }: ParsedOptions, places: readonly string[], now: number): Choice {
  const text = (name: string) => (values[name] as string | undefined) ?? null;
  return {
    since: sinceOf(values['since'], now),
    filter: { tenant: text('tenant'), disposition: text('disposition'), reason: text('reason'), file: text('file') },
    places: places.length === 0 ? null : places.map(placeNamed),
  };
}

/** @throws AtdError ATD_USAGE */
export function placeNamed(text: string): Place {
  const place = readPlace(text);
  if (place !== null) return place;
  throw new AtdError('ATD_USAGE', `a letter is named by its place, PARTITION/OFFSET as in the list, not "${text}"`);
}

/** @throws AtdError ATD_USAGE where nobody has said which letters are meant */
export function demandChoice({ since, filter, places }: Choice, action: string): void {
  if (since !== null || places !== null || isNarrow(filter)) return;
  const remedy = `name their places, or filter them; --file '*' is all that name a file`;
  throw new AtdError('ATD_USAGE', `${action} needs to know which letters: ${remedy}`);
}

/** @returns milliseconds since the epoch; null where it is not said */
export function sinceOf(text: string | boolean | undefined, now: number): number | null {
  if (typeof text !== 'string') return null;
  const ms = spanMs(text);
  if (ms !== null) return Math.max(0, now - ms);
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return time;
  throw new AtdError(
    'ATD_USAGE',
    `--since ${text} is neither a span (90s, 30m, 1h, 2d) nor a time (2026-11-28T05:00:00Z)`,
  );
}
