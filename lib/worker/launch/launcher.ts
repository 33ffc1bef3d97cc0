/**
 * The seam behind which the ways of starting a child stand: `direct.ts` forks it from this process, `launcher-process.ts`
 * has a small process of its own do that, `warm.ts` keeps one loader for many jobs, and `prefork/` has children forked from a
 * process that has a loader's modules.
 */
import type { Command } from '../../types.js';
import type { Look, LookRequest } from '../../util/look.js';

export type { FileKind, Look, LookRequest } from '../../util/look.js';

/** Called with the child's start, at once and before all else, and with its output as it comes. */
export interface ChildListener {
  readonly started: (pid: number) => void;
  readonly stdout: (chunk: Uint8Array) => void;
  readonly stderr: (chunk: Uint8Array) => void;
}

/** Whoever started and watched the child has died, and nobody knows how the child ends. */
export interface Lost {
  readonly kind: 'lost';
  /** Whether the job had been taken, and so may be the cause. */
  readonly begun: boolean;
  readonly reason: string;
}

export type Exit =
  | {
      readonly kind: 'exited';
      readonly code: number | null;
      readonly signal: string | null;
      /** No descendant of the child lives on for certain, so that none need be searched for. */
      readonly alone: boolean;
      /** Of the child; null where nobody counted it. */
      readonly cpuMs?: number | null;
      /** What it held in memory at most; null where nobody counted it. */
      readonly peakBytes?: number | null;
      /** What of the loader has changed since the child's modules were read, which was before its start; null as a rule. */
      readonly outdated?: string | null;
    }
  | Lost;

/** A child that runs. It leads a process group of its own, whose number is its pid. */
export interface LaunchedChild {
  readonly pid: number;
  /** Settles when the child has ended and was reaped, even if others still hold its pipes. Never rejects. */
  readonly exited: Promise<Exit>;
  /** Settles when nobody can write to its output any more. Never rejects. */
  readonly outputEnded: Promise<void>;
  /** Stops reading its output, even if others still hold the other end, and kills processes that only its starter can see. */
  readonly release: () => void;
}

export type Launch =
  | { readonly kind: 'running'; readonly child: LaunchedChild }
  | { readonly kind: 'failed'; readonly code: string | null; readonly message: string }
  /** Perhaps after the start of the child, whose pid is not known. */
  | Lost;

/** Looks at one file at a time, so that a disk that hangs holds neither this thread nor one of those that the process shares. */
export interface Looker {
  /**
   * Never rejects; null where nobody can tell, because what was to look has died.
   *
   * @param command what is to load the file; where the loader itself looks, it is started for that
   */
  readonly look: (request: LookRequest, command: Command) => Promise<Look | null>;
  /** Gives up the look under way, which may never return, with what is looking. */
  readonly abandon: () => void;
}

/** Starts one child at a time. */
export interface Launcher {
  /** For people: `direct`, `python3` … */
  readonly name: string;
  /** Of the process that it keeps; null without one. */
  readonly pid: number | null;
  /** Never rejects: a child that cannot be started is a value. */
  readonly launch: (command: Command, listener: ChildListener) => Promise<Launch>;
  /** Ends its long-lived process; to be called when no child runs. */
  readonly close: () => Promise<void>;
}
