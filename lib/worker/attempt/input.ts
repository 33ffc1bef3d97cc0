/**
 * Looks at the file to load right before the child is started, and lets `core` judge it. A small process does that where
 * there is one: on a network disk that hangs a look never returns, and would hold this thread, and with it the end of the
 * whole process, or one of the four threads of libuv, which also look up names. Such a process is given up and replaced.
 */
import { judgeInput } from '../../core/rules/routing.js';
import { judgeSettling } from '../../core/rules/settling.js';
import type { Command, Settling } from '../../types.js';
import { MAX_TIMER_MS } from '../../util/deadline.js';
import { type FileKind, type Look, lookHere } from '../../util/look.js';
import type { Looker } from '../launch/launcher.js';
import type { Ending } from './classify.js';
import { kernelFileSystemOf } from './mounts.js';

type Refusal = Extract<Ending, { kind: 'refused' }>;

/** A file that may be loaded, as it stands there. */
export interface Admitted {
  readonly kind: 'admitted';
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

const MISSING: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR']);
const NEVER_A_FILE: ReadonlySet<string> = new Set(['ELOOP', 'ENAMETOOLONG']);
const MACHINE_FAULTS: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);
const WORDS: Readonly<Record<Exclude<FileKind, 'file'>, string>> = {
  directory: 'a directory',
  pipe: 'a named pipe',
  socket: 'a socket',
  device: 'a device',
};

/**
 * Whether the file may be loaded, and if not, why.
 *
 * @param looker null where this thread has to look by itself
 * @param stopped settles when the attempt is to end before there is a child
 */
export async function checkInput(
  command: Command,
  looker: Looker | null,
  stopped: Promise<void>,
): Promise<Admitted | Refusal | { readonly kind: 'not-started' }> {
  const { input, timeoutMs } = command;
  const { file, allowedRoots, settling = null } = input;
  const request = { file, roots: allowedRoots };
  if (looker === null) return judge(file, lookHere(request), settling);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), Math.min(timeoutMs, MAX_TIMER_MS));
  });
  const look = await Promise.race([looker.look(request, command), late, stopped.then(() => 'stopped' as const)]);
  clearTimeout(timer);
  if (look === 'late' || look === 'stopped') {
    looker.abandon();
    const reason = `no answer of the disk about ${file} after ${timeoutMs / 1000} s`;
    return look === 'stopped' ? { kind: 'not-started' } : { kind: 'refused', result: 'timed-out', reason };
  }
  if (look !== null) return judge(file, look, settling);
  return { kind: 'refused', result: 'machine-fault', reason: `what was to look at ${file} has died` };
}

function judge(file: string, look: Look, settling: Settling | null): Admitted | Refusal {
  if (look.kind === 'failed') return refusalFor(file, look.code);
  const { what, realPath, bytes, modifiedAt, roots } = look;
  const odd = what === 'file' ? kernelFile(realPath) : WORDS[what];
  const found = odd === null ? ({ kind: 'regular', realPath } as const) : ({ kind: 'other', what: odd } as const);
  const judgement = judgeInput(file, found, roots);
  if (judgement.result !== 'ok') return { kind: 'refused', ...judgement };
  if (settling === null) return { kind: 'admitted', bytes, modifiedAt };
  const seen = { bytes, modifiedAt, at: Date.now() };
  const why = judgeSettling(seen, settling);
  if (why === null) return { kind: 'admitted', bytes, modifiedAt };
  return { kind: 'refused', result: 'file-unsettled', reason: `${file} may still be written to: ${why}`, seen };
}

function kernelFile(realPath: string): string | null {
  const fileSystem = kernelFileSystemOf(realPath);
  return fileSystem === null ? null : `made up by the kernel (${fileSystem})`;
}

function refusalFor(file: string, code: string): Refusal {
  if (MACHINE_FAULTS.has(code))
    return { kind: 'refused', result: 'machine-fault', reason: `cannot look at ${file}: ${code}` };
  if (NEVER_A_FILE.has(code))
    return { kind: 'refused', result: 'path-denied', reason: `${file} leads nowhere: ${code}` };
  if (MISSING.has(code)) return { kind: 'refused', result: 'file-missing', reason: `no such file: ${file}` };
  // EACCES, EIO, ESTALE and the like may pass, as a missing file may appear.
  return { kind: 'refused', result: 'file-missing', reason: `cannot look at ${file}: ${code}` };
}
