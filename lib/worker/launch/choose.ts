/** Chooses how this thread starts its children, and replaces a launcher process that has died. */
import type { Command, LaunchMode } from '../../types.js';
import { lookHere } from '../../util/look.js';
import { DIRECT } from './direct.js';
import type { ChildListener, Launch, Launcher, Look, Looker, LookRequest } from './launcher.js';
import { type LauncherProcess, startLauncher } from './launcher-process.js';
import { LAUNCHER, type LauncherProgram } from './launcher-program.js';
import type { AskForMother } from './prefork/place.js';
import { PreforkLauncher } from './prefork/prefork-launcher.js';
import { WarmLauncher } from './warm.js';

/** Where no launcher starts, children are started directly, and as often a launcher is tried again. */
const RETRY_MS = 10_000;

/** Log and status say why. */
const WITHOUT_PYTHON: Launcher = { ...DIRECT, name: 'direct, as no Python 3.8 starts' };

/**
 * @param onChange called with the chosen launcher, and with each that takes its place
 * @param askForMother where there may be mothers to fork from
 */
export async function createLauncher(
  mode: LaunchMode,
  onChange: (launcher: Launcher) => void,
  askForMother: AskForMother | null = null,
): Promise<Launcher> {
  if (mode === 'warm') return warm(onChange);
  if (mode === 'prefork' && askForMother !== null) return prefork(onChange, askForMother);
  if (mode === 'direct') return direct(DIRECT, onChange);
  const process = await startLauncher(LAUNCHER);
  if (process === null) return direct(WITHOUT_PYTHON, onChange);
  onChange(process);
  return new LastingLauncher(LAUNCHER, process, onChange);
}

/**
 * What looks at this thread's files: its launcher, or one that is kept for that. Null on a machine that has no program for
 * it: then the thread itself looks, and a disk that hangs holds it.
 */
export async function createLooker(launcher: Launcher): Promise<(Looker & Pick<Launcher, 'close'>) | null> {
  if (launcher instanceof LastingLauncher || launcher instanceof WarmLauncher) return launcher;
  if (launcher instanceof PreforkLauncher && launcher.canLook) return launcher;
  const other = await createLauncher('launcher', () => undefined);
  return other instanceof LastingLauncher ? other : null;
}

function direct(launcher: Launcher, onChange: (launcher: Launcher) => void): Launcher {
  onChange(launcher);
  return launcher;
}

function warm(onChange: (launcher: Launcher) => void): Launcher {
  const launcher = new WarmLauncher(onChange);
  onChange(launcher);
  return launcher;
}

async function prefork(onChange: (launcher: Launcher) => void, askForMother: AskForMother): Promise<Launcher> {
  let launcher: PreforkLauncher | null = null;
  const plain = await createLauncher('launcher', () => {
    if (launcher !== null) onChange(launcher);
  });
  launcher = new PreforkLauncher(plain, askForMother);
  onChange(launcher);
  return launcher;
}

/** The program that worked at the start; while it does not, children are started and files looked at as without Python. */
export class LastingLauncher implements Launcher, Looker {
  readonly #program: LauncherProgram;
  readonly #onChange: (launcher: Launcher) => void;
  #process: LauncherProcess | null;
  #failedAt = Number.NEGATIVE_INFINITY;
  /** Under way also when the look that it began for was given up, and the next one comes. */
  #replacing: Promise<void> | null = null;
  /** Looks that were begun or given up. */
  #looks = 0;

  constructor(program: LauncherProgram, process: LauncherProcess, onChange: (launcher: Launcher) => void) {
    this.#program = program;
    this.#process = process;
    this.#onChange = onChange;
  }

  get name(): string {
    return this.#current.name;
  }

  get pid(): number | null {
    return this.#current.pid;
  }

  get #current(): Launcher {
    return this.#process ?? DIRECT;
  }

  async launch(command: Command, listener: ChildListener): Promise<Launch> {
    if (this.#process?.alive !== true) await this.#replace();
    return this.#current.launch(command, listener);
  }

  async look(request: LookRequest): Promise<Look | null> {
    this.#looks += 1;
    const look = this.#looks;
    if (this.#process?.alive !== true) await this.#replace();
    // Given up before it was begun.
    if (look !== this.#looks) return null;
    return this.#process === null ? lookHere(request) : this.#process.look(request);
  }

  abandon(): void {
    this.#looks += 1;
    this.#process?.abandon();
  }

  async close(): Promise<void> {
    await this.#process?.close();
  }

  #replace(): Promise<void> {
    this.#replacing ??= this.#startAnother().finally(() => {
      this.#replacing = null;
    });
    return this.#replacing;
  }

  async #startAnother(): Promise<void> {
    if (performance.now() - this.#failedAt < RETRY_MS) return;
    this.#process = await startLauncher(this.#program);
    if (this.#process === null) this.#failedAt = performance.now();
    this.#onChange(this.#current);
  }
}
