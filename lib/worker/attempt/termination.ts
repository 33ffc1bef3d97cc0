/**
 * Ends a child step by step: TERM to its process group, the grace, KILL to the group.
 *
 * - `idle`: there is no child yet. A request to end it is remembered, so that none is started.
 * - `running`: the child runs and its deadline is set.
 * - `terminating`: TERM was sent; KILL follows after the grace.
 * - `killed`: KILL was sent. A child in uninterruptible sleep still takes its time, and keeps its slot as long.
 * - `reaped`: the child has ended. What is left of its group may be killed, once and soon: pids are given out again.
 * - `over`: nothing is signalled any more.
 *
 * The first cause wins: a stop that comes after the deadline leaves the attempt timed out.
 */

import { isGroupLiving, killGroup } from '../../processes/leftovers.js';
import type { Outcome } from '../../types.js';
import { MAX_TIMER_MS } from '../../util/deadline.js';
import type { Cause } from './classify.js';

type Signal = Outcome['signalsSent'][number];

type State =
  | { readonly kind: 'idle' | 'over' }
  | { readonly kind: 'running' | 'terminating'; readonly pid: number; readonly timer: NodeJS.Timeout }
  | { readonly kind: 'killed' | 'reaped'; readonly pid: number };

/** One attempt's termination. */
export class Termination {
  readonly #graceMs: number;
  readonly #onSignalled: (signal: Signal) => void;
  readonly #signalsSent: Signal[] = [];
  #state: State = { kind: 'idle' };
  #cause: Cause = null;

  constructor(graceMs: number, onSignalled: (signal: Signal) => void) {
    this.#graceMs = graceMs;
    this.#onSignalled = onSignalled;
  }

  get cause(): Cause {
    return this.#cause;
  }

  get signalsSent(): readonly Signal[] {
    return this.#signalsSent;
  }

  /** The child runs as the leader of its group, and its time begins. */
  begin(pid: number, timeoutMs: number): void {
    const timer = setTimeout(() => this.#terminate('deadline'), Math.min(timeoutMs, MAX_TIMER_MS));
    this.#state = { kind: 'running', pid, timer };
    // Asked to stop while the child was being started.
    if (this.#cause !== null) this.#terminate(this.#cause);
  }

  /** TERM now and KILL after the grace, unless that is under way. */
  stop(): void {
    this.#terminate('stop');
  }

  /** KILL now, if the child still runs. */
  kill(): void {
    const state = this.#state;
    if (state.kind === 'idle') this.#cause ??= 'stop';
    if (state.kind !== 'running' && state.kind !== 'terminating') return;
    clearTimeout(state.timer);
    this.#cause ??= 'stop';
    this.#state = { kind: 'killed', pid: state.pid };
    this.#signal(state.pid, 'SIGKILL');
  }

  /** The child has ended and was reaped. */
  end(): void {
    const state = this.#state;
    if (state.kind === 'running' || state.kind === 'terminating') clearTimeout(state.timer);
    if ('pid' in state) this.#state = { kind: 'reaped', pid: state.pid };
  }

  /** Sends KILL to what is left of the group after `end`. */
  clearUp(): void {
    const state = this.#state;
    if (state.kind !== 'reaped') return;
    this.#state = { kind: 'over' };
    // Told only if it hit something: a group may consist of zombies alone where process 1 does not reap them.
    if (isGroupLiving(state.pid)) this.#signal(state.pid, 'SIGKILL');
    else killGroup(state.pid);
  }

  #terminate(cause: 'deadline' | 'stop'): void {
    const state = this.#state;
    if (state.kind === 'idle') this.#cause ??= cause;
    if (state.kind !== 'running') return;
    clearTimeout(state.timer);
    this.#cause = cause;
    const timer = setTimeout(() => this.kill(), Math.min(this.#graceMs, MAX_TIMER_MS));
    this.#state = { kind: 'terminating', pid: state.pid, timer };
    this.#signal(state.pid, 'SIGTERM');
  }

  #signal(pid: number, signal: Signal): void {
    try {
      process.kill(-pid, signal);
    } catch {
      // ESRCH: the group has just ended. EPERM: all of it changed its user, and is beyond our reach.
      return;
    }
    this.#signalsSent.push(signal);
    this.#onSignalled(signal);
  }
}
