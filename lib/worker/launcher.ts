/**
 * The seam behind which the ways of starting a child stand: `direct.ts` forks it from this process, `launcher-process.ts`
 * has a small process of its own do that, and `warm.ts` keeps one loader for many jobs.
 */
import type { Command } from '../types.js';

/** Who is told of the child: of its start at once and before all else, and of its output as it comes. */
export interface OutputSink {
  readonly started: (pid: number) => void;
  readonly stdout: (chunk: Uint8Array) => void;
  readonly stderr: (chunk: Uint8Array) => void;
}

export type Exit =
  | {
      readonly kind: 'exited';
      readonly code: number | null;
      readonly signal: string | null;
      /** It is certain that nothing which came from the child lives on, so that there is nothing to look for. */
      readonly alone: boolean;
    }
  /** Whoever watched the child has died, and nobody knows how it ends. */
  | { readonly kind: 'lost'; readonly reason: string };

/** A child that runs. It leads a process group of its own, whose number is its pid. */
export interface LaunchedChild {
  readonly pid: number;
  /** Settles when the child has ended and was reaped, whoever still holds its pipes. Never rejects. */
  readonly exited: Promise<Exit>;
  /** Settles when nobody can write to its output any more. Never rejects. */
  readonly outputEnded: Promise<void>;
  /** Stops reading its output, whoever still holds the other end, and kills what only its starter can see. */
  readonly release: () => void;
}

export type Launch =
  | { readonly kind: 'running'; readonly child: LaunchedChild }
  | { readonly kind: 'failed'; readonly code: string | null; readonly message: string }
  /** Whoever was to start the child has died, perhaps after that; its pid is not known. */
  | { readonly kind: 'lost'; readonly reason: string };

/** Starts one child at a time. */
export interface Launcher {
  /** For people: `direct`, `python3` … */
  readonly name: string;
  /** Of the process that it keeps; null without one. */
  readonly pid: number | null;
  /** Never rejects: a child that cannot be started is a value. */
  readonly launch: (command: Command, sink: OutputSink) => Promise<Launch>;
  /** Ends what it keeps running; to be called when no child runs. */
  readonly close: () => Promise<void>;
}
