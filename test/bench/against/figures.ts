/** The figures that a tree's own bench wrote, which of another commit are as that commit wrote them. Pure. */
import type { Comparison, Figure, Pair } from './comparison.js';

export type Measured = Figure & { readonly value: number };

interface Written {
  readonly kind: string;
  readonly row: string;
  readonly measured: string;
  readonly unit: string;
  readonly ours: number | null;
  readonly goal: { readonly bound: 'at least' | 'at most' };
  readonly reason?: string;
}

/** @throws Error where a row could not be measured */
export function figuresOf(json: string): readonly Measured[] {
  const { findings } = JSON.parse(json) as { readonly findings: readonly Written[] };
  const failed = findings.find(({ kind }) => kind === 'failed');
  if (failed !== undefined) throw new Error(`${failed.row}: ${failed.reason}`);
  return findings.flatMap(({ row, measured, unit, ours, goal }) =>
    ours === null
      ? []
      : [{ row, measured, unit, better: goal.bound === 'at least' ? 'more' : 'less', value: ours } as const],
  );
}

/** One round of both trees. */
export interface Round {
  readonly here: readonly Measured[];
  readonly there: readonly Measured[];
}

/** What both trees measured in every round; a figure that stands beside two yardsticks is one. */
export function comparisonsOf(rounds: readonly Round[]): readonly Comparison[] {
  const valueIn = (figures: readonly Measured[], { row, measured, unit }: Figure): number | null =>
    figures.find((found) => found.row === row && found.measured === measured && found.unit === unit)?.value ?? null;
  const comparisons = (rounds[0]?.here ?? []).flatMap(({ value: _, ...figure }) => {
    const pairs = rounds.flatMap(({ here, there }): Pair[] => {
      const [ours, other] = [valueIn(here, figure), valueIn(there, figure)];
      return ours === null || other === null ? [] : [{ here: ours, there: other }];
    });
    return pairs.length === rounds.length ? [{ ...figure, pairs }] : [];
  });
  return comparisons.filter(
    ({ row, measured }, index) =>
      comparisons.findIndex((other) => other.row === row && other.measured === measured) === index,
  );
}
