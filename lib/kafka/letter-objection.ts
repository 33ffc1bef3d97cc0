/** Whether a letter was refused because of itself, or because of its topic, the cluster or the way there. */
import type { Objection } from '../core/rules/letter-form.js';

/** Errors of the broker by kafkajs's names. Brokers before 2.4 say that a message is corrupt where a key is missing. */
const OBJECTIONS: Readonly<Record<string, Objection>> = {
  MESSAGE_TOO_LARGE: 'size',
  RECORD_LIST_TOO_LARGE: 'size',
  INVALID_TIMESTAMP: 'time',
  INVALID_RECORD: 'content',
  CORRUPT_MESSAGE: 'content',
  POLICY_VIOLATION: 'content',
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 'content',
};
/** What the client throws where it cannot encode something. */
const OF_THE_ENCODER: ReadonlySet<string> = new Set(['TypeError', 'RangeError', 'SyntaxError']);

/** Null where another letter would fare the same. kafkajs repeats some errors, and then wraps what it gave up on. */
export function objectionTo(error: unknown): Objection | null {
  for (let at = error; typeof at === 'object' && at !== null; at = (at as { cause?: unknown }).cause) {
    const { type, name } = at as { type?: unknown; name?: unknown };
    if (typeof type === 'string' && Object.hasOwn(OBJECTIONS, type)) return OBJECTIONS[type] as Objection;
    if (typeof name === 'string' && OF_THE_ENCODER.has(name)) return 'content';
  }
  return null;
}
