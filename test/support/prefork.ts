/** Loaders in Python that are forked, for tests: their scripts, and the launcher with its mothers. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MotherLimits, Mothers, type PreforkNews } from '../../lib/pool/mothers.js';
import type { Command } from '../../lib/types.js';
import { createLauncher } from '../../lib/worker/launch/choose.js';
import type { ChildListener, Launch, Launcher, Look, Looker, LookRequest } from '../../lib/worker/launch/launcher.js';
import type { PreforkLauncher } from '../../lib/worker/launch/prefork/prefork-launcher.js';
import { fixture } from './commands.js';
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

/** Whatever command it is given is run by a child that was forked, and then becomes that command. */
export class ForkedCommands implements Launcher, Looker {
  readonly name = 'prefork';
  readonly #directory = mkdtempSync(join(tmpdir(), 'atd-run-'));
  readonly #script = join(this.#directory, 'run');
  readonly #preforking: Preforking;

  constructor(preforking: Preforking) {
    this.#preforking = preforking;
    if (PYTHON === null) throw new Error('there is no python3 on the PATH');
    const text = readFileSync(fixture('run-command.py'), 'utf8');
    writeFileSync(this.#script, `#!${PYTHON}\n${text}`, { mode: 0o755 });
  }

  get pid(): number | null {
    return this.#preforking.launcher.pid;
  }

  async launch(command: Command, listener: ChildListener): Promise<Launch> {
    const { launcher, news } = this.#preforking;
    if (command.file !== '/bin/sh' && command.file !== process.execPath) return launcher.launch(command, listener);
    const wrapped = { ...command, file: this.#script, args: [command.file, ...command.args] };
    if (!(await launcher.prepared(wrapped))) throw new Error(`there is no mother: ${JSON.stringify(news)}`);
    return launcher.launch(wrapped, listener);
  }

  look(request: LookRequest): Promise<Look | null> {
    return this.#preforking.launcher.look(request);
  }

  abandon(): void {
    this.#preforking.launcher.abandon();
  }

  async close(): Promise<void> {
    await this.#preforking.close();
    rmSync(this.#directory, { recursive: true });
  }
}

function pythonItself(): string | null {
  try {
    return execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
}
