/**
 * Memory that the primary shares with its threads: for each slot the request for its attempt, and the pid of its child. A
 * thread that takes its attempt later finds the request there; a message makes a running one read it. The pid is written
 * before it is reported, so that the primary can kill the child of a thread that died.
 */
import type { WorkerControl } from '../types.js';

const CODES = { none: 0, stop: 1, kill: 2 } as const;

export class SlotMemory {
  /** Handed to the threads. */
  readonly shared: SharedArrayBuffer;
  readonly #requests: Int32Array;
  readonly #pids: Int32Array;

  constructor(shared: SharedArrayBuffer) {
    this.shared = shared;
    const slots = shared.byteLength / 2 / Int32Array.BYTES_PER_ELEMENT;
    this.#requests = new Int32Array(shared, 0, slots);
    this.#pids = new Int32Array(shared, shared.byteLength / 2, slots);
  }

  static forSlots(slots: number): SlotMemory {
    return new SlotMemory(new SharedArrayBuffer(slots * 2 * Int32Array.BYTES_PER_ELEMENT));
  }

  /** A new attempt takes the slot. */
  clear(slot: number): void {
    Atomics.store(this.#requests, slot, CODES.none);
    Atomics.store(this.#pids, slot, 0);
  }

  /** A kill is not weakened by a stop that comes after it. */
  request(slot: number, request: WorkerControl): void {
    if (this.requestOf(slot) !== 'kill') Atomics.store(this.#requests, slot, CODES[request]);
  }

  requestOf(slot: number): WorkerControl | null {
    const code = Atomics.load(this.#requests, slot);
    return code === CODES.kill ? 'kill' : code === CODES.stop ? 'stop' : null;
  }

  setPid(slot: number, pid: number): void {
    Atomics.store(this.#pids, slot, pid);
  }

  /** Null before there is a child. */
  pidOf(slot: number): number | null {
    return Atomics.load(this.#pids, slot) || null;
  }
}
