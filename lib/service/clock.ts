/** Wall time that never goes back, whatever is done to the machine's clock meanwhile. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
