/** What became of one file, as the ledger has it: a row for each final state, and one for each attempt that failed. */
import type { Disposition } from '../core/events.js';
import type { Lane, OutcomeResult } from '../types.js';

/**
 * - `loaded`: its rows are in the table.
 * - `failed`: an attempt did not load it; another one follows, or the row after this one says that it was given up.
 * - `given-up`: no further attempt is made; its message is a dead letter.
 * - `skipped`: no attempt was made at all; its message was refused, and is a dead letter.
 * - `superseded`: an attempt ended after its partition had gone to another instance, whose own row counts.
 * - `undone`: somebody has its rows taken out of the table; it is not loaded again but under another generation.
 */
export const LOAD_STATUSES = ['loaded', 'failed', 'given-up', 'skipped', 'superseded', 'undone'] as const;

export type LoadStatus = (typeof LOAD_STATUSES)[number];

/** Times are milliseconds since the epoch. */
export interface Load {
  /** The same in every attempt, delivery and instance. */
  readonly loadId: string;
  /** The loader's deduplication token. */
  readonly token: string;
  /** How often it was taken out of its table and loaded anew. */
  readonly generation: number;
  readonly status: LoadStatus;
  /** Counted from the delivery of the message to this run; 0 where none was made. */
  readonly attempt: number;
  /** Null for the messages without a tenant; of a refused message as it named it. */
  readonly tenant: string | null;
  /** Empty where no table was chosen. */
  readonly table: string;
  /** Empty where the message could not be read. */
  readonly path: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly index: number;
  readonly lane: Lane;
  /** By the message's own time, which its producer wrote; null where it has none. */
  readonly announcedAt: number | null;
  /** When the message was read. */
  readonly takenAt: number;
  /** Null where no attempt was made. */
  readonly startedAt: number | null;
  readonly finishedAt: number;
  /** How the attempt ended; null where none was made. */
  readonly result: OutcomeResult | null;
  readonly disposition: Disposition | null;
  readonly rows: number | null;
  readonly bytes: number | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Why; empty for a file that is loaded. */
  readonly reason: string;
  /** The last of what the child wrote to stderr; empty for a file that is loaded, and where no child ran. */
  readonly stderr: string;
  /** Of the file as it stood there before the child was started; null where none was. */
  readonly size: number | null;
  /** When the file was last written to, by its disk; null where no child was started. */
  readonly modifiedAt: number | null;
  /** What the child used; null where none ran, or nobody counted it. */
  readonly cpuMs: number | null;
  /** What the child held in memory at most, in bytes; null also where one process loads many files. */
  readonly peakMemory: number | null;
  /** By which ClickHouse's query log has the insert; null where the loader does not say. */
  readonly queryId: string | null;
  readonly instance: string;
  /** Of the service. */
  readonly version: string;
  /** `bundled`, which is of the same version, or the executable of another one. */
  readonly loader: string;
}
