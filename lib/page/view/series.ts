/** The lines of the charts: a value for each step of the last hour, in seconds and in units per second. */
import { bytesText, numberText, rateText } from '../../util/plain-text.js';
import type { PageHistory } from './state.js';

export interface Series {
  readonly id: 'lag' | 'files' | 'rows' | 'bytes';
  readonly times: readonly number[];
  readonly values: readonly (number | null)[];
  /** What a screen reader says in place of the line. */
  readonly words: string;
}

const HOUR_MS = 60 * 60_000;

export function valueText(id: Series['id'], value: number): string {
  if (id === 'lag') return numberText(Math.round(value));
  return id === 'bytes' ? bytesText(Math.round(value)) : rateText(value);
}

/** What was not counted yet, because the service had not started, is left out. */
export function seriesOf({ at, stepMs, speeds, lags }: PageHistory, startedAt: number): readonly Series[] {
  const last = Math.floor(at / stepMs);
  const first = Math.max(last - HOUR_MS / stepMs + 1, Math.floor(startedAt / stepMs));
  const steps = Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
  const times = steps.map((step) => (step * stepMs) / 1_000);
  const speedAt = new Map(speeds.map((speed) => [Math.floor(speed.at / stepMs), speed]));
  const lagAt = new Map(lags.map(([when, messages]) => [Math.floor(when / stepMs), messages]));
  const rate = (id: 'files' | 'rows' | 'bytes', name: 'loaded' | 'rows' | 'bytes', unit: string): Series => {
    // The step of now is not over.
    const values = steps.map((step) => (step === last ? null : ((speedAt.get(step)?.[name] ?? 0) * 1_000) / stepMs));
    return { id, times, values, words: inWords(id, values, unit) };
  };
  const messages = steps.map((step) => lagAt.get(step) ?? null);
  return [
    { id: 'lag', times, values: messages, words: inWords('lag', messages, 'messages behind') },
    ...[rate('files', 'loaded', 'files/s'), rate('rows', 'rows', 'rows/s'), rate('bytes', 'bytes', 'B/s')],
  ];
}

function inWords(id: Series['id'], values: readonly (number | null)[], unit: string): string {
  const known = values.filter((value) => value !== null);
  const [newest] = known.slice(-1);
  if (newest === undefined) return 'Nothing is known yet';
  const most = known.reduce((a, b) => Math.max(a, b));
  const what = id === 'bytes' ? '/s' : ` ${unit}`;
  return `Now ${valueText(id, newest)}${what}, at most ${valueText(id, most)}${what} in the last hour`;
}
