/** The attempts under way as the primary sees them, each in a slot of its own. */
import { Deferred } from '../core/deferred.js';
import type { AttemptMessage, WorkerControl } from '../types.js';
import { killGroup } from './leftovers.js';
import { Requests } from './requests.js';
import type { ThreadLink } from './threads.js';

export class RunningAttempt {
  readonly slot: number;
  readonly since = performance.now();
  /** Rejects when no thread will take the attempt. */
  readonly refused = new Deferred<never>();
  /** The thread that runs it, and the child's pid; known from the child's start on. */
  thread: ThreadLink | null = null;
  pid: number | null = null;
  launchMs = 0;

  constructor(slot: number) {
    this.slot = slot;
  }

  take(message: AttemptMessage, thread: ThreadLink): void {
    if (message.type !== 'started') return;
    this.thread = thread;
    this.pid = message.pid;
    this.launchMs = message.launchMs;
  }
}

export class RunningAttempts {
  /** What is asked of them; the threads read it. */
  readonly #requests: Requests;
  readonly #freeSlots: number[];
  readonly #byJob = new Map<string, RunningAttempt>();

  constructor(slots: number) {
    this.#requests = Requests.forSlots(slots);
    this.#freeSlots = Array.from({ length: slots }, (_, slot) => slot);
  }

  get requests(): SharedArrayBuffer {
    return this.#requests.memory;
  }

  get size(): number {
    return this.#byJob.size;
  }

  get(jobId: string): RunningAttempt | undefined {
    return this.#byJob.get(jobId);
  }

  all(): Iterable<RunningAttempt> {
    return this.#byJob.values();
  }

  /** Null when all slots are taken. */
  add(jobId: string): RunningAttempt | null {
    const slot = this.#freeSlots.pop();
    if (slot === undefined) return null;
    this.#requests.clear(slot);
    const running = new RunningAttempt(slot);
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

  /** Writes it down where the thread finds it; one that runs already is to be told to look. */
  request({ slot }: RunningAttempt, request: WorkerControl): void {
    this.#requests.raise(slot, request);
  }
}
