/**
 * kafkajs 2.2.4 measures heartbeats, request timeouts and the age of what it knows by `Date.now()`. A wall clock that is set
 * back by ten minutes stops all of them for ten minutes, and the group gives the partitions away. Here `Date.now()` never
 * goes back and never jumps. It begins as the wall time, for the few that show it.
 *
 * The function is replaced as a whole: the client reads it in some twenty closures that nothing else can reach. Whoever
 * wants the wall clock as it is says `new Date()`, as the log does.
 */
let isSteady = false;

/** Affects everything in this thread. */
export function steadyClock(): void {
  if (isSteady) return;
  isSteady = true;
  Date.now = () => Math.floor(performance.timeOrigin + performance.now());
}
