/** Whether a letter was refused because of itself, or because of its topic, the cluster or the way there. */
import type { Objection, Refusal } from '../core/rules/letter-form.js';

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

/**
 * Says nothing of whose fault it is: errors of the broker that stand for any, or that the client does not know, and what a
 * broker or a proxy does with a request that it finds too large: it ends the connection.
 */
const UNCLEAR: ReadonlySet<string> = new Set(['UNKNOWN', 'KAFKAJS_UNKNOWN_ERROR_CODE', 'INVALID_REQUEST']);
const UNCLEAR_NAMES: ReadonlySet<string> = new Set(['KafkaJSConnectionClosedError', 'KafkaJSNonRetriableError']);

/** Null where another letter would fare the same. kafkajs repeats some errors, and then wraps what it gave up on. */
export function objectionTo(error: unknown): Refusal {
  for (let at = error; typeof at === 'object' && at !== null; at = (at as { cause?: unknown }).cause) {
    const { type, name } = at as { type?: unknown; name?: unknown };
    if (typeof type === 'string' && Object.hasOwn(OBJECTIONS, type)) return OBJECTIONS[type] as Objection;
    if (typeof name === 'string' && OF_THE_ENCODER.has(name)) return 'content';
    if (UNCLEAR.has(String(type)) || UNCLEAR_NAMES.has(String(name))) return 'unclear';
  }
  return null;
}
