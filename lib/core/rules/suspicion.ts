/**
 * What ends of the service during a file's load say about that file. It may have been the cause, or only have been loading
 * at the time: a load of five minutes is there at most crashes, whatever brings them about. So before it is given up it is
 * loaded once with nothing else running, and given up only when the service ends during that, too.
 */
import { aloneAt, countOf, doubtsOf } from '../offsets/interruptions.js';

/** Least time between the starts of two such loads, for all others wait meanwhile. */
export const ALONE_EVERY_MS = 600_000;
/**
 * How long the service must have lived with a suspect before it loads it alone. Kills in a fast row, as by a supervisor
 * that restarts what cannot live, would else meet every such load. In the storm that this was written after, a life was 7 s.
 */
export const QUIET_MS = 10_000;

/**
 * How often a partition may move during such a load before that is taken for an end of the service, too: where members that
 * a file brings down come back one after the other, it always moves.
 */
const MAX_DOUBTS = 3;

export type Suspicion = 'none' | 'suspect' | 'deadly';

/** @param interrupted as the metadata has it */
export function judgeInterruptions(interrupted: number, maxInterruptions: number): Suspicion {
  if (aloneAt(interrupted) !== null || doubtsOf(interrupted) > MAX_DOUBTS) return 'deadly';
  return doubtsOf(interrupted) > 0 || countOf(interrupted) >= maxInterruptions ? 'suspect' : 'none';
}
