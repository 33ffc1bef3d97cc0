/**
 * Holds the work of a test where it is: a limit, a kill or a move is to come in the middle of it, however much slower this
 * process is than the service that it watches.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './service-process.js';

export class Gate {
  readonly #file: string;

  constructor({ directory }: Place, name = 'gate') {
    this.#file = join(directory, `${name}-is-open`);
  }

  get isOpen(): boolean {
    return existsSync(this.#file);
  }

  /** For a script of the fixture loader: once so many loads have ended, all others wait until the gate is opened. */
  after(loads: number): string {
    return `while [ ! -e '${this.#file}' ] && [ "$(grep -c '^end' "$LEDGER")" -ge ${loads} ]; do sleep 0.1; done`;
  }

  open(): void {
    writeFileSync(this.#file, '');
  }
}
