/**
 * How long a member has been without an acknowledgement that was due. Fetches are none: a member that the group holds for
 * dead goes on fetching. While no broker answers nothing is due, and neither is while the group waits for its members.
 */
import type { Kafka } from 'kafkajs';
import { ask } from './admin.js';

export interface VitalSignsOptions {
  readonly kafka: Kafka;
  readonly sessionTimeoutMs: number;
  /** How long the group may wait for its members when it is joined. */
  readonly rebalanceTimeoutMs: number;
}

/** Questions per session while an acknowledgement is late. */
const QUESTIONS_PER_SESSION = 4;

export class VitalSigns {
  readonly #options: VitalSignsOptions;
  readonly #timer: NodeJS.Timeout;
  /** When silence began, on the monotonic clock; null before the first join. */
  #quietSince: number | null = null;
  #lastUnreachableAt = 0;
  #joiningSince: number | null = null;
  #unreachable: string | null = null;
  #isAsking = false;

  constructor(options: VitalSignsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#look(), this.#patienceMs).unref();
  }

  /** The coordinator acknowledged a heartbeat, a join or a commit. */
  acknowledged(): void {
    this.#quietSince = performance.now();
    this.#joiningSince = null;
    this.#unreachable = null;
  }

  joining(): void {
    this.#joiningSince ??= performance.now();
  }

  /** For how long acknowledgements that were due have stayed away while a broker answered; null before the first join. */
  get silentMs(): number | null {
    const since = this.#quietSince;
    return since === null ? null : Math.max(0, Math.min(performance.now() - since, this.dueMs));
  }

  /** For how long any acknowledgement may have been due: since a broker has answered, and no join has lasted. */
  get dueMs(): number {
    return Math.max(0, performance.now() - Math.max(this.#dueAfterJoin, this.#lastUnreachableAt));
  }

  /** Why no broker can be reached; null while one answers, or nobody had to ask. */
  get unreachable(): string | null {
    return this.#unreachable;
  }

  /** When a join that lasts has begun, on the monotonic clock; null while there is none. */
  get joiningSince(): number | null {
    const since = this.#joiningSince;
    return since !== null && performance.now() - since > this.#patienceMs ? since : null;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  get #patienceMs(): number {
    return this.#options.sessionTimeoutMs / QUESTIONS_PER_SESSION;
  }

  get #dueAfterJoin(): number {
    return this.#joiningSince === null ? 0 : this.#joiningSince + this.#options.rebalanceTimeoutMs;
  }

  async #look(): Promise<void> {
    const since = this.#quietSince ?? this.#joiningSince;
    if (this.#isAsking || since === null || performance.now() - since < this.#patienceMs) return;
    this.#isAsking = true;
    try {
      await ask(this.#options.kafka, 0, (admin) => admin.describeCluster());
      this.#unreachable = null;
    } catch (error) {
      this.#unreachable = (error as Error).message;
      this.#lastUnreachableAt = performance.now();
    }
    this.#isAsking = false;
  }
}
