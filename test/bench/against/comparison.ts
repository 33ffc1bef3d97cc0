/**
 * Whether two trees differ in a figure. Pure. A pair measures both one right after the other, and what counts is the pairs' own
 * ratios: `cost` says how many times as dear this tree is as the other one, whichever way round the figure is read.
 */
import { median } from '../statistics.js';

/** What is measured, and which way round it is read. */
export interface Figure {
  readonly row: string;
  readonly measured: string;
  readonly unit: string;
  readonly better: 'less' | 'more';
}

export interface Pair {
  readonly here: number;
  readonly there: number;
}

export interface Comparison extends Figure {
  readonly pairs: readonly Pair[];
}

export interface Spread {
  readonly from: number;
  readonly to: number;
}

export interface Verdict {
  readonly here: number;
  readonly there: number;
  readonly cost: number;
  /** Where the cost lies, of whatever pairs one might have drawn. Null where there are too few to tell. */
  readonly spread: Spread | null;
  readonly change: 'cheaper' | 'dearer' | null;
  /** Whether the cost is at most what was asked for. Null where nothing was, or where it lies within the spread. */
  readonly met: boolean | null;
}

/** How probable it may be at most that the true cost lies outside the spread. */
const DOUBT = 0.1;

export function compare({ pairs, better }: Comparison, atMost: number | null): Verdict {
  const costs = pairs.map(({ here, there }) => (better === 'less' ? here / there : there / here));
  const spread = spreadOfMedian(costs);
  return {
    here: median(pairs.map(({ here }) => here)),
    there: median(pairs.map(({ there }) => there)),
    cost: median(costs),
    spread,
    change: side(spread, 1, 'cheaper', 'dearer'),
    met: atMost === null ? null : side(spread, atMost, true, false),
  };
}

/** Null where the bound lies within. */
function side<Side>(spread: Spread | null, bound: number, below: Side, above: Side): Side | null {
  if (spread === null) return null;
  if (spread.to <= bound) return below;
  return spread.from > bound ? above : null;
}

/**
 * The narrowest interval between two of the values that the true median is outside of with less than DOUBT: each value is above it
 * as often as a coin shows heads. Of five values from the least to the greatest, of nine from the second to the eighth.
 */
export function spreadOfMedian(values: readonly number[]): Spread | null {
  const sorted = [...values].sort((a, b) => a - b);
  let outside = 0;
  let cut = 0;
  for (let heads = 0; heads < sorted.length / 2; heads++) {
    outside += 2 * choose(sorted.length, heads) * 0.5 ** sorted.length;
    if (outside >= DOUBT) break;
    cut = heads + 1;
  }
  if (cut === 0) return null;
  return { from: sorted[cut - 1] as number, to: sorted[sorted.length - cut] as number };
}

function choose(of: number, count: number): number {
  return count === 0 ? 1 : (choose(of, count - 1) * (of - count + 1)) / count;
}
