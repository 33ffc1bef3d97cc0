/**
 * A pool in whose place another one can come while attempts run: with more threads or fewer, or with threads that judge by other
 * rules. The new one starts all attempts from the moment at which its threads are up; the former one lets its attempts end,
 * each in the thread that has its child, and is closed behind the last of them. So no thread is ever ended for its number.
 */
import type { Command, Outcome } from '../types.js';
import type { PreforkNews } from './mothers.js';
import { createPool, type Pool, type PoolEvents, type PoolOptions } from './pool.js';

export type PoolForm = Omit<PoolOptions, 'events'>;

/** A pool whose threads are up, to be used or not. */
export interface PreparedPool {
  takeOver(): void;
  /** It was prepared for nothing. */
  discard(): void;
}

interface Member {
  readonly form: string;
  readonly pool: Pool;
  /** Whether attempts run in it, or did. */
  isUsed: boolean;
  /** Whether it may be about to take over. */
  isPrepared: boolean;
}

export class PoolExchange {
  readonly #events: PoolEvents;
  #current: Member;
  readonly #former = new Set<Member>();
  /** Of pools that are closed. */
  #unreaped = 0;
  #launcher: string | null = null;

  constructor(form: PoolForm, events: PoolEvents) {
    this.#events = events;
    this.#current = this.#create(form);
    this.#current.isUsed = true;
  }

  /** @throws AtdError ATD_POOL when its threads do not start; then all is as before */
  async prepare(form: PoolForm): Promise<PreparedPool> {
    const wanted = JSON.stringify(form);
    const known = [this.#current, ...this.#former].find((member) => member.form === wanted);
    const member = known ?? this.#create(form);
    member.isPrepared = true;
    const discard = () => {
      member.isPrepared = false;
      if (member.isUsed) this.#closeIfOver(member);
      else this.#close(member);
    };
    try {
      if (known === undefined) await member.pool.up();
    } catch (error) {
      discard();
      throw error;
    }
    return { takeOver: () => this.#use(member), discard };
  }

  ready(): boolean {
    return this.#current.pool.ready();
  }

  /** How children are started; null before the first thread is up. */
  launcher(): string | null {
    return this.#current.pool.launcher();
  }

  /** What was heard last of forking loaders; null before. */
  prefork(): PreforkNews | null {
    return this.#current.pool.prefork();
  }

  /** Why loaders are executed although they were to be forked; null otherwise. */
  preforkOff(): string | null {
    const news = this.prefork();
    return news?.state === 'off' ? news.code : null;
  }

  /** Dead children of lost threads; they stay in the process table until this process ends. */
  unreaped(): number {
    return this.#all().reduce((sum, { pool }) => sum + pool.unreaped(), this.#unreaped);
  }

  /** Threads of all pools that are not closed. */
  threads(): number {
    return this.#all().reduce((sum, { pool }) => sum + pool.threads(), 0);
  }

  /** @throws AtdError ATD_POOL as `Pool.run` does */
  async run(jobId: string, command: Command): Promise<Outcome> {
    const member = this.#current;
    try {
      return await member.pool.run(jobId, command);
    } finally {
      this.#closeIfOver(member);
    }
  }

  /** As `Pool.lastLines` does. */
  lastLines(): ReadonlyMap<string, string> {
    return new Map(this.#all().flatMap(({ pool }) => [...pool.lastLines()]));
  }

  stop(jobId: string): void {
    for (const { pool } of this.#all()) pool.stop(jobId);
  }

  killAllNow(): void {
    for (const { pool } of this.#all()) pool.killAllNow();
  }

  clearLeftovers(): number {
    return this.#current.pool.clearLeftovers();
  }

  /** @throws AtdError ATD_POOL while jobs run */
  async close(): Promise<void> {
    await Promise.all(this.#all().map(({ pool }) => pool.close()));
  }

  #all(): Member[] {
    return [this.#current, ...this.#former];
  }

  #use(member: Member): void {
    member.isPrepared = false;
    if (member === this.#current) return;
    const before = this.#current;
    member.isUsed = true;
    this.#former.delete(member);
    this.#former.add(before);
    this.#current = member;
    this.#closeIfOver(before);
  }

  #closeIfOver(member: Member): void {
    if (!this.#former.has(member) || member.isPrepared || member.pool.running() > 0) return;
    this.#former.delete(member);
    this.#unreaped += member.pool.unreaped();
    this.#close(member);
  }

  /** It runs nothing. A thread that does not end in order ends with the process. */
  #close({ pool }: Member): void {
    pool.close().catch(() => undefined);
  }

  #create(form: PoolForm): Member {
    const { onBroken, onLauncher, ...events } = this.#events;
    const member: Member = {
      form: JSON.stringify(form),
      pool: createPool({
        ...form,
        events: {
          ...events,
          // Before it is used it is whoever prepares it who learns of that.
          onBroken: (error) => {
            if (member.isUsed) onBroken(error);
          },
          onLauncher: (name) => {
            if (name !== this.#launcher) onLauncher(name);
            this.#launcher = name;
          },
        },
      }),
      isUsed: false,
      isPrepared: false,
    };
    return member;
  }
}
