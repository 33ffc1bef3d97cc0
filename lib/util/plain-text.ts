/** Numbers and tables as a person reads them. */

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `512 B`, `4.1 MiB` */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 'B';
  for (const larger of UNITS) {
    if (value < 1024) break;
    value /= 1024;
    unit = larger;
  }
  return unit === 'B' ? `${bytes} B` : `${value.toFixed(1)} ${unit}`;
}

/** Made once: a table of the page has some hundred numbers, and `toLocaleString` finds its rules anew for each. */
const WHOLE = new Intl.NumberFormat('en-GB');
const TENTHS = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 1 });

/** `12,345` */
export function numberText(number: number): string {
  return WHOLE.format(number);
}

/** `1 row`, `12,345 rows` */
export function countText(count: number, what: string): string {
  return `${numberText(count)} ${what}${count === 1 ? '' : 's'}`;
}

/** `2026-11-28 05:12:33Z` */
export function momentText(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return 'without a time';
  return date
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z');
}

/** `4 s`, `12 min`, `3 h 5 min`, `2 d 4 h` */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours % 24 === 0 ? `${Math.floor(hours / 24)} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `0.4`, `1,204`, of what there was in a second */
export function rateText(perSecond: number): string {
  if (perSecond > 0 && perSecond < 0.05) return '< 0.1';
  return perSecond < 100 ? TENTHS.format(perSecond) : numberText(Math.round(perSecond));
}

export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly ('left' | 'right')[],
): string {
  const widths = header.map((title, index) => Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const lines = [header, ...rows].map((row) =>
    row.map((cell, index) =>
      align[index] === 'right' ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0),
    ),
  );
  return lines.map((cells) => `${cells.join('  ').trimEnd()}\n`).join('');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be replaced
const CONTROLS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g;
/** What turns the direction in which text is read, or has no width, and what ends a line of Unicode. */
const UNSEEN = /[\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Text from a table for a terminal: control characters could move its cursor, colour it or name its window. */
export function withoutControl(text: string): string {
  return text.replace(CONTROLS, '\ufffd').replace(UNSEEN, '\ufffd');
}

/** The same where it stands in one line. */
export function inOneLine(text: string): string {
  return withoutControl(text.replaceAll('\n', '\ufffd'));
}

/** A number stays with its unit. */
const BLANKS = /\s+(?!(?:s|min|h|d|B|[KMGTP]iB)\b)/;

/** Lines of at most so many columns; a word that is longer is cut. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  // A line break before what looks like a unit would stay one.
  for (const word of text.replaceAll('\n', ' ').split(BLANKS)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (longer.length <= columns) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    for (; line.length > columns; line = line.slice(columns)) lines.push(line.slice(0, columns));
  }
  return [...lines, line];
}
