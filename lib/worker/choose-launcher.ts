/** Chooses how this thread starts its children, and replaces a launcher process that has died. */
import type { Command, LaunchMode } from '../types.js';
import { DIRECT } from './direct.js';
import type { Launch, Launcher, OutputSink } from './launcher.js';
import { LAUNCHER_PROGRAMS, type LauncherProcess, type LauncherProgram, startLauncher } from './launcher-process.js';

/** Where no launcher starts, children are started directly, and as often a launcher is tried again. */
const RETRY_MS = 10_000;

export async function createLauncher(mode: LaunchMode): Promise<Launcher> {
  if (mode === 'direct') return DIRECT;
  for (const program of LAUNCHER_PROGRAMS) {
    const process = await startLauncher(program);
    if (process !== null) return new LastingLauncher(program, process);
  }
  return DIRECT;
}

/** The program that worked at the start; while it does not, children are started directly. */
export class LastingLauncher implements Launcher {
  readonly #program: LauncherProgram;
  #process: LauncherProcess | null;
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(program: LauncherProgram, process: LauncherProcess) {
    this.#program = program;
    this.#process = process;
  }

  get name(): string {
    return this.#program.name;
  }

  async launch(command: Command, sink: OutputSink): Promise<Launch> {
    if (this.#process?.alive !== true) await this.#replace();
    return (this.#process ?? DIRECT).launch(command, sink);
  }

  async close(): Promise<void> {
    await this.#process?.close();
  }

  async #replace(): Promise<void> {
    this.#process = null;
    if (performance.now() - this.#failedAt < RETRY_MS) return;
    this.#process = await startLauncher(this.#program);
    if (this.#process === null) this.#failedAt = performance.now();
  }
}
