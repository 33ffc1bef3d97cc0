/**
 * One attempt as the primary sees it: its end of the attempt's port, whose other end `entry.ts` holds in the thread.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { Deferred } from '../core/deferred.js';
import type { WorkerControl, WorkerMessage } from '../types.js';

export class RunningAttempt {
  readonly since = performance.now();
  /** Rejects when no thread will take the attempt. */
  readonly refused = new Deferred<never>();
  /** The child's, known from its start on. */
  pid: number | null = null;
  launchMs = 0;
  readonly #port: MessagePort;
  readonly #onMessage: (message: WorkerMessage) => void;

  constructor(port: MessagePort, onMessage: (message: WorkerMessage) => void) {
    this.#port = port;
    this.#onMessage = onMessage;
    port.on('message', (message: WorkerMessage) => this.#take(message));
    // A task under way keeps the process alive by itself.
    port.unref();
  }

  send(control: WorkerControl): void {
    this.#port.postMessage(control);
  }

  /** Takes what was sent but not yet delivered: the outcome comes by another port and may be here first. */
  drain(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port) as { readonly message: WorkerMessage } | undefined;
      if (received === undefined) return;
      this.#take(received.message);
    }
  }

  close(): void {
    this.drain();
    this.#port.close();
  }

  #take(message: WorkerMessage): void {
    if (message.type === 'started') {
      this.pid = message.pid;
      this.launchMs = message.launchMs;
    }
    this.#onMessage(message);
  }
}
