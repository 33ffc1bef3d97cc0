/**
 * When to stop reading and when to go on. Reading stops at a high mark and starts again at half of it, so that a queue
 * near its limit does not make partitions flap.
 */

export interface Load {
  /** Jobs that are ready or run, with no more than a share of each tenant. */
  readonly jobs: number;
  /** All jobs, those of a flood beyond its share and those of held tables included. */
  readonly waiting: number;
  /** Bytes of the messages that are held for them. */
  readonly bytes: number;
}

/** Bounds; reading stops when any of them is reached. */
export type LoadLimits = Load;

export function shouldPauseAll(load: Load, limits: LoadLimits, paused: boolean): boolean {
  const share = paused ? 0.5 : 1;
  return (
    load.jobs >= limits.jobs * share || load.waiting >= limits.waiting * share || load.bytes >= limits.bytes * share
  );
}

/**
 * Whether one partition is too far ahead of its commit. The commit's metadata names what is done of `span`, as far as it has
 * room; a crash has the rest delivered again, which a table recognises only as far back as it remembers.
 */
export function shouldPausePartition(span: number, maxSpan: number, paused: boolean): boolean {
  return span >= (paused ? maxSpan / 2 : maxSpan);
}
