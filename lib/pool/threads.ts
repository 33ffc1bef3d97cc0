/** The threads that live, as the primary sees them: the channel to each, and the launcher process that it keeps. */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { endLostLauncher } from '../processes/lost-child.js';
import type { AttemptMessage, MotherPlace, MotherWanted, PrimaryMessage, WorkerMessage } from '../types.js';
import { withinTime } from '../util/deadline.js';

/** How long the launcher processes may take to end; one that is left then ends by itself when its thread does. */
const END_MS = 3_000;

/** One thread. */
export interface ThreadLink {
  readonly port: MessagePort;
  launcherPid: number | null;
}

export interface ThreadEvents {
  readonly onMessage: (message: AttemptMessage, thread: ThreadLink) => void;
  /** Children are started by this launcher; called once and when it changes. */
  readonly onLauncher: (name: string) => void;
  /** Never rejects. */
  readonly findMother: (wanted: MotherWanted) => Promise<MotherPlace>;
  /** A thread died and its launcher process is now a zombie that nobody can reap. */
  readonly onUnreaped: (pid: number) => void;
}

export class Threads {
  readonly #links = new Set<ThreadLink>();
  readonly #events: ThreadEvents;
  #launcher: string | null = null;

  constructor(events: ThreadEvents) {
    this.#events = events;
  }

  /** How children are started; null before the first thread is up. */
  get launcher(): string | null {
    return this.#launcher;
  }

  add(port: MessagePort): void {
    const link: ThreadLink = { port, launcherPid: null };
    this.#links.add(link);
    port.on('message', (message: WorkerMessage) => this.#onMessage(message, link));
    port.once('close', () => {
      this.#links.delete(link);
      void this.#endLauncherOf(link);
    });
    // A task under way keeps the process alive by itself.
    port.unref();
  }

  /** @param link null for all of them */
  send(message: PrimaryMessage, link: ThreadLink | null): void {
    for (const { port } of link === null ? this.#links : [link]) port.postMessage(message);
  }

  /**
   * Takes messages that were sent but not yet delivered: an outcome comes by another port and may be here first.
   *
   * @param link null for all of them
   */
  drain(link: ThreadLink | null): void {
    for (const each of link === null ? this.#links : [link]) {
      for (;;) {
        const received = receiveMessageOnPort(each.port) as { readonly message: WorkerMessage } | undefined;
        if (received === undefined) break;
        this.#onMessage(received.message, each);
      }
    }
  }

  /** Has the threads end their long-lived processes, and waits for that, but not for ever. */
  async end(): Promise<void> {
    const closed = [...this.#links].map(
      ({ port }) => new Promise<void>((resolve) => port.once('close', () => resolve())),
    );
    this.send('end', null);
    await withinTime(Promise.all(closed), END_MS);
  }

  #onMessage(message: WorkerMessage, link: ThreadLink): void {
    if (message.type === 'mother-wanted') return void this.#answer(message.wanted, link);
    if (message.type !== 'launcher') return this.#events.onMessage(message, link);
    link.launcherPid = message.pid;
    if (message.name === this.#launcher) return;
    this.#launcher = message.name;
    this.#events.onLauncher(message.name);
  }

  async #answer(wanted: MotherWanted, { port }: ThreadLink): Promise<void> {
    port.postMessage({ key: wanted.key, place: await this.#events.findMother(wanted) } satisfies PrimaryMessage);
  }

  async #endLauncherOf({ launcherPid }: ThreadLink): Promise<void> {
    if (launcherPid !== null && (await endLostLauncher(launcherPid))) this.#events.onUnreaped(launcherPid);
  }
}
