/**
 * The worker threads, seen from the primary. Piscina is never given an abort signal, for it answers one by ending the
 * thread, and a thread that ends leaves its child alive and, once dead, a zombie that nobody can reap: only the loop that
 * started a child waits for it. So a stop is a request in shared memory and a word over the thread's own channel, and the
 * primary keeps the pids, to kill the child of a thread that died all the same.
 */
import { Piscina } from 'piscina';
import { threadLost } from '../core/classify.js';
import { Deferred } from '../core/deferred.js';
import { AtdError } from '../errors.js';
import type { Command, Outcome, WorkerControl, WorkerMessage, WorkerSettings, WorkerTask } from '../types.js';
import { Channels } from '../worker/channels.js';
import type { ThreadUp } from '../worker/entry.js';
import {
  killGroup,
  killLeftoversOfTheDead,
  killMarked,
  markerOf,
  SUPERVISOR_VARIABLE,
  supervisorId,
} from '../worker/leftovers.js';
import { endLostChild } from '../worker/lost-child.js';
import { Requests } from '../worker/requests.js';
import { RunningAttempt } from '../worker/running-attempt.js';

export interface PoolEvents {
  readonly onStarted: (jobId: string, pid: number, launchMs: number) => void;
  readonly onSignalled: (jobId: string, signal: Outcome['signalsSent'][number]) => void;
  readonly onLine: (jobId: string, stream: 'stdout' | 'stderr', text: string) => void;
  /** A thread is up and starts children by this launcher; told of the first thread, and when it changes. */
  readonly onLauncher: (name: string) => void;
  /** Threads do not start any more: the pool cannot mend itself, and the process should end with this error. */
  readonly onBroken: (error: AtdError) => void;
}

export interface PoolOptions {
  readonly slots: number;
  readonly settings: WorkerSettings;
  readonly events: PoolEvents;
}

/** How long the threads' launchers may take to end; what is left then ends by itself when its thread does. */
const END_MS = 3_000;
/** Dead children that cannot be reaped fill the process table, which the whole machine shares; our end frees them. */
const MAX_ORPHANS = 16;

type PoolState = { readonly kind: 'open' | 'closed' } | { readonly kind: 'broken'; readonly error: AtdError };

/** Its threads start at once; `ready` tells when they are up. */
export const createPool = (options: PoolOptions): Pool => new Pool(options);

export class Pool {
  readonly #slots: number;
  readonly #events: PoolEvents;
  readonly #piscina: Piscina<WorkerTask, Outcome>;
  readonly #running = new Map<string, RunningAttempt>();
  readonly #threadsUp = new Set<number>();
  readonly #channels = new Channels((message, port) => {
    const running = this.#running.get(message.jobId);
    if (running === undefined) return;
    running.take(message, port);
    this.#tell(message);
  });
  readonly #requests: Requests;
  readonly #freeSlots: number[];
  readonly #supervisor = supervisorId();
  readonly #up = new Deferred();
  #state: PoolState = { kind: 'open' };
  #threadError: unknown;
  #orphans = 0;
  #launcher: string | null = null;

  constructor({ slots, settings, events }: PoolOptions) {
    this.#slots = slots;
    this.#events = events;
    this.#requests = Requests.forSlots(slots);
    this.#freeSlots = Array.from({ length: slots }, (_, slot) => slot);
    this.#piscina = new Piscina({
      filename: new URL('../worker/entry.js', import.meta.url).href,
      minThreads: slots,
      maxThreads: slots,
      concurrentTasksPerWorker: 1,
      // Room for attempts that wait while dead threads are replaced; `run` admits no more than `slots`.
      maxQueue: slots,
      // The other modes freeze a thread between two tasks, its timers and its reaping included.
      atomics: 'disabled',
      recordTiming: false,
      workerData: { ...settings, requests: this.#requests.memory },
    });
    // Without a listener the error of an idle thread would end the process.
    this.#piscina.on('error', (error) => {
      this.#threadError = error;
    });
    this.#piscina.on('message', (message: ThreadUp) => {
      this.#channels.add(message.port);
      this.#threadsUp.add(message.threadId);
      this.#noticeLauncher(message.launcher);
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

  /**
   * Settles when every thread is up for the first time.
   *
   * @throws AtdError ATD_POOL when they do not start
   */
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
    return this.#launcher;
  }

  /** Dead children of lost threads; they stay in the process table until this process ends. */
  orphans(): number {
    return this.#orphans;
  }

  /**
   * Runs one attempt. The death of its thread is an outcome too (`thread-lost`), given when its child is dead. The child
   * gets the variable `ATD_SUPERVISOR` besides the command's environment.
   *
   * @throws AtdError ATD_POOL when all slots are taken, the job runs already, or the pool is closed or broken
   */
  async run(jobId: string, command: Command): Promise<Outcome> {
    const running = this.#admit(jobId);
    const env = { ...command.env, [SUPERVISOR_VARIABLE]: this.#supervisor };
    try {
      // Piscina takes its first threads for ready before they are: one that fails to start would take the job with it.
      await this.#up.promise;
      const task = { jobId, slot: running.slot, command: { ...command, env } };
      const outcome = await Promise.race([this.#piscina.run(task), running.refused.promise]);
      this.#channels.drain(running.port);
      return outcome;
    } catch (error) {
      if (this.#state.kind === 'broken' && error === this.#state.error) {
        this.#request(running, 'kill');
        throw error;
      }
      this.#channels.drain(running.port);
      const zombies = await endLostChild(running.pid, markerOf(env));
      this.#orphans += zombies.length;
      this.#noticeOrphans();
      const durationMs = performance.now() - running.since;
      return threadLost(String(error), running.pid ?? zombies[0] ?? null, running.launchMs, durationMs);
    } finally {
      this.#running.delete(jobId);
      this.#freeSlots.push(running.slot);
    }
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
    for (const running of this.#running.values()) this.#request(running, 'kill');
  }

  /**
   * The last resort before the process exits without waiting for outcomes: kills every child and what came from them,
   * synchronously.
   */
  abandon(): void {
    for (const { pid } of this.#running.values()) if (pid !== null) killGroup(pid);
    killMarked({ supervisor: this.#supervisor });
  }

  /**
   * Kills what a primary that was killed left running; to be called before the first job, or two loaders may work on
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
    await this.#channels.end(END_MS);
    await this.#piscina.close();
  }

  #request(running: RunningAttempt | undefined, request: WorkerControl): void {
    if (running === undefined) return;
    this.#requests.raise(running.slot, request);
    this.#channels.send('look', running.port);
  }

  #admit(jobId: string): RunningAttempt {
    const refuse = (why: string): never => {
      throw new AtdError('ATD_POOL', `job ${jobId} cannot be run: ${why}`);
    };
    if (this.#state.kind === 'broken') throw this.#state.error;
    if (this.#state.kind === 'closed') refuse('the worker pool is closed');
    if (this.#running.has(jobId)) refuse('it is running already');
    const slot = this.#freeSlots.pop() ?? refuse(`all ${this.#slots} slots of the worker pool are taken`);
    this.#requests.clear(slot);
    const running = new RunningAttempt(slot);
    this.#running.set(jobId, running);
    return running;
  }

  #tell(message: WorkerMessage): void {
    const { jobId } = message;
    switch (message.type) {
      case 'started':
        return this.#events.onStarted(jobId, message.pid, message.launchMs);
      case 'signalled':
        return this.#events.onSignalled(jobId, message.signal);
      case 'line':
        return this.#events.onLine(jobId, message.stream, message.text);
    }
  }

  #noticeLauncher(name: string): void {
    if (name === this.#launcher) return;
    this.#launcher = name;
    this.#events.onLauncher(name);
  }

  #noticeOrphans(): void {
    if (this.#state.kind !== 'open' || this.#orphans <= MAX_ORPHANS) return;
    this.#break(new AtdError('ATD_POOL', `${this.#orphans} children of lost threads cannot be reaped by this process`));
  }

  #noticeMissingThreads(): void {
    if (this.#state.kind !== 'open' || this.#piscina.threads.length >= this.#slots) return;
    const why = this.#threadError === undefined ? 'a thread ended while it started' : String(this.#threadError);
    const error = new AtdError('ATD_POOL', `worker threads do not start: ${why}`, { cause: this.#threadError });
    this.#break(error);
  }

  #break(error: AtdError): void {
    this.#state = { kind: 'broken', error };
    this.#up.reject(error);
    // These may wait for a thread that will never come; those with a child have one and end by themselves.
    for (const running of this.#running.values()) if (running.pid === null) running.refused.reject(error);
    this.#events.onBroken(error);
  }
}
