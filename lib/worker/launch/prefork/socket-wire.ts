/** The way to a launcher that a mother forks for whoever connects to its socket. */
import { connect, type Socket } from 'node:net';
import { LauncherProcess, type Wire } from '../launcher-process.js';

/** Null when nobody listens there, or no launcher comes of it. */
export async function forkLauncher(path: string): Promise<LauncherProcess | null> {
  const socket = await connected(path);
  if (socket === null) return null;
  const launcher = new LauncherProcess(wireTo(socket));
  return (await launcher.ready()) ? launcher : null;
}

function connected(path: string): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.on('error', () => resolve(null));
  });
}

function wireTo(socket: Socket): Wire {
  return {
    name: 'prefork',
    pid: undefined,
    stdin: socket,
    stdout: socket,
    stderr: null,
    kill: (signal, pid) => {
      try {
        // While the socket is open, the process is the one that told its pid.
        if (pid !== undefined && !socket.closed) process.kill(pid, signal);
      } catch {
        // It has just ended.
      }
      if (pid === undefined && signal === 'SIGKILL') socket.destroy();
    },
    unref: () => void socket.unref(),
    ended: new Promise((resolve) => socket.once('close', () => resolve('its connection has ended'))),
  };
}
