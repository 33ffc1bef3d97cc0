/** Lanes that messages name and nobody knows: each is reported once, and of very many only the first. */
import type { KafkaRecord } from '../../../types.js';
import type { Effect } from '../../events.js';
import { readLane } from '../../rules/headers.js';

const MAX_REPORTED = 20;

export class UnknownLanes {
  readonly #reported = new Set<string>();

  note(record: KafkaRecord, emit: (effect: Effect) => void): void {
    const { unknown: lane } = readLane(record.headers);
    if (lane === null || this.#reported.has(lane) || this.#reported.size === MAX_REPORTED) return;
    this.#reported.add(lane);
    emit({ type: 'lane-unknown', record, lane });
  }
}
