/** A disk that never answers: a FUSE file system that leaves every request open. Not even KILL ends who waits for it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fixture } from './commands.js';

export interface HangingDisk {
  /** Whatever is looked for below it is never found, and never missed. */
  readonly directory: string;
  /** Lets all who wait go, with an error, and takes the disk away. */
  readonly end: () => Promise<void>;
}

/** Null where this user may not mount, or the machine has no FUSE. */
export async function mountHangingDisk(): Promise<HangingDisk | null> {
  const parent = mkdtempSync(join(tmpdir(), 'atd-hanging-'));
  const directory = join(parent, 'disk');
  mkdirSync(directory);
  const server = spawn('python3', [fixture('hanging-disk.py'), directory], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(server, 'close').catch(() => undefined);
  const remove = () => {
    rmdirSync(directory);
    rmdirSync(parent);
  };
  const isMounted = await Promise.race([once(server.stdout, 'data').then(() => true), exited.then(() => false)]);
  if (!isMounted) {
    remove();
    return null;
  }
  let ended: Promise<void> | null = null;
  const end = (): Promise<void> => {
    server.stdin.end();
    ended ??= exited.then(remove);
    return ended;
  };
  return { directory, end };
}
