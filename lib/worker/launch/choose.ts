/** Chooses how this thread starts its children, and replaces a launcher process that has died. */
import type { Command, LaunchMode } from '../../types.js';
import { DIRECT } from './direct.js';
import type { ChildListener, Launch, Launcher } from './launcher.js';
import { type LauncherProcess, startLauncher } from './launcher-process.js';
import { LAUNCHER_PROGRAMS, type LauncherProgram } from './launcher-programs.js';
import { WarmLauncher } from './warm.js';

/** Where no launcher starts, children are started directly, and as often a launcher is tried again. */
const RETRY_MS = 10_000;

/** @param onChange called with the chosen launcher, and with each that takes its place */
export async function createLauncher(mode: LaunchMode, onChange: (launcher: Launcher) => void): Promise<Launcher> {
  if (mode === 'warm') return warm(onChange);
  for (const program of mode === 'direct' ? [] : LAUNCHER_PROGRAMS) {
    const process = await startLauncher(program);
    if (process === null) continue;
    onChange(process);
    return new LastingLauncher(program, process, onChange);
  }
  onChange(DIRECT);
  return DIRECT;
}

function warm(onChange: (launcher: Launcher) => void): Launcher {
  const launcher = new WarmLauncher(onChange);
  onChange(launcher);
  return launcher;
}

/** The program that worked at the start; while it does not, children are started directly. */
export class LastingLauncher implements Launcher {
  readonly #program: LauncherProgram;
  readonly #onChange: (launcher: Launcher) => void;
  #process: LauncherProcess | null;
  #failedAt = Number.NEGATIVE_INFINITY;

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

  async close(): Promise<void> {
    await this.#process?.close();
  }

  async #replace(): Promise<void> {
    if (performance.now() - this.#failedAt < RETRY_MS) return;
    this.#process = await startLauncher(this.#program);
    if (this.#process === null) this.#failedAt = performance.now();
    this.#onChange(this.#current);
  }
}
