/**
 * Asks a loader that is not the bundled one for its help, to learn whether it works at all, and notices when its executable
 * is another one than at the last time. The probe is an attempt like any other, without a file: it has the child's
 * environment and a deadline, and whatever it starts ends with it.
 */
import { statSync } from 'node:fs';
import { markedBy, supervisorId } from '../processes/leftovers.js';
import type { Command, ProbeResult } from '../types.js';

const PROBE_MS = 30_000;
const GRACE_MS = 1_000;
const JOB_ID = 'loader-probe';
/** Kept of what it says; an accusation stands in the first or the last lines of a short text. */
const MAX_LINES = 200;

export interface ProbeOptions {
  /** The loader's file, absolute, and what stands before `ingest`. */
  readonly file: string;
  readonly args: readonly string[];
  /** The environment of its children, as it is at the moment. */
  readonly env: () => Readonly<Record<string, string>>;
}

export class LoaderProbe {
  readonly #options: ProbeOptions;
  #fingerprint: string | null = null;
  #stop: () => void = () => undefined;

  constructor(options: ProbeOptions) {
    this.#options = options;
  }

  /** Whether the executable is another one than at the last question or probe; never before the first probe. */
  hasChanged(): boolean {
    const before = this.#fingerprint;
    if (before === null) return false;
    this.#fingerprint = fingerprintOf(this.#options.file);
    return this.#fingerprint !== before;
  }

  /** Never rejects for anything that the loader does. One at a time. */
  async run(): Promise<ProbeResult> {
    const isOther = this.hasChanged();
    this.#fingerprint ??= fingerprintOf(this.#options.file);
    // The primary starts no other child, and has no need of these before.
    const [{ supervise }, { DIRECT }] = await Promise.all([
      import('../worker/attempt/supervise.js'),
      import('../worker/launch/direct.js'),
    ]);
    const lines: string[] = [];
    const { result, reason, exitCode } = await supervise(this.#command(), {
      launcher: DIRECT,
      sink: { exitCodes: new Set(), patterns: [], vagueExitCodes: new Set(), reportsScope: false },
      onStarted: () => undefined,
      onSignalled: () => undefined,
      onLine: (_stream, line) => {
        if (lines.length < MAX_LINES) lines.push(line);
      },
      onRequest: (listener) => {
        this.#stop = () => listener('kill');
      },
    });
    this.#stop = () => undefined;
    const notStarted = NOT_STARTED.has(result) ? reason : null;
    return { notStarted, exitCode, reason, isOther, lines };
  }

  /** Ends the probe under way, if there is one. */
  stop(): void {
    this.#stop();
  }

  #command(): Command {
    const { file, args, env } = this.#options;
    return {
      input: { file, allowedRoots: [] },
      file,
      args: [...args, 'ingest', 'records', '--help'],
      env: markedBy(supervisorId(), { ...env(), ATD_JOB_ID: JOB_ID }),
      timeoutMs: PROBE_MS,
      graceMs: GRACE_MS,
    };
  }
}

/** A want of the machine's resources is no fault of the loader. */
const NOT_STARTED: ReadonlySet<string> = new Set(['service-fault', 'file-missing', 'path-denied']);

function fingerprintOf(file: string): string {
  try {
    const { dev, ino, size, mode, mtimeMs, ctimeMs } = statSync(file);
    return [dev, ino, size, mode, mtimeMs, ctimeMs].join(' ');
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
