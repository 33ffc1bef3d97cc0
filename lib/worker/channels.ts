/** The primary's ends of the channels to its threads, one per thread that lives. */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { WorkerMessage, WorkerWord } from '../types.js';

export class Channels {
  readonly #ports = new Set<MessagePort>();
  readonly #onMessage: (message: WorkerMessage, port: MessagePort) => void;

  constructor(onMessage: (message: WorkerMessage, port: MessagePort) => void) {
    this.#onMessage = onMessage;
  }

  add(port: MessagePort): void {
    this.#ports.add(port);
    port.on('message', (message: WorkerMessage) => this.#onMessage(message, port));
    port.once('close', () => this.#ports.delete(port));
    // A task under way keeps the process alive by itself.
    port.unref();
  }

  /** @param port null for all of them */
  send(word: WorkerWord, port: MessagePort | null): void {
    for (const each of port === null ? this.#ports : [port]) each.postMessage(word);
  }

  /**
   * Takes what was sent but not yet delivered: an outcome comes by another port and may be here first.
   *
   * @param port null for all of them
   */
  drain(port: MessagePort | null): void {
    for (const each of port === null ? this.#ports : [port]) {
      for (;;) {
        const received = receiveMessageOnPort(each) as { readonly message: WorkerMessage } | undefined;
        if (received === undefined) break;
        this.#onMessage(received.message, each);
      }
    }
  }

  /** Tells the threads to end what they keep running, and waits until they have, but not for ever. */
  async end(limitMs: number): Promise<void> {
    const closed = [...this.#ports].map((port) => new Promise<void>((resolve) => port.once('close', () => resolve())));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
    });
    this.send('end', null);
    await Promise.race([Promise.all(closed), late]);
    clearTimeout(timer);
  }
}
