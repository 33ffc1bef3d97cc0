/**
 * Which machine this is, and since which of its boots: a load that ended with the machine, as at a power failure, is told by
 * that from one that the service did not survive.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Boot } from '../core/offsets/interruptions.js';

const BOOT_ID = '/proc/sys/kernel/random/boot_id';
const MACHINE_ID = '/etc/machine-id';

/** Null where the machine does not number its boots. In a container the name is the container's, the boot the machine's. */
export function readBoot(): Boot | null {
  const boot = read(BOOT_ID);
  return boot === '' ? null : { machine: hash(`${hostname()} ${read(MACHINE_ID)}`), boot: hash(boot) };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}

function hash(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0);
}
