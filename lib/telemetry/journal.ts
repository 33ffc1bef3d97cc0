/** The priorities of the journal: systemd takes them from the beginning of a line, and keeps the rest (sd-daemon(3)). */
import { fstatSync } from 'node:fs';
import type { LogLevel } from '../types.js';

/** Of syslog. */
const PRIORITIES: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 };

/** @returns what goes before each line of a level; nothing where the stream does not lead to the journal */
export function journalPrefix(stream: { readonly fd: number }): (level: LogLevel) => string {
  return leadsToJournal(stream.fd) ? (level) => `<${PRIORITIES[level]}>` : () => '';
}

/** systemd names the socket that it gave the service for its output, as `device:inode`. */
function leadsToJournal(fd: number): boolean {
  const { JOURNAL_STREAM: named } = process.env;
  if (named === undefined) return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return named === `${dev}:${ino}`;
  } catch {
    // It is closed.
    return false;
  }
}
