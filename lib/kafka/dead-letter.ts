/**
 * The dead-letter producer: one record to one topic, acknowledged by all in-sync replicas before anyone may rely on it.
 * Compression lets what fitted into the source topic fit here; what is refused all the same is sent with less of its record.
 */
import { CompressionTypes, type Kafka, type Producer } from 'kafkajs';
import type { DeadLetter } from '../core/events.js';
import { firstForm, type LetterForm, leftOut, nextForm, objectionIn } from '../core/rules/letter-form.js';
import { AtdError } from '../errors.js';
import { createMissingTopic } from './admin.js';
import { isMissingRight } from './group/refusals.js';
import { letterMessage, letterParts, messageBytes } from './letter-message.js';
import { objectionTo } from './letter-objection.js';
import { createPartitioner } from './partitioner.js';

export interface DeadLetterOptions {
  readonly kafka: Kafka;
  /** Where the records come from; a missing dead-letter topic is created like it. */
  readonly sourceTopic: string;
  readonly topic: string;
  readonly createTopic: boolean;
  /** The consumer group, which letters name. */
  readonly group: string;
  /** A message that is longer was not read either; its letter carries no more of it than an excerpt. */
  readonly maxMessageBytes: number;
}

export interface DeadLetterAdapter {
  /**
   * Returns what the letter had to be sent without.
   *
   * @param unclear how many refusals of it before said nothing of whose fault they were
   * @throws AtdError ATD_DEAD_LETTER when the broker acknowledged the letter in no form: another letter would fare the same
   */
  send(letter: DeadLetter, unclear?: number): Promise<string[]>;
  close(): Promise<void>;
}

export function createDeadLetter(options: DeadLetterOptions): DeadLetterAdapter {
  // Not idempotent: after a send that failed for good, kafkajs gives the sequence number of its letter to the next one,
  // which the broker would take for a copy and drop if the failed one had arrived. Better twice than not at all.
  const producer = options.kafka.producer({
    allowAutoTopicCreation: options.createTopic,
    createPartitioner,
    retry: { retries: 3 },
  });
  let ready: Promise<void> | null = null;
  /** Connects at the first letter: most services never need one. */
  const connect = () => {
    ready ??= prepare(options, producer).catch((error: unknown) => {
      ready = null;
      throw error;
    });
    return ready;
  };
  return {
    async send(letter, unclear = 0) {
      try {
        await connect();
        return await produce(producer, options, letter, unclear);
      } catch (cause) {
        const why = `${(cause as Error).message}${remedyOf(cause)}`;
        throw new AtdError('ATD_DEAD_LETTER', `topic ${options.topic} did not take the dead letter: ${why}`, { cause });
      }
    },
    async close() {
      await producer.disconnect();
    },
  };
}

function remedyOf(error: unknown): string {
  return isMissingRight(error) ? '; permit WRITE and DESCRIBE on it' : '';
}

async function prepare(
  { kafka, sourceTopic, topic, createTopic }: DeadLetterOptions,
  producer: Producer,
): Promise<void> {
  // Where that is not permitted the topic may still be there, or made by the broker; sending the letter will show.
  if (createTopic) await createMissingTopic(kafka, { topic, like: sourceTopic }).catch(() => undefined);
  await producer.connect();
}

/** In the fullest form that the topic takes; each further one is tried only where the letter itself was to blame. */
async function produce(
  producer: Producer,
  options: DeadLetterOptions,
  letter: DeadLetter,
  unclear: number,
): Promise<string[]> {
  const { topic, group, maxMessageBytes } = options;
  const parts = letterParts(letter.record, maxMessageBytes);
  const message = (of: LetterForm) => letterMessage(letter, group, of, Date.now(), parts.excerptBytes);
  let form = firstForm(parts, maxMessageBytes, (of) => messageBytes(message(of)));
  for (;;) {
    try {
      const messages = [message(form)];
      await producer.send({ topic, acks: -1, compression: CompressionTypes.GZIP, messages });
      return leftOut(form, parts);
    } catch (error) {
      const objection = objectionIn(objectionTo(error), unclear);
      const next = objection === null ? null : nextForm(form, objection, parts);
      if (next === null) throw error;
      form = next;
    }
  }
}
