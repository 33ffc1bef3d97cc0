/** Which file system a path lies on, by the kernel's list of mounts: to ask the file system itself may hang with its disk. */
import { readFileSync } from 'node:fs';
import { isOfKernel } from '../../util/kernel-file-systems.js';
import { isUnder } from '../../util/under-root.js';

export interface Mount {
  readonly point: string;
  readonly fileSystem: string;
}

/** Mounts come and go rarely, and reading their list for each file would cost more than the look at it. */
const LIST_AGE_MS = 10_000;

let listed: { readonly mounts: readonly Mount[]; readonly at: number } | null = null;

/** The name of the kernel's file system that has the path, every link of which is followed; null for any other. */
export function kernelFileSystemOf(realPath: string): string | null {
  if (listed === null || performance.now() - listed.at > LIST_AGE_MS) {
    listed = { mounts: readMounts(), at: performance.now() };
  }
  return fileSystemOfKernel(realPath, listed.mounts);
}

/** @param mounts in the order in which they were made: a later one hides an earlier one of the same point */
export function fileSystemOfKernel(realPath: string, mounts: readonly Mount[]): string | null {
  let nearest: Mount | null = null;
  for (const mount of mounts) {
    const isNearer = nearest === null || mount.point.length >= nearest.point.length;
    // A single file may be a point of mount as well.
    const isThere = realPath === mount.point || isUnder(realPath, mount.point);
    if (isNearer && isThere) nearest = mount;
  }
  return nearest !== null && isOfKernel(nearest.fileSystem) ? nearest.fileSystem : null;
}

/** Empty where the system keeps no such list. */
function readMounts(): Mount[] {
  try {
    return parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
  } catch {
    return [];
  }
}

export function parseMounts(text: string): Mount[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [own = '', file = ''] = line.split(' - ', 2);
      const [fileSystem = ''] = file.split(' ', 1);
      return { point: unescaped(own.split(' ')[4] ?? ''), fileSystem };
    });
}

/** Blanks, line ends and backslashes stand there as numbers of three digits. */
function unescaped(point: string): string {
  return point.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
