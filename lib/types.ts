/**
 * The data shapes that cross a boundary: between the primary and its threads, or between `core` and `io`.
 * Everything here is plain data that survives structured clone.
 */

/** One partition of the topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** One value of a header; null where the producer gave none. */
type SingleHeaderValue = Uint8Array | string | null;

/** What a header's name has: one value, or several in their order. */
export type HeaderValue = SingleHeaderValue | readonly SingleHeaderValue[];

/**
 * A Kafka record as it was delivered. Offsets are numbers: Kafka counts from 0 in steps of one, and 2^53 records of one
 * partition are out of reach, while BigInt arithmetic is several times dearer in the offset tracker.
 */
export interface KafkaRecord extends TopicPartition {
  readonly offset: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** By any name that there is, `__proto__` among them. */
  readonly headers: Readonly<Record<string, HeaderValue>>;
  /**
   * Milliseconds since the epoch, as the producer or the broker set them; -1 where the record has no time. Producers set any
   * number: it may lie beyond what a `Date` can hold.
   */
  readonly timestamp: number;
}

/** Lanes, the first to be served first: a record names its lane in a header, and is of the `normal` one otherwise. */
export const LANES = ['live', 'normal', 'backfill'] as const;

export type Lane = (typeof LANES)[number];

/** What a valid record asks for: every file of it is to be loaded. */
export interface IngestRequest {
  readonly files: readonly string[];
  /** Normalised tenant, or null when the message names none. */
  readonly tenant: string | null;
  readonly format: string | null;
  /** Size in bytes that the message claims, over all its files. */
  readonly size: number | null;
}

/** What a file is loaded as that was given up before. */
export interface ReplayedFile {
  /** The one of its first load. */
  readonly token: string;
  /** How often it was asked for although the table may have its rows. */
  readonly generation: number;
}

/** One file of a request to be loaded. */
export interface Job extends TopicPartition {
  /** `topic/partition/offset/index`: the same at every delivery of the record. */
  readonly id: string;
  readonly offset: number;
  readonly index: number;
  readonly file: string;
  readonly tenant: string | null;
  readonly table: string;
  readonly lane: Lane;
  readonly format: string | null;
  /** What the job weighs in the queue: the size that the message claims, else 1 MiB. */
  readonly bytes: number;
  /** The record's own timestamp. */
  readonly timestamp: number;
  /** The message's W3C trace context, handed on to the child. */
  readonly traceparent: string | null;
  /** Of a message that was given up and is announced again. */
  readonly replay?: ReplayedFile | null;
}

/** What a look at a file found; the times in milliseconds since the epoch, by the disk's clock and by this machine's. */
export interface FileSeen {
  readonly bytes: number;
  readonly modifiedAt: number;
  readonly at: number;
}

/** That a file is to be loaded only when it was not written to for `ms`; `seen` is what the look before found. */
export interface Settling {
  readonly ms: number;
  readonly seen: FileSeen | null;
}

/** What to execute for one attempt. `env` is the child's whole environment; nothing is inherited. */
export interface Command {
  /** The file to load, to be checked right before the start: a regular file, under one of the roots if there are any. */
  readonly input: {
    readonly file: string;
    readonly allowedRoots: readonly string[];
    /** Null where the file may be loaded while it is written to. */
    readonly settling?: Settling | null;
  };
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The child's deadline, counted from its start. */
  readonly timeoutMs: number;
  /** Between TERM and KILL to the child's process group. */
  readonly graceMs: number;
}

/**
 * How one attempt ended.
 * - `succeeded`: exit code 0, and the loader's output does not say that it failed.
 * - `failed`: another exit code, an output that says so, or a signal that we did not send.
 * - `timed-out`: the deadline passed and we ended it, or the disk did not say for as long what stands at the file's path.
 * - `stopped`: we ended it because the service stops.
 * - `sink-unavailable`: the loader said that ClickHouse cannot be reached or is overloaded.
 * - `sink-refused`: ClickHouse lets this loader in for no table: a wrong password, port or certificate.
 * - `table-refused`: ClickHouse takes no rows for this table: a missing grant or table.
 * - `machine-fault`: the child could not be started for want of a resource (EAGAIN, ENOMEM, EMFILE, ETXTBSY …), or what
 *   was to start it died before it began.
 * - `service-fault`: the executable cannot be run at all (ENOENT, EACCES …), or the bundled loader does not know one of its
 *   arguments: the configuration's fault, not the file's.
 * - `file-missing`: the file to load is not there (yet: a shared disk may lag behind the message); no child was started.
 * - `file-unsettled`: the file may still be written to (`ingest.settle_seconds`); no child was started.
 * - `path-denied`: the file is not a regular one or lies outside `ingest.allowed_roots`; no child was started.
 * - `thread-lost`: the worker thread, or the launcher process that it keeps, died with the child.
 */
export const OUTCOME_RESULTS = [
  'succeeded',
  'failed',
  'timed-out',
  'stopped',
  'sink-unavailable',
  'sink-refused',
  'table-refused',
  'machine-fault',
  'service-fault',
  'file-missing',
  'file-unsettled',
  'path-denied',
  'thread-lost',
] as const;

export type OutcomeResult = (typeof OUTCOME_RESULTS)[number];

/** The same keys whatever the result, so that logs, metrics and the retry policy need no cases to read them. */
export interface Outcome {
  readonly result: OutcomeResult;
  /** One line for people: why the attempt ended as it did. */
  readonly reason: string;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Signals that we sent to the process group, in order. */
  readonly signalsSent: readonly ('SIGTERM' | 'SIGKILL')[];
  /** From the request to start until the child ran. */
  readonly launchMs: number;
  /** From the start to the end of the child. */
  readonly durationMs: number;
  /** The last of what the child wrote to stderr, control characters stripped, at most 2 KiB. */
  readonly stderrTail: string;
  /** Bytes of output that were read but not kept. */
  readonly droppedOutputBytes: number;
  /** As the loader reports; null where it reports none. */
  readonly rows: number | null;
  /** As the loader reports; where it reports none, the size of a loaded file on disk, and null for any other outcome. */
  readonly bytes: number | null;
  /** What was found of a file that may still be written to. */
  readonly seen?: FileSeen;
  /** Null or left out where no child ran. */
  readonly traces?: LoadTraces | null;
}

/** What is known of a load beside how it ended: the file as it stood there, what the child used, and its insert. */
export interface LoadTraces {
  readonly fileBytes: number | null;
  /** Milliseconds since the epoch, by the file's disk. */
  readonly modifiedAt: number | null;
  /** Null where nobody counted it. */
  readonly cpuMs: number | null;
  /** What the child held in memory at most; null where nobody counted it. */
  readonly peakBytes: number | null;
  /** Of ClickHouse, as the loader reports it. */
  readonly queryId: string | null;
}

/**
 * How children are started.
 * - `direct`: forked from the service, which is large and pays for that.
 * - `launcher`: by a small process of each thread, where the machine has an interpreter for it; else directly.
 * - `warm`: not one for each job: each thread keeps one loader, which takes one job after another.
 * - `prefork`: forked from a process that has imported a Python loader's modules; as with `launcher` while there is none.
 */
export const LAUNCH_MODES = ['direct', 'launcher', 'warm', 'prefork'] as const;

export type LaunchMode = (typeof LAUNCH_MODES)[number];

/** What `as_cli.launch` may be: `auto` is `warm` for the bundled loader and `launcher` for any other. */
export const LAUNCH_SETTINGS = ['auto', ...LAUNCH_MODES] as const;

export type LaunchSetting = (typeof LAUNCH_SETTINGS)[number];

/** How a probe of the loader ended. */
export interface ProbeResult {
  /** Why no process came of it; null when one ran. */
  readonly notStarted: string | null;
  readonly exitCode: number | null;
  /** How it ended, for people. */
  readonly reason: string;
  /** Whether the executable that was probed is another one than when that was last looked at. */
  readonly isOther: boolean;
  /** What it wrote to both outputs, as lines without escapes. */
  readonly lines: readonly string[];
  /** Its CPU time where it is a Python program, whose start is most of that. */
  readonly pythonCpuMs?: number;
}

/** How important a line of the log is, from the most important on. A level shows itself and all before it. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** What a worker thread is created with. */
export interface WorkerSettings {
  readonly sinkUnavailable: {
    /** Exit codes that mean an unavailable sink. */
    readonly exitCodes: readonly number[];
    /** Case-insensitive regular expressions that mean the same, for what a loader says that ended with a vague exit code. */
    readonly patterns: readonly string[];
    /** Exit codes that do not say what happened, by default 0 (where the output says that the load failed) and 1. */
    readonly vagueExitCodes?: readonly number[];
    /** Whether the loader's report of a failure (`scope`) is believed, as that of the bundled one is. */
    readonly reportsScope?: boolean;
  };
  /** How a loader says on stdout that it failed although it ends with 0; nothing for the bundled one, whose exit codes say it. */
  readonly stdoutFailures?: StdoutFailures | null;
  readonly launch: LaunchMode;
  /** Whether the child's lines are sent to the primary for its log. */
  readonly forwardLines: boolean;
}

/** Regular expressions for single lines of stdout, without ANSI escapes; a carriage return ends a line too. */
export interface StdoutFailures {
  /** A line that makes the load a failure; case counts. */
  readonly failurePatterns: readonly string[];
  /** A later line that makes it a success after all; case is ignored. */
  readonly successPattern: string;
}

/** One attempt, from the primary to a thread. Requests for it stand in `slot` of the shared memory. */
export interface WorkerTask {
  readonly jobId: string;
  readonly slot: number;
  readonly command: Command;
}

/** From a thread to the primary, over the thread's channel: about the attempt under way, or about its launcher. */
export type WorkerMessage =
  | AttemptMessage
  | { readonly type: 'launcher'; readonly name: string; readonly pid: number | null }
  | { readonly type: 'mother-wanted'; readonly wanted: MotherWanted };

/** A loader as a mother serves it, a process that keeps a loader's modules: all that the loader's children have in common. */
export interface MotherWanted {
  readonly key: string;
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Where to connect to a mother, or why there is none; `forGood` when that will not change. */
export type MotherPlace =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'none'; readonly reason: string; readonly forGood: boolean };

export type AttemptMessage =
  | { readonly type: 'started'; readonly jobId: string; readonly pid: number; readonly launchMs: number }
  | { readonly type: 'signalled'; readonly jobId: string; readonly signal: 'SIGTERM' | 'SIGKILL' }
  | { readonly type: 'line'; readonly jobId: string; readonly stream: 'stdout' | 'stderr'; readonly text: string }
  /** Asked for: the last line that the child has written so far; empty before it has written any. */
  | { readonly type: 'last-line'; readonly jobId: string; readonly text: string };

/** What the primary asks of an attempt: TERM, then KILL after the grace; or KILL at once. */
export type WorkerControl = 'stop' | 'kill';

/**
 * From the primary to a thread, over the thread's channel: to read the request for its attempt, to say the last line of its
 * child, to end, or an answer.
 */
export type PrimaryMessage =
  | 'check-requests'
  | 'say-last-line'
  | 'end'
  | { readonly key: string; readonly place: MotherPlace };
