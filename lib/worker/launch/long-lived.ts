/** Starts a process that a thread keeps for many jobs, a launcher or a warm loader, in a process group of its own. */
import { execa } from 'execa';
import { SUPERVISOR_VARIABLE, supervisorId } from '../../processes/leftovers.js';

/** The process gets its work on stdin. The variable that names the primary is added to its environment. */
export function startLongLived(file: string, args: readonly string[], env: Readonly<Record<string, string>>) {
  return execa(file, [...args], {
    env: { ...env, [SUPERVISOR_VARIABLE]: supervisorId() },
    extendEnv: false,
    preferLocal: false,
    detached: true,
    cleanup: false,
    stdin: 'pipe',
    buffer: false,
    encoding: 'buffer',
    reject: false,
  });
}
