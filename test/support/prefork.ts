/** Loaders in Python that are forked, for tests: their scripts, and the launcher with its mothers. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MotherLimits, Mothers, type PreforkNews } from '../../lib/pool/mothers.js';
import type { Command } from '../../lib/types.js';
import { createLauncher } from '../../lib/worker/launch/choose.js';
import type { ChildListener, Launch, Launcher, Look, Looker, LookRequest } from '../../lib/worker/launch/launcher.js';
import type { LauncherProcess } from '../../lib/worker/launch/launcher-process.js';
import { wantedBy } from '../../lib/worker/launch/prefork/place.js';
import type { PreforkLauncher } from '../../lib/worker/launch/prefork/prefork-launcher.js';
import { forkLauncher } from '../../lib/worker/launch/prefork/socket-wire.js';
import { command, fixture } from './commands.js';
import { waitUntil } from './processes.js';

/** The interpreter itself, where what stands on the PATH is a script that starts it. */
export const PYTHON = pythonItself();

const SOON: MotherLimits = { quietMs: 0, files: 1_000, seconds: 3_600 };

export interface Preforking {
  readonly launcher: PreforkLauncher;
  readonly mothers: Mothers;
  readonly news: readonly PreforkNews[];
  readonly close: () => Promise<void>;
  /** Waits for news of this kind. */
  readonly hears: (is: (news: PreforkNews) => boolean, what: string) => Promise<void>;
}

export async function startPreforking(limits: Partial<MotherLimits> = {}): Promise<Preforking> {
  const news: PreforkNews[] = [];
  const mothers = new Mothers((each) => news.push(each), { ...SOON, ...limits });
  const ask = mothers.of.bind(mothers);
  const launcher = (await createLauncher('prefork', () => undefined, ask)) as PreforkLauncher;
  const close = async () => {
    await launcher.close();
    await mothers.close();
  };
  const hears = (is: (news: PreforkNews) => boolean, what: string) => waitUntil(() => news.some(is), 60_000, what);
  return { launcher, mothers, news, close, hears };
}

/** A loader that becomes the command that its arguments name. */
class RunCommand {
  readonly #directory = mkdtempSync(join(tmpdir(), 'atd-run-'));
  readonly #script = join(this.#directory, 'run');

  constructor() {
    if (PYTHON === null) throw new Error('there is no python3 on the PATH');
    const text = readFileSync(fixture('run-command.py'), 'utf8');
    writeFileSync(this.#script, `#!${PYTHON}\n${text}`, { mode: 0o755 });
  }

  /** Null for what is not to be run in this way: a test of a program that cannot be started. */
  wrap(command: Command): Command | null {
    if (command.file !== '/bin/sh' && command.file !== process.execPath) return null;
    return { ...command, file: this.#script, args: [command.file, ...command.args] };
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Whatever command it is given is run by a child that was forked, and then becomes that command. */
export class ForkedCommands implements Launcher, Looker {
  readonly name = 'prefork';
  readonly #loader = new RunCommand();
  readonly #preforking: Preforking;

  constructor(preforking: Preforking) {
    this.#preforking = preforking;
  }

  get pid(): number | null {
    return this.#preforking.launcher.pid;
  }

  async launch(command: Command, listener: ChildListener): Promise<Launch> {
    const { launcher, news } = this.#preforking;
    const wrapped = this.#loader.wrap(command);
    if (wrapped === null) return launcher.launch(command, listener);
    if (!(await launcher.prepared(wrapped))) throw new Error(`there is no mother: ${JSON.stringify(news)}`);
    return launcher.launch(wrapped, listener);
  }

  look(request: LookRequest, command: Command): Promise<Look | null> {
    return this.#preforking.launcher.look(request, command);
  }

  abandon(): void {
    this.#preforking.launcher.abandon();
  }

  async close(): Promise<void> {
    await this.#preforking.close();
    this.#loader.remove();
  }
}

/** One launcher that a mother has forked, and the same for its commands. */
export class ForkedProcess implements Launcher, Looker {
  readonly name = 'prefork';
  readonly #process: LauncherProcess;
  readonly #mothers: Mothers;
  readonly #loader: RunCommand;

  private constructor(process: LauncherProcess, mothers: Mothers, loader: RunCommand) {
    this.#process = process;
    this.#mothers = mothers;
    this.#loader = loader;
  }

  static async start(): Promise<ForkedProcess | null> {
    const loader = new RunCommand();
    const mothers = new Mothers(() => undefined);
    const wrapped = loader.wrap(command('/bin/sh', []));
    const place = wrapped === null ? null : await mothers.of(wantedBy(wrapped));
    const process = place?.kind === 'socket' ? await forkLauncher(place.path) : null;
    return process === null ? null : new ForkedProcess(process, mothers, loader);
  }

  get pid(): number | null {
    return this.#process.pid;
  }

  get alive(): boolean {
    return this.#process.alive;
  }

  launch(command: Command, listener: ChildListener): Promise<Launch> {
    return this.#process.launch(this.#loader.wrap(command) ?? command, listener);
  }

  look(request: LookRequest): Promise<Look | null> {
    return this.#process.look(request);
  }

  abandon(): void {
    this.#process.abandon();
  }

  async close(): Promise<void> {
    await this.#process.close();
    await this.#mothers.close();
    this.#loader.remove();
  }
}

function pythonItself(): string | null {
  try {
    return execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
}
