/** A warm loader that becomes whatever command it is given, for tests of what holds for every way of starting a child. */
import type { Command } from '../../lib/types.js';
import type { ChildListener, Launch, Launcher } from '../../lib/worker/launch/launcher.js';
import { WarmLauncher } from '../../lib/worker/launch/warm.js';
import { fixture } from './commands.js';

export class WarmCommands implements Launcher {
  readonly name = 'warm';
  readonly #launcher = new WarmLauncher(() => undefined);

  get pid(): number | null {
    return this.#launcher.pid;
  }

  launch(command: Command, listener: ChildListener): Promise<Launch> {
    const args = [fixture('warm-command.py'), command.file, ...command.args];
    return this.#launcher.launch({ ...command, file: 'python3', args }, listener);
  }

  close(): Promise<void> {
    return this.#launcher.close();
  }
}
