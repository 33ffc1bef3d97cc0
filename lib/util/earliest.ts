/** The first of some moments, of which null stands for none; null where there is none at all. */
export function earliest(...times: readonly (number | null)[]): number | null {
  return times.reduce((first, at) => (first === null || at === null ? (first ?? at) : Math.min(first, at)), null);
}
