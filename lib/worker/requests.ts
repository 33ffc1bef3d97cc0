/**
 * What the primary asks of the attempts that run, in memory which it shares with its threads: one number per slot. A
 * thread that has not taken its attempt yet finds the request there when it does; a running one is sent a word to look.
 */
import type { WorkerControl } from '../types.js';

const CODES = { none: 0, stop: 1, kill: 2 } as const;

export class Requests {
  /** Handed to the threads. */
  readonly memory: SharedArrayBuffer;
  readonly #codes: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#codes = new Int32Array(memory);
  }

  static forSlots(slots: number): Requests {
    return new Requests(new SharedArrayBuffer(slots * Int32Array.BYTES_PER_ELEMENT));
  }

  /** A new attempt takes the slot. */
  clear(slot: number): void {
    Atomics.store(this.#codes, slot, CODES.none);
  }

  /** A kill is not weakened by a stop that comes after it. */
  raise(slot: number, request: WorkerControl): void {
    if (this.read(slot) !== 'kill') Atomics.store(this.#codes, slot, CODES[request]);
  }

  read(slot: number): WorkerControl | null {
    const code = Atomics.load(this.#codes, slot);
    return code === CODES.kill ? 'kill' : code === CODES.stop ? 'stop' : null;
  }
}
