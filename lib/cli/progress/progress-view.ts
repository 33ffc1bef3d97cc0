/** The line that shows how far a command has come. */

export interface ProgressState {
  /** What is done to each: `replayed`. */
  readonly what: string;
  readonly done: number;
  readonly all: number;
  /** Since it began. */
  readonly seconds: number;
}

const LEAST_BAR = 10;
const MOST_BAR = 40;

/** @param terminal null for a plain line */
export function progressLine(
  { what, done, all, seconds }: ProgressState,
  terminal: { readonly columns: number; readonly colours: boolean } | null,
): string {
  const share = all === 0 ? 1 : Math.min(1, done / all);
  const speed = seconds > 0 ? done / seconds : 0;
  const left = speed > 0 && done < all ? `, ${timeText((all - done) / speed)} left` : '';
  const count = `${done.toLocaleString('en-GB')} of ${all.toLocaleString('en-GB')} ${what}`;
  const text = `${count}, ${Math.floor(share * 100)} %${left}`;
  if (terminal === null) return text;
  // The last column stays free: a line that fills it makes some terminals begin another.
  const room = terminal.columns - 1 - text.length - 3;
  if (room < LEAST_BAR) return text.slice(0, Math.max(0, terminal.columns - 1));
  const width = Math.min(MOST_BAR, room);
  const full = Math.round(share * width);
  const bar = `${'#'.repeat(full)}${'.'.repeat(width - full)}`;
  return `[${terminal.colours ? `\u001b[32m${bar}\u001b[39m` : bar}] ${text}`;
}

/** `7 s`, `3 min`, `2 h` */
function timeText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
