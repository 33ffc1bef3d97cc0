/** A delivered record, or what is known of one that could not be read, as the engine's event. */
import type { EngineEvent } from '../core/events.js';
import { Unread } from '../kafka/shapes.js';
import type { KafkaRecord } from '../types.js';

export function recordEvent(record: KafkaRecord, defect: Error | null): EngineEvent {
  if (defect === null) return { type: 'record', record };
  return { type: 'record', record, defect: defect instanceof Unread ? { unread: defect.message } : stackOf(defect) };
}

export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
