/** Files that somebody may change while the service runs: secrets and certificates. */
import { readFileSync } from 'node:fs';

/** Without the line end that editors and `echo` leave behind. @throws where it cannot be read */
export function readSecret(file: string): string {
  return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
}

/** What `read` gives of the file whenever it is asked, and what it gave last where that fails. @throws at first */
export function latest(file: string, read: (file: string) => string): () => string {
  let text = read(file);
  return () => {
    try {
      text = read(file);
    } catch {
      // It is being replaced, or was taken away: the broker will say whether this still holds.
    }
    return text;
  };
}
