/**
 * Looks at the file to load right before the child is started, and lets `core` judge it. The calls are synchronous on
 * purpose: on a dead network disk they never return, and then hold this one thread instead of the threads of libuv,
 * which the whole process shares for its name lookups.
 */
import { realpathSync, type Stats, statSync } from 'node:fs';
import { judgeInput } from '../../core/rules/routing.js';
import type { Command } from '../../types.js';
import type { Ending } from './classify.js';

type Refusal = Extract<Ending, { kind: 'refused' }>;

/** A file that may be loaded, and its size. */
export interface Admitted {
  readonly kind: 'admitted';
  readonly bytes: number;
}

const MISSING: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR']);
const NEVER_A_FILE: ReadonlySet<string> = new Set(['ELOOP', 'ENAMETOOLONG']);
const MACHINE_FAULTS: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** Whether the file may be loaded, and if not, why. */
export function checkInput(input: Command['input']): Admitted | Refusal {
  const { file, allowedRoots } = input;
  try {
    const realPath = realpathSync.native(file);
    const stats = statSync(realPath);
    const found = stats.isFile()
      ? ({ kind: 'regular', realPath } as const)
      : ({ kind: 'other', what: kindOf(stats) } as const);
    const judgement = judgeInput(file, found, allowedRoots.map(followLinks));
    return judgement.result === 'ok' ? { kind: 'admitted', bytes: stats.size } : { kind: 'refused', ...judgement };
  } catch (error) {
    return refusalFor(file, error as NodeJS.ErrnoException);
  }
}

/** A root may be a link itself; one that is not there admits nothing. */
function followLinks(root: string): string {
  try {
    return realpathSync.native(root);
  } catch {
    return root;
  }
}

function refusalFor(file: string, error: NodeJS.ErrnoException): Refusal {
  const code = error.code ?? '';
  if (MACHINE_FAULTS.has(code))
    return { kind: 'refused', result: 'machine-fault', reason: `cannot look at ${file}: ${code}` };
  if (NEVER_A_FILE.has(code))
    return { kind: 'refused', result: 'path-denied', reason: `${file} leads nowhere: ${code}` };
  if (MISSING.has(code)) return { kind: 'refused', result: 'file-missing', reason: `no such file: ${file}` };
  // EACCES, EIO, ESTALE and the like may pass, as a missing file may appear.
  return { kind: 'refused', result: 'file-missing', reason: `cannot look at ${file}: ${code || error.message}` };
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a named pipe';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
}
