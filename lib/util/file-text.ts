/** Secrets that stand in files. */
import { readFileSync } from 'node:fs';

/** At the start, before anything is promised to anybody. @throws where it cannot be read */
export function readSecret(file: string): string {
  return secretIn(readFileSync(file, 'utf8'));
}

/** Without the line end that editors and `echo` leave behind. */
export function secretIn(contents: string): string {
  return contents.replace(/\r?\n$/, '');
}
