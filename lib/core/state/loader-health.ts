/**
 * Whether the loader works at all, as probes say. Nothing starts while that is not known, as at the start and after a change
 * of the executable, nor while it is accused. The bundled loader is never probed.
 *
 * An attempt whose end may be the loader's fault is held until a probe has ended that began after it; its slot stays taken.
 * A probe speaks for the loader that it ran: of an attempt during which the loader was exchanged or accused it says nothing,
 * and that attempt is charged to no file.
 */
import type { Outcome, ProbeResult } from '../../types.js';
import type { LoaderVerdict } from '../events.js';
import { judgeProbe } from '../rules/loader-probe.js';

type State =
  | { readonly kind: 'works' }
  | { readonly kind: 'unproven' }
  | {
      readonly kind: 'accused';
      readonly reason: string;
      readonly since: number;
      readonly waitMs: number;
      readonly until: number;
    };

export interface HeldEnd {
  readonly jobId: string;
  readonly startedAt: number;
  readonly outcome: Outcome;
}

export interface ProbeRules {
  /** From an accusation to the next probe; it doubles with each further one. */
  readonly openMs: number;
  readonly maxOpenMs: number;
}

export class LoaderHealth {
  readonly #rules: () => ProbeRules;
  #state: State = { kind: 'works' };
  #isProbing = false;
  /** When it was last accused or found to be another one. */
  #troubledAt = Number.NEGATIVE_INFINITY;
  /** Something happened for which the probe under way began too early. */
  #isAsked = false;
  /** Ends that wait for the probe under way, and those that came while it was. */
  #held: HeldEnd[] = [];
  #heldLate: HeldEnd[] = [];

  /** @param rules those that hold at the moment */
  constructor(rules: () => ProbeRules) {
    this.#rules = rules;
  }

  get permitsStarts(): boolean {
    return this.#state.kind === 'works';
  }

  /** Why and since when the loader does not work, and when it is looked at next; null while it does or nobody knows. */
  get trouble(): { readonly reason: string; readonly since: number; readonly until: number } | null {
    if (this.#state.kind !== 'accused') return null;
    const { reason, since, until } = this.#state;
    return { reason, since, until };
  }

  /** It is there for the first time, or its executable is another one. */
  changed(now: number): void {
    this.#troubledAt = now;
    if (this.#state.kind === 'works') this.#state = { kind: 'unproven' };
    this.#isAsked = true;
  }

  /** Whether the loader that an attempt ran may be another one than that of now, or one that was accused. */
  wasTroubledSince(startedAt: number): boolean {
    return this.#troubledAt >= startedAt;
  }

  hold(end: HeldEnd): void {
    this.#isAsked = true;
    (this.#isProbing ? this.#heldLate : this.#held).push(end);
  }

  /** Whether a probe is to begin; the caller then begins it. */
  begin(now: number): boolean {
    if (this.#isProbing) return false;
    if (!this.#isAsked && !(this.#state.kind === 'accused' && this.#state.until <= now)) return false;
    this.#isProbing = true;
    this.#isAsked = false;
    return true;
  }

  /** When `begin` may say yes by itself. */
  nextAt(): number | null {
    return this.#state.kind === 'accused' && !this.#isProbing ? this.#state.until : null;
  }

  /**
   * The probe has ended.
   *
   * @returns what it says, and the ends that waited for it
   */
  probed(result: ProbeResult, now: number): { readonly verdict: LoaderVerdict; readonly ends: readonly HeldEnd[] } {
    const verdict = judgeProbe(result);
    this.#isProbing = false;
    const before = this.#state;
    if (result.isOther || verdict.kind === 'accused') this.#troubledAt = now;
    if (verdict.kind === 'works') this.#state = { kind: 'works' };
    else {
      const doubled = before.kind === 'accused' ? before.waitMs * 2 : this.#rules().openMs;
      const waitMs = Math.min(doubled, this.#rules().maxOpenMs);
      const since = before.kind === 'accused' ? before.since : now;
      this.#state = { kind: 'accused', reason: verdict.reason, since, waitMs, until: now + waitMs };
    }
    const ends = this.#held;
    this.#held = this.#heldLate;
    this.#heldLate = [];
    return { verdict, ends };
  }

  /** The service stops: no probe will be waited for. */
  releaseHeld(): HeldEnd[] {
    const ends = [...this.#held, ...this.#heldLate];
    this.#held = [];
    this.#heldLate = [];
    return ends;
  }
}
