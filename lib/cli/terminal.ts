/** What the commands know of the terminal that they write to. */

/** Of a pipe, which has no width; a reader there can cope with long lines. */
const PIPE_COLUMNS = 100;
const LEAST_COLUMNS = 40;

export function terminalColumns(): number {
  return Math.max(LEAST_COLUMNS, process.stdout.columns ?? PIPE_COLUMNS);
}

export function hasColours(stream: { readonly isTTY?: boolean } = process.stdout): boolean {
  return stream.isTTY === true && (process.env['NO_COLOR'] ?? '') === '';
}
