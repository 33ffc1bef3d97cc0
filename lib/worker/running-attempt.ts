/** One attempt as the primary sees it. */
import type { MessagePort } from 'node:worker_threads';
import { Deferred } from '../core/deferred.js';
import type { WorkerMessage } from '../types.js';

export class RunningAttempt {
  readonly slot: number;
  readonly since = performance.now();
  /** Rejects when no thread will take the attempt. */
  readonly refused = new Deferred<never>();
  /** The channel of the thread that runs it, and the child's pid; known from the child's start on. */
  port: MessagePort | null = null;
  pid: number | null = null;
  launchMs = 0;

  constructor(slot: number) {
    this.slot = slot;
  }

  take(message: WorkerMessage, port: MessagePort): void {
    if (message.type !== 'started') return;
    this.port = port;
    this.pid = message.pid;
    this.launchMs = message.launchMs;
  }
}
