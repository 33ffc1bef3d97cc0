/**
 * The worker threads, seen from the primary. Piscina is never given an abort signal, for it answers one by ending the
 * thread, and a thread that ends leaves its child alive and, once dead, a zombie that nobody can reap: only the loop that
 * started a child waits for it. So a stop is a message over the attempt's own port, and the primary keeps the pids, to
 * kill the child of a thread that died all the same.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { threadLost } from '../core/classify.js';
import { Deferred } from '../core/deferred.js';
import { AtdError } from '../errors.js';
import type { Command, Outcome, WorkerMessage, WorkerSettings, WorkerTask } from '../types.js';
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
import { RunningAttempt } from '../worker/running-attempt.js';

export interface PoolEvents {
  readonly onStarted: (jobId: string, pid: number, launchMs: number) => void;
  readonly onSignalled: (jobId: string, signal: Outcome['signalsSent'][number]) => void;
  readonly onLine: (jobId: string, stream: 'stdout' | 'stderr', text: string) => void;
  /** Threads do not start any more: the pool cannot mend itself, and the process should end with this error. */
  readonly onBroken: (error: AtdError) => void;
}

export interface PoolOptions {
  readonly slots: number;
  readonly settings: WorkerSettings;
  readonly events: PoolEvents;
}

/** Dead children that cannot be reaped fill the process table, which the whole machine shares; our end frees them. */
const MAX_ORPHANS = 16;

type PoolState = { readonly kind: 'open' | 'closed' } | { readonly kind: 'broken'; readonly error: AtdError };

/** Its threads start at once; `ready` tells when they are up. */
export const createPool = (options: PoolOptions): Pool => new Pool(options);

export class Pool {
  readonly #slots: number;
  readonly #events: PoolEvents;
  readonly #piscina: Piscina<WorkerTask<MessagePort>, Outcome>;
  readonly #running = new Map<string, RunningAttempt>();
  readonly #threadsUp = new Set<number>();
  readonly #supervisor = supervisorId();
  readonly #up = new Deferred();
  #state: PoolState = { kind: 'open' };
  #threadError: unknown;
  #orphans = 0;

  constructor({ slots, settings, events }: PoolOptions) {
    this.#slots = slots;
    this.#events = events;
    this.#piscina = new Piscina({
      filename: new URL('../worker/entry.js', import.meta.url).href,
      minThreads: slots,
      maxThreads: slots,
      concurrentTasksPerWorker: 1,
      // Room for attempts that wait while dead threads are replaced; `run` admits no more than `slots`.
      maxQueue: slots,
      // The other modes freeze a thread between two tasks, its timers and its reaping included.
      atomics: 'disabled',
      workerData: settings,
    });
    // Without a listener the error of an idle thread would end the process.
    this.#piscina.on('error', (error) => {
      this.#threadError = error;
    });
    this.#piscina.on('message', (message: ThreadUp) => {
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
    this.#admit(jobId);
    const { port1, port2 } = new MessageChannel();
    const running = new RunningAttempt(port1, (message) => this.#tell(jobId, message));
    this.#running.set(jobId, running);
    const env = { ...command.env, [SUPERVISOR_VARIABLE]: this.#supervisor };
    try {
      // Piscina takes its first threads for ready before they are: one that fails to start would take the job with it.
      await this.#up.promise;
      const task = { jobId, command: { ...command, env }, port: port2 };
      return await Promise.race([this.#piscina.run(task, { transferList: [port2] }), running.refused.promise]);
    } catch (error) {
      if (this.#state.kind === 'broken' && error === this.#state.error) throw error;
      running.drain();
      const zombies = await endLostChild(running.pid, markerOf(env));
      this.#orphans += zombies.length;
      this.#noticeOrphans();
      const durationMs = performance.now() - running.since;
      return threadLost(String(error), running.pid ?? zombies[0] ?? null, running.launchMs, durationMs);
    } finally {
      running.close();
      this.#running.delete(jobId);
    }
  }

  /** TERM to the job's group, and KILL after its grace. A job that does not run is ignored. */
  stop(jobId: string): void {
    this.#running.get(jobId)?.send({ type: 'stop' });
  }

  /** KILL to the job's group. */
  kill(jobId: string): void {
    this.#running.get(jobId)?.send({ type: 'kill' });
  }

  killAll(): void {
    for (const running of this.#running.values()) running.send({ type: 'kill' });
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
    await this.#piscina.close();
  }

  #admit(jobId: string): void {
    const refuse = (why: string): never => {
      throw new AtdError('ATD_POOL', `job ${jobId} cannot be run: ${why}`);
    };
    if (this.#state.kind === 'broken') throw this.#state.error;
    if (this.#state.kind === 'closed') refuse('the worker pool is closed');
    if (this.#running.has(jobId)) refuse('it is running already');
    if (this.#running.size >= this.#slots) refuse(`all ${this.#slots} slots of the worker pool are taken`);
  }

  #tell(jobId: string, message: WorkerMessage): void {
    switch (message.type) {
      case 'started':
        return this.#events.onStarted(jobId, message.pid, message.launchMs);
      case 'signalled':
        return this.#events.onSignalled(jobId, message.signal);
      case 'line':
        return this.#events.onLine(jobId, message.stream, message.text);
    }
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
