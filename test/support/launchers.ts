/** The ways of starting a child that this machine has: what holds for one is to hold for all. */
import { DIRECT } from '../../lib/worker/launch/direct.js';
import type { Launcher } from '../../lib/worker/launch/launcher.js';
import { type LauncherProcess, startLauncher } from '../../lib/worker/launch/launcher-process.js';
import { LAUNCHER_PROGRAMS } from '../../lib/worker/launch/launcher-programs.js';
import { ForkedCommands, startPreforking } from './prefork.js';

/** The launcher processes of this test file, in the order of preference. */
export async function startLaunchers(): Promise<readonly LauncherProcess[]> {
  const started = await Promise.all(LAUNCHER_PROGRAMS.map((program) => startLauncher(program)));
  return started.filter((launcher) => launcher !== null);
}

/** One that forks only where there is a Python to fork. */
export async function allLaunchers(): Promise<readonly Launcher[]> {
  const launchers = await startLaunchers();
  const hasPython = launchers.some(({ name }) => name === 'python3');
  const forking = hasPython ? [new ForkedCommands(await startPreforking())] : [];
  return [DIRECT, ...launchers, ...forking];
}

export async function closeAll(launchers: readonly Launcher[]): Promise<void> {
  await Promise.all(launchers.map((launcher) => launcher.close()));
}
