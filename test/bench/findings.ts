/**
 * What a row found, and whether that meets its goal. Pure. A round measures both sides one right after the other; the
 * ratio that counts is the median of the rounds' own ratios, so that what disturbs the machine for longer than a round
 * disturbs both sides of it.
 */
import { median } from './statistics.js';

export interface Goal {
  /** Which figure it is about. */
  readonly of: 'ratio' | 'ours';
  readonly bound: 'at least' | 'at most';
  readonly value: number;
}

export interface Round {
  readonly ours: number;
  /** Null where there is nothing to compare with. */
  readonly yardstick: number | null;
}

interface Measured {
  readonly row: string;
  readonly measured: string;
  readonly unit: string;
  /** What stands beside it; null where the goal is a bound of its own. */
  readonly yardstick: string | null;
  readonly goal: Goal;
}

export type Finding =
  | (Measured & { readonly kind: 'measured'; readonly rounds: readonly Round[]; readonly note?: string })
  /** Not there (yet), which misses the goal; or impossible on this machine, which says nothing about it. */
  | (Measured & { readonly kind: 'not-available' | 'not-possible'; readonly reason: string });

/** The row could not be measured. */
export interface Failure {
  readonly kind: 'failed';
  readonly row: string;
  readonly reason: string;
}

export interface Judgement {
  readonly ours: number | null;
  readonly yardstick: number | null;
  readonly ratio: number | null;
  /** Null where it cannot be told. */
  readonly met: boolean | null;
}

export function judge(finding: Finding | Failure): Judgement {
  if (finding.kind !== 'measured') {
    return { ours: null, yardstick: null, ratio: null, met: finding.kind === 'not-available' ? false : null };
  }
  const { rounds, goal } = finding;
  const ours = median(rounds.map((round) => round.ours));
  const compared = rounds.filter((round): round is Round & { yardstick: number } => round.yardstick !== null);
  const yardstick = compared.length === 0 ? null : median(compared.map((round) => round.yardstick));
  const ratio = compared.length === 0 ? null : median(compared.map((round) => round.ours / round.yardstick));
  const value = goal.of === 'ours' ? ours : ratio;
  return { ours, yardstick, ratio, met: value === null ? null : meets(value, goal) };
}

function meets(value: number, goal: Goal): boolean {
  return goal.bound === 'at least' ? value >= goal.value : value <= goal.value;
}

/** 0 also where goals are missed: they are reported. 1 where a row could not be measured. */
export function exitCodeOf(findings: readonly (Finding | Failure)[]): number {
  return findings.some(({ kind }) => kind === 'failed') ? 1 : 0;
}
