/** The ways of starting a child that this machine has: what holds for one is to hold for all. */
import { DIRECT } from '../../lib/worker/launch/direct.js';
import type { Launcher } from '../../lib/worker/launch/launcher.js';
import { type LauncherProcess, startLauncher } from '../../lib/worker/launch/launcher-process.js';
import { LAUNCHER } from '../../lib/worker/launch/launcher-program.js';
import { ForkedCommands, startPreforking } from './prefork.js';

/** The launcher process of this test file; none where there is no Python for it. */
export async function startLaunchers(): Promise<readonly LauncherProcess[]> {
  const started = await startLauncher(LAUNCHER);
  return started === null ? [] : [started];
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
