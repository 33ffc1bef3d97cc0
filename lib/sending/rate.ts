/** `--rate`: so many in a time, and not faster. */
import { AtdError } from '../errors.js';

const RATE = /^(\d+(?:\.\d+)?)(?:\/(s|min|m|h))?$/;
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, min: 60, h: 3_600 };

/**
 * `20/s`, `20`, `100/min` in each second; null where none is given.
 *
 * @throws AtdError ATD_USAGE
 */
export function rateOf(text: string | boolean | undefined): number | null {
  if (text === undefined) return null;
  const [, number, unit = 's'] = RATE.exec(String(text).trim()) ?? [];
  const perSecond = Number(number ?? 0) / (SECONDS[unit] as number);
  if (perSecond > 0) return perSecond;
  throw new AtdError('ATD_USAGE', `--rate ${text} is no speed; it looks like 20/s, 100/min or 1000/h`);
}

/** How many to send at once, so that a second sees no more than it may. */
export function batchSize(perSecond: number | null, most: number): number {
  return perSecond === null ? most : Math.max(1, Math.min(most, Math.floor(perSecond)));
}

/** How long to wait before the next ones, in milliseconds. */
export function pauseBefore(sent: number, elapsedMs: number, perSecond: number | null): number {
  return perSecond === null ? 0 : Math.max(0, (sent / perSecond) * 1_000 - elapsedMs);
}
