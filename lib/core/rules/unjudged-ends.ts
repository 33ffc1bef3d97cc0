/** Ends of attempts that say more about the loader, or about the service, than about the file. */
import type { Outcome } from '../../types.js';

/** Exchanges in a row that are believed: a loader that changes itself with each run would have a bad file repeated for ever. */
const MAX_EXCHANGES = 5;

/**
 * The end of an attempt during which the loader was accused or exchanged.
 *
 * @param trouble why the loader of now does not work; null where it does
 * @param repeats how often in a row the job was repeated uncharged
 */
export function excuse(outcome: Outcome, trouble: string | null, repeats: number): Outcome {
  if (trouble !== null) return { ...outcome, result: 'service-fault', reason: `the loader does not work: ${trouble}` };
  if (repeats >= MAX_EXCHANGES) return outcome;
  const reason = `the loader was exchanged, or did not work, while it ran; ${outcome.reason}`;
  return { ...outcome, result: 'machine-fault', reason };
}

/** The end of an attempt that stays unexplained: its record is left to the next reader. */
export function leave(outcome: Outcome): Outcome {
  return { ...outcome, result: 'stopped', reason: `the service stops before the loader was probed; ${outcome.reason}` };
}
