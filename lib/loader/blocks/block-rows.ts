/**
 * How many rows a block of an insert has, where nobody says so. A block is written as one part and remembered by one token, and
 * a repetition must cut the file into the same ones: so it depends on the file alone.
 */

/** What is known of a file's rows. */
export interface RowSize {
  /** Of the file, or as many as were counted before it was clear that there are many. */
  readonly rows: number;
  /** Of one of them in the mean, uncompressed. */
  readonly bytes: number;
}

/** Of an ordinary file, and of every one whose rows cannot be told; as it was for all files before blocks fitted them. */
export const ORDINARY_BLOCK_ROWS = 10_000;
/** A file of no more rows is an ordinary one. */
export const ORDINARY_FILE_ROWS = 500_000;
const MAX_BLOCK_ROWS = 1_000_000;
/** Of the file. What ClickHouse makes of them, converts and checks, is some times as many. */
const MAX_BLOCK_BYTES = 64 * 1024 * 1024;
/** Rounded down to it. */
const STEP = 1_000;

export function blockRows(size: RowSize | null): number {
  if (size === null || !(size.rows > ORDINARY_FILE_ROWS) || !(size.bytes > 0)) return ORDINARY_BLOCK_ROWS;
  const fitting = Math.floor(MAX_BLOCK_BYTES / size.bytes / STEP) * STEP;
  return Math.min(MAX_BLOCK_ROWS, Math.max(STEP, fitting));
}
