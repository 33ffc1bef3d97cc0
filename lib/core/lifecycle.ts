/**
 * Where a run is. `starting` until the group gives an assignment; `running`; `draining` until no child runs, no letter is on its
 * way and the last commit is answered; then `stopped`, or, where people have ordered the drain of this instance alone,
 * `drained`: out of the group, with the process up, until they end it, which begins with `starting` again.
 *
 * A stop has a deadline. A drain by order has none: what runs goes on as ever, with its letters and the probes of its loader, so
 * that it can be taken back at any moment before it has left the group.
 */
import type { DrainOrder, Effect } from './events.js';

type State =
  | { readonly kind: 'starting' | 'running' | 'stopped' }
  | {
      readonly kind: 'draining';
      /** Null for a stop. */
      readonly order: DrainOrder | null;
      /** What it is again where the order is taken back. */
      readonly before: 'starting' | 'running';
      readonly stopAt: number;
      readonly isOverdue: boolean;
      readonly finalCommits: number;
    }
  | { readonly kind: 'drained'; readonly order: DrainOrder; readonly hasLeft: boolean };

type Draining = Extract<State, { readonly kind: 'draining' }>;

/** What a drain waits for and brings to its end. */
export interface Work {
  /** Whether no child runs and no letter is on its way. */
  isIdle(): boolean;
  /** When a commit is due; null where there is nothing to commit, or one is under way. */
  commitAt(): number | null;
  isCommitting(): boolean;
  isCommitFailing(): boolean;
  /** Whether it is known of all partitions what was committed. */
  isRestored(): boolean;
  /** The commit of an orderly end. */
  commitAsLast(now: number): void;
  /** From now on, no file that runs is charged with an end of the process. */
  forgetStarts(): void;
  /** Has the next commit name each partition: what it says of how the run ends, or that it goes on, is news. */
  commitAll(): void;
  /** No start that waits for its commit comes about any more. */
  withdrawStarts(): void;
  stopChildren(now: number): void;
  /** Forgets all partitions. */
  dropAll(): void;
  uncommitted(): number;
  emit(effect: Effect): void;
}

/** Tries at the last commit of a drain, a second apart; what it would have saved is loaded again, not lost. */
const MAX_FINAL_COMMITS = 10;

export class Lifecycle {
  readonly #work: Work;
  #state: State = { kind: 'starting' };

  constructor(work: Work) {
    this.#work = work;
  }

  get kind(): State['kind'] {
    return this.#state.kind;
  }

  /** As people are to see it: an instance is drained when it is out of the group. */
  get shown(): State['kind'] {
    return this.#state.kind === 'drained' && !this.#state.hasLeft ? 'draining' : this.#state.kind;
  }

  /** By whom this instance is drained, or is being drained; null where it is not. */
  get order(): DrainOrder | null {
    return this.#state.kind === 'draining' || this.#state.kind === 'drained' ? this.#state.order : null;
  }

  /** Whether the process is about to end. */
  get isStopping(): boolean {
    return this.#state.kind === 'draining' && this.#state.order === null;
  }

  /** Whether what runs is dealt with as ever. */
  get isWorking(): boolean {
    return this.#state.kind === 'running' || (this.#state.kind === 'draining' && this.#state.order !== null);
  }

  /** Whether commits say that this run has come to its end, though a letter may be on its way once more. */
  get hasEnded(): boolean {
    return this.#state.kind === 'draining' && this.#state.finalCommits > 0;
  }

  /** When children that still run are stopped; null where that is past, or not to be. */
  get stopAt(): number | null {
    if (this.#state.kind !== 'draining' || this.#state.isOverdue) return null;
    return this.#state.stopAt === Number.POSITIVE_INFINITY ? null : this.#state.stopAt;
  }

  assigned(): void {
    if (this.#state.kind === 'starting') this.#state = { kind: 'running' };
    else if (this.#state.kind === 'draining') this.#state = { ...this.#state, before: 'running' };
  }

  stop(stopAt: number): void {
    if (this.#state.kind === 'stopped' || this.isStopping) return;
    this.#state = draining(null, 'running', stopAt);
    this.#work.withdrawStarts();
    this.#work.forgetStarts();
  }

  hasten(now: number): void {
    if (this.isStopping) this.#state = { ...(this.#state as Draining), stopAt: now };
  }

  /** The newest order counts; the drain goes on. */
  drain(order: DrainOrder): void {
    const state = this.#state;
    switch (state.kind) {
      case 'starting':
      case 'running':
        this.#state = draining(order, state.kind, Number.POSITIVE_INFINITY);
        return;
      case 'draining':
        if (state.order !== null) this.#state = { ...state, order: { ...order, since: state.order.since } };
        return;
      case 'drained':
        this.#state = { ...state, order: { ...order, since: state.order.since } };
        return;
      case 'stopped':
        return;
    }
  }

  /** The group does without us now. */
  left(): void {
    if (this.#state.kind === 'drained') this.#state = { ...this.#state, hasLeft: true };
  }

  /** The order is taken back. */
  resume(): void {
    if (this.#state.kind === 'drained') {
      this.#state = { kind: 'starting' };
      this.#work.emit({ type: 'join-group' });
    } else if (this.#state.kind === 'draining' && this.#state.order !== null) {
      // The last commit has said that the run is over.
      if (this.#state.finalCommits > 0) this.#work.commitAll();
      this.#state = { kind: this.#state.before };
    }
  }

  advance(now: number): void {
    if (this.#state.kind !== 'draining') return;
    if (now >= this.#state.stopAt && !this.#state.isOverdue) {
      this.#work.stopChildren(now);
      this.#state = { ...this.#state, isOverdue: true };
    }
    if (!this.#work.isIdle() || this.#awaitsCommit(this.#state, now)) return;
    const { order } = this.#state;
    if (order === null) {
      this.#state = { kind: 'stopped' };
      this.#work.emit({ type: 'drained', uncommitted: this.#work.uncommitted() });
    } else {
      this.#state = { kind: 'drained', order, hasLeft: false };
      this.#work.emit({ type: 'leave-group', uncommitted: this.#work.uncommitted() });
      this.#work.dropAll();
    }
  }

  /** Sends the last commit where there is anything to commit. */
  #awaitsCommit(state: Draining, now: number): boolean {
    const { stopAt, finalCommits, order } = state;
    if (order !== null && finalCommits === 0) this.#work.commitAll();
    const commitAt = this.#work.commitAt();
    if (commitAt !== null && finalCommits < MAX_FINAL_COMMITS) {
      // Nothing can be committed before the committed position is known; that answer is on its way.
      if (!this.#work.isRestored() && now < stopAt) return true;
      const isAgain = finalCommits > 0 && this.#work.isCommitFailing();
      if (isAgain && now < commitAt && now < stopAt) return true;
      this.#state = { ...state, finalCommits: now < stopAt ? finalCommits + 1 : MAX_FINAL_COMMITS };
      this.#work.commitAsLast(now);
    }
    return this.#work.isCommitting();
  }
}

function draining(order: DrainOrder | null, before: 'starting' | 'running', stopAt: number): Draining {
  return { kind: 'draining', order, before, stopAt, isOverdue: false, finalCommits: 0 };
}
