/**
 * Asks a loader that is not the bundled one for its help, to learn whether it works at all, and notices when its executable
 * is another one than at the last time. The probe is an attempt like any other, without a file: it has the child's
 * environment and a deadline, and whatever it starts ends with it.
 *
 * The executable may lie on a disk that hangs, which holds who looks at it or starts it, and with it the end of its process:
 * so a small process of each does that, as for the loads.
 */
import { stat } from 'node:fs/promises';
import { markedBy, supervisorId } from '../processes/leftovers.js';
import type { Command, ProbeResult } from '../types.js';
import type { Launcher, Look, Looker } from '../worker/launch/launcher.js';
import { interpreterOf } from '../worker/launch/prefork/interpreter.js';

const PROBE_MS = 30_000;
const GRACE_MS = 1_000;
const JOB_ID = 'loader-probe';
/** The longest that anybody waits for a look; a healthy disk needs less than a millisecond. */
const LOOK_MS = 10_000;
/** From a disk's silence to the next look: each may leave a process behind that nothing ends. */
const SILENCE_MS = 60_000;
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
  #looker: Promise<LastingLooker | null> | null = null;
  /** The look under way, and the one that follows it. */
  #look: Promise<string | null> | null = null;
  #nextLook: Promise<string | null> | null = null;
  #silentUntil = Number.NEGATIVE_INFINITY;
  #stop: () => void = () => undefined;

  constructor(options: ProbeOptions) {
    this.#options = options;
  }

  /**
   * Whether the executable is another one than at the last question or probe; never before the first probe, nor while its
   * disk does not answer. Never rejects.
   */
  async hasChanged(): Promise<boolean> {
    if (this.#fingerprint === null) return false;
    const found = await this.#lookSoon();
    const before = this.#fingerprint;
    if (found === null || found === before) return false;
    this.#fingerprint = found;
    return true;
  }

  /** Never rejects for anything that the loader does. One at a time. */
  async run(): Promise<ProbeResult> {
    const isOther = await this.hasChanged();
    this.#fingerprint ??= await this.#lookSoon();
    // The primary starts no other child, and has no need of these before.
    const [{ supervise }, { createLauncher, createLooker }] = await Promise.all([
      import('../worker/attempt/supervise.js'),
      import('../worker/launch/choose.js'),
    ]);
    const launcher = await createLauncher('launcher', () => undefined);
    const looker = await createLooker(launcher);
    const lines: string[] = [];
    const command = this.#command();
    const spent: number[] = [];
    const { result, reason, exitCode } = await supervise(command, {
      launcher: measuring(launcher, (ms) => spent.push(ms)),
      looker,
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
    for (const helper of [launcher, looker]) void helper?.close();
    const notStarted = NOT_STARTED.has(result) ? reason : null;
    const [pythonCpuMs] = (await isPython(command)) ? spent : [];
    return { notStarted, exitCode, reason, isOther, lines, ...(pythonCpuMs === undefined ? {} : { pythonCpuMs }) };
  }

  /** Ends the probe and the look under way, if there are any. */
  stop(): void {
    this.#stop();
    const isLooking = this.#look !== null;
    void this.#looker?.then((looker) => (isLooking ? looker?.abandon() : looker?.close()));
  }

  /** Who asks while a look is under way shares the next one, for it may have begun too early. */
  #lookSoon(): Promise<string | null> {
    if (this.#look === null) {
      this.#look = this.#lookNow().finally(() => {
        this.#look = null;
      });
      return this.#look;
    }
    this.#nextLook ??= this.#look.then(() => {
      this.#nextLook = null;
      return this.#lookSoon();
    });
    return this.#nextLook;
  }

  /** What distinguishes the executable from any other; null where its disk does not answer. */
  async #lookNow(): Promise<string | null> {
    if (performance.now() < this.#silentUntil) return null;
    const { file } = this.#options;
    this.#looker ??= startLooker();
    const looker = await this.#looker;
    const look =
      looker === null ? lookHere(file) : looker.look({ file, roots: [] }, this.#command()).then(fingerprintOf);
    const isLate = Symbol('late');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<typeof isLate>((resolve) => {
      // On a busy machine the loop may have stood still until then: an answer that came meanwhile counts.
      timer = setTimeout(() => setImmediate(resolve, isLate), LOOK_MS);
    });
    const found = await Promise.race([look, late]);
    clearTimeout(timer);
    if (found !== isLate) return found;
    looker?.abandon();
    this.#silentUntil = performance.now() + SILENCE_MS;
    return null;
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

async function isPython({ file }: Command): Promise<boolean> {
  const interpreter = await interpreterOf(file).catch(() => null);
  return interpreter !== null && 'file' in interpreter;
}

/** The launcher, whose child's CPU time is told when it has ended. */
function measuring(launcher: Launcher, onCpu: (ms: number) => void): Launcher {
  return {
    name: launcher.name,
    pid: launcher.pid,
    close: () => launcher.close(),
    launch: async (command, listener) => {
      const launch = await launcher.launch(command, listener);
      if (launch.kind !== 'running') return launch;
      const exited = launch.child.exited.then((exit) => {
        if (exit.kind === 'exited' && typeof exit.cpuMs === 'number') onCpu(exit.cpuMs);
        return exit;
      });
      return { kind: 'running', child: { ...launch.child, exited } };
    },
  };
}

type LastingLooker = Looker & Pick<Launcher, 'close'>;

/** Null on a machine that has no program for it. */
async function startLooker(): Promise<LastingLooker | null> {
  const { createLauncher, createLooker } = await import('../worker/launch/choose.js');
  return createLooker(await createLauncher('launcher', () => undefined));
}

/** Null where what was to look has died. */
function fingerprintOf(look: Look | null): string | null {
  if (look === null || look.kind === 'failed') return look?.code ?? null;
  return [look.realPath, look.bytes, look.modifiedAt, look.identity].join(' ');
}

async function lookHere(file: string): Promise<string> {
  try {
    const { dev, ino, size, mode, mtimeMs, ctimeMs } = await stat(file);
    return [dev, ino, size, mode, mtimeMs, ctimeMs].join(' ');
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
