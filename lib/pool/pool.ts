/**
 * The worker threads, seen from the primary. Piscina is never given an abort signal, for it answers one by ending the
 * thread, and a thread that ends leaves its child alive and, once dead, a zombie that nobody can reap: only the loop that
 * started a child waits for it. So a stop is a request in shared memory and a message over the thread's own channel, and the
 * primary keeps the pids, to kill the child of a thread that died all the same.
 */
import { Piscina } from 'piscina';
import { AtdError } from '../errors.js';
import { killLeftoversOfTheDead, killMarked, markedBy, supervisorId } from '../processes/leftovers.js';
import { endLostChild } from '../processes/lost-child.js';
import type { AttemptMessage, Command, Outcome, WorkerControl, WorkerSettings, WorkerTask } from '../types.js';
import { Deferred } from '../util/deferred.js';
import { threadLost } from '../worker/attempt/classify.js';
import type { ThreadUp } from '../worker/entry.js';
import { Mothers, type PreforkNews } from './mothers.js';
import { type PoolSlot, PoolSlots } from './pool-slots.js';
import { type ThreadLink, Threads } from './threads.js';

export interface PoolEvents {
  readonly onStarted: (jobId: string, pid: number, launchMs: number) => void;
  readonly onSignalled: (jobId: string, signal: Outcome['signalsSent'][number]) => void;
  readonly onLine: (jobId: string, stream: 'stdout' | 'stderr', text: string) => void;
  /** Children are started by this launcher; called once and when it changes. */
  readonly onLauncher: (name: string) => void;
  /** Something is new of the process that loaders are forked from. */
  readonly onPrefork?: (news: PreforkNews) => void;
  /** Threads do not start any more: the pool cannot mend itself, and the process should end with this error. */
  readonly onBroken: (error: AtdError) => void;
}

export interface PoolOptions {
  readonly slots: number;
  readonly settings: WorkerSettings;
  readonly events: PoolEvents;
}

/** Dead children that cannot be reaped fill the process table, which the whole machine shares; our end frees them. */
const MAX_UNREAPED = 16;

type PoolState = { readonly kind: 'open' | 'closed' } | { readonly kind: 'broken'; readonly error: AtdError };

/** Its threads start at once; `ready` says whether they are up. */
export const createPool = (options: PoolOptions): Pool => new Pool(options);

export class Pool {
  readonly #slots: number;
  readonly #events: PoolEvents;
  readonly #piscina: Piscina<WorkerTask, Outcome>;
  readonly #running: PoolSlots;
  readonly #threadsUp = new Set<number>();
  readonly #threads = new Threads({
    onMessage: (message, thread) => this.#onMessage(message, thread),
    onLauncher: (name) => this.#events.onLauncher(name),
    findMother: (wanted) => this.#mothers.of(wanted),
    onUnreaped: (pid) => this.#addUnreaped([pid]),
  });
  readonly #mothers: Mothers;
  #prefork: PreforkNews | null = null;
  readonly #unreaped = new Set<number>();
  readonly #supervisor = supervisorId();
  readonly #up = new Deferred();
  #state: PoolState = { kind: 'open' };
  #threadError: unknown;

  constructor({ slots, settings, events }: PoolOptions) {
    this.#slots = slots;
    this.#events = events;
    this.#running = new PoolSlots(slots);
    this.#mothers = new Mothers((news) => {
      this.#prefork = news;
      events.onPrefork?.(news);
    });
    this.#piscina = new Piscina({
      filename: new URL('../worker/thread.js', import.meta.url).href,
      minThreads: slots,
      maxThreads: slots,
      concurrentTasksPerWorker: 1,
      // Room for attempts that wait while dead threads are replaced; `run` admits no more than `slots`.
      maxQueue: slots,
      // The other modes freeze a thread between two tasks, its timers and its reaping included.
      atomics: 'disabled',
      // Not of the old generation: to reach that limit ends a thread.
      resourceLimits: { maxYoungGenerationSizeMb: 1 },
      recordTiming: false,
      workerData: { ...settings, memory: this.#running.memory },
    });
    // Without a listener the error of an idle thread would end the process.
    this.#piscina.on('error', (error) => {
      this.#threadError = error;
    });
    this.#piscina.on('message', (message: ThreadUp) => {
      this.#threads.add(message.port);
      this.#threadsUp.add(message.threadId);
      if (this.ready()) this.#up.resolve();
    });
    // By the next microtask Piscina has replaced the thread, unless it has given up: it does after one failed start.
    this.#piscina.on('workerDestroy', () => queueMicrotask(() => this.#noticeMissingThreads()));
  }

  /** Whether every slot has a thread that can take a task. */
  ready(): boolean {
    const { threads } = this.#piscina;
    return (
      this.#state.kind === 'open' &&
      threads.length === this.#slots &&
      threads.every((thread) => this.#threadsUp.has(thread.threadId))
    );
  }

  /** Settles when every thread is up for the first time. @throws AtdError ATD_POOL when they do not start */
  up(): Promise<void> {
    return this.#up.promise;
  }

  threads(): number {
    return this.#piscina.threads.length;
  }

  running(): number {
    return this.#running.size;
  }

  /** How children are started; null before the first thread is up. */
  launcher(): string | null {
    return this.#threads.launcher;
  }

  /** What was heard last of forking loaders; null before. */
  prefork(): PreforkNews | null {
    return this.#prefork;
  }

  /** Dead children of lost threads; they stay in the process table until this process ends. */
  unreaped(): number {
    return this.#unreaped.size;
  }

  /**
   * Runs one attempt. The death of its thread is an outcome too (`thread-lost`), given when its child is dead. The child
   * gets the variable `ATD_SUPERVISOR` besides the command's environment.
   *
   * @throws AtdError ATD_POOL when all slots are taken, the job runs already, or the pool is closed or broken
   */
  async run(jobId: string, command: Command): Promise<Outcome> {
    const running = this.#admit(jobId);
    const env = markedBy(this.#supervisor, command.env);
    try {
      // Piscina takes its first threads for ready before they are: one that fails to start would take the job with it.
      await this.#up.promise;
      const task = { jobId, slot: running.slot, command: { ...command, env } };
      const outcome = await Promise.race([this.#piscina.run(task), running.refused.promise]);
      this.#threads.drain(running.thread);
      if (!running.startReported && running.pid !== null) this.#events.onStarted(jobId, running.pid, outcome.launchMs);
      return outcome;
    } catch (error) {
      if (this.#state.kind === 'broken' && error === this.#state.error) {
        this.#request(running, 'kill');
        throw error;
      }
      this.#threads.drain(running.thread);
      const zombies = await endLostChild(running.pid, env);
      this.#addUnreaped(zombies);
      const durationMs = performance.now() - running.since;
      return threadLost(String(error), running.pid ?? zombies[0] ?? null, running.launchMs, durationMs);
    } finally {
      this.#running.remove(jobId);
    }
  }

  /**
   * What the child of each job has said last, as far as that is known; asks the threads for what it is by now. So nothing is read
   * of what children write while nobody calls this, and who calls it again has what was so before.
   */
  lastLines(): ReadonlyMap<string, string> {
    const lines = new Map<string, string>();
    for (const [jobId, running] of this.#running.byJob) {
      lines.set(jobId, running.lastLine);
      // A child of some milliseconds has no thread here, and ends before anybody could read its line.
      if (running.thread !== null) this.#threads.send('say-last-line', running.thread);
    }
    return lines;
  }

  /** TERM to the job's group, and KILL after its grace. A job that does not run is ignored. */
  stop(jobId: string): void {
    this.#request(this.#running.get(jobId), 'stop');
  }

  /** KILL to the job's group. */
  kill(jobId: string): void {
    this.#request(this.#running.get(jobId), 'kill');
  }

  killAll(): void {
    for (const running of this.#running.all()) this.#request(running, 'kill');
  }

  /** The last resort before the process exits without waiting: kills every child and its descendants, at once. */
  killAllNow(): void {
    this.#running.killGroups();
    killMarked({ supervisor: this.#supervisor });
  }

  /**
   * Kills the processes that a killed primary left running; to be called before the first job, or two loaders may work on
   * one file.
   *
   * @returns how many processes there were
   */
  clearLeftovers(): number {
    return killLeftoversOfTheDead().length;
  }

  /**
   * Ends the threads.
   *
   * @throws AtdError ATD_POOL while jobs run: their children would be orphaned
   */
  async close(): Promise<void> {
    if (this.#running.size > 0) {
      throw new AtdError('ATD_POOL', `the worker pool cannot be closed while ${this.#running.size} jobs run`);
    }
    this.#state = { kind: 'closed' };
    await this.#threads.end();
    await this.#mothers.close();
    await this.#piscina.close();
  }

  #request(running: PoolSlot | undefined, request: WorkerControl): void {
    if (running === undefined) return;
    this.#running.request(running, request);
    this.#threads.send('check-requests', running.thread);
  }

  #admit(jobId: string): PoolSlot {
    const refuse = (why: string): never => {
      throw new AtdError('ATD_POOL', `job ${jobId} cannot be run: ${why}`);
    };
    if (this.#state.kind === 'broken') throw this.#state.error;
    if (this.#state.kind === 'closed') refuse('the worker pool is closed');
    if (this.#running.get(jobId) !== undefined) refuse('it is running already');
    return this.#running.add(jobId) ?? refuse(`all ${this.#slots} slots of the worker pool are taken`);
  }

  #onMessage(message: AttemptMessage, thread: ThreadLink): void {
    const { jobId } = message;
    const running = this.#running.get(jobId);
    if (running === undefined) return;
    running.onMessage(message, thread);
    if (message.type === 'started') this.#events.onStarted(jobId, message.pid, message.launchMs);
    else if (message.type === 'signalled') this.#events.onSignalled(jobId, message.signal);
    else if (message.type === 'line') this.#events.onLine(jobId, message.stream, message.text);
  }

  #addUnreaped(pids: readonly number[]): void {
    for (const pid of pids) this.#unreaped.add(pid);
    if (this.#state.kind !== 'open' || this.#unreaped.size <= MAX_UNREAPED) return;
    this.#break(
      new AtdError('ATD_POOL', `${this.#unreaped.size} children of lost threads cannot be reaped by this process`),
    );
  }

  #noticeMissingThreads(): void {
    if (this.#state.kind !== 'open' || this.#piscina.threads.length >= this.#slots) return;
    const why = this.#threadError === undefined ? 'a thread ended while it started' : String(this.#threadError);
    this.#break(new AtdError('ATD_POOL', `worker threads do not start: ${why}`, { cause: this.#threadError }));
  }

  #break(error: AtdError): void {
    this.#state = { kind: 'broken', error };
    this.#up.reject(error);
    // Attempts without a child may wait for a thread that will never come; the others have one and end by themselves.
    for (const running of this.#running.all()) if (running.pid === null) running.refused.reject(error);
    this.#events.onBroken(error);
  }
}
