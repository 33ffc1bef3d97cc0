/** Ends of attempts that say more about the loader, or about the service, than about the file. */
import type { Outcome } from '../../types.js';

/** The end of an attempt by a loader that does not work. */
export function faultOf(outcome: Outcome, reason: string): Outcome {
  return { ...outcome, result: 'service-fault', reason: `the loader does not work: ${reason}` };
}

/** The end of an attempt by a loader that is not there any more. */
export function ofAnother(outcome: Outcome): Outcome {
  const reason = `the loader was exchanged, or did not work, while it ran; ${outcome.reason}`;
  return { ...outcome, result: 'machine-fault', reason };
}

/** The end of an attempt that stays unexplained: its record is left to the next reader. */
export function leave(outcome: Outcome): Outcome {
  return { ...outcome, result: 'stopped', reason: `the service stops before the loader was probed; ${outcome.reason}` };
}
