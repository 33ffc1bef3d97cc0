/** The attempts under way as the primary sees them, each in a slot of its own. */

import { killGroup } from '../processes/leftovers.js';
import type { AttemptMessage, WorkerControl } from '../types.js';
import { Deferred } from '../util/deferred.js';
import { SlotMemory } from '../worker/shared-memory.js';
import type { ThreadLink } from './threads.js';

export class PoolSlot {
  readonly slot: number;
  readonly since = performance.now();
  /** Rejects when no thread will take the attempt. */
  readonly refused = new Deferred<never>();
  readonly #memory: SlotMemory;
  /** The thread that runs it; known since the thread reported the child's start. */
  thread: ThreadLink | null = null;
  startReported = false;
  launchMs = 0;
  /** Of the child, when it was asked for last; empty before. */
  lastLine = '';

  constructor(slot: number, memory: SlotMemory) {
    this.slot = slot;
    this.#memory = memory;
  }

  /** The child's; null before there is one. */
  get pid(): number | null {
    return this.#memory.pidOf(this.slot);
  }

  onMessage(message: AttemptMessage, thread: ThreadLink): void {
    if (message.type === 'last-line') this.lastLine = message.text;
    if (message.type !== 'started') return;
    this.thread = thread;
    this.startReported = true;
    this.launchMs = message.launchMs;
  }
}

export class PoolSlots {
  readonly #memory: SlotMemory;
  readonly #freeSlots: number[];
  readonly #byJob = new Map<string, PoolSlot>();

  constructor(slots: number) {
    this.#memory = SlotMemory.forSlots(slots);
    this.#freeSlots = Array.from({ length: slots }, (_, slot) => slot);
  }

  /** For the threads. */
  get memory(): SharedArrayBuffer {
    return this.#memory.shared;
  }

  get size(): number {
    return this.#byJob.size;
  }

  get byJob(): ReadonlyMap<string, PoolSlot> {
    return this.#byJob;
  }

  get(jobId: string): PoolSlot | undefined {
    return this.#byJob.get(jobId);
  }

  all(): Iterable<PoolSlot> {
    return this.#byJob.values();
  }

  /** Null when all slots are taken. */
  add(jobId: string): PoolSlot | null {
    const slot = this.#freeSlots.pop();
    if (slot === undefined) return null;
    this.#memory.clear(slot);
    const running = new PoolSlot(slot, this.#memory);
    this.#byJob.set(jobId, running);
    return running;
  }

  remove(jobId: string): void {
    const running = this.#byJob.get(jobId);
    if (running === undefined) return;
    this.#byJob.delete(jobId);
    this.#freeSlots.push(running.slot);
  }

  /** KILL to the groups of all children, at once. */
  killGroups(): void {
    for (const { pid } of this.all()) if (pid !== null) killGroup(pid);
  }

  /** Writes the request where the thread finds it. A thread that runs the attempt already needs a message to read it. */
  request({ slot }: PoolSlot, request: WorkerControl): void {
    this.#memory.request(slot, request);
  }
}
