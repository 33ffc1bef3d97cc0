import { processesWithMarker } from '../support/processes.js';
import type { Place } from '../support/service-process.js';

/** The services and the loaders of this place: all of them inherit the ledger's path. */
export function processesOf(place: Place): number[] {
  return processesWithMarker(`LEDGER=${place.ledger}`);
}
