/** The few statistics that the benchmark reports. Pure. */

/** Of an even number of values, the mean of the two in the middle. @throws RangeError without values */
export function median(values: readonly number[]): number {
  const sorted = ascending(values);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

/** The smallest value that at least `share` of all are not above. @throws RangeError without values */
export function percentile(values: readonly number[], share: number): number {
  const sorted = ascending(values);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] as number;
}

function ascending(values: readonly number[]): number[] {
  if (values.length === 0) throw new RangeError('there is no value');
  return [...values].sort((a, b) => a - b);
}
