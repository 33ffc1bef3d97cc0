/** Sends the messages of commands, each acknowledged by all replicas, and none twice by a repetition of the client. */
import type { Kafka, Message, RecordMetadata } from 'kafkajs';
import { AtdError } from '../errors.js';
import { isMissingRight, userObstacle } from '../kafka/group/refusals.js';
import { createPartitioner } from '../kafka/partitioner.js';
import { withinSeconds } from './within.js';

/** A person waits for it. */
const CONNECT_S = 5;

export interface Sender {
  /** @throws AtdError ATD_KAFKA_CONNECT; whether the messages are in the topic is not known then */
  send(topic: string, messages: readonly Message[]): Promise<readonly RecordMetadata[]>;
  close(): Promise<void>;
}

/**
 * The broker drops what the client repeats, where the user may write with a number (`IdempotentWrite`, needed before Kafka
 * 2.8), and where there is a controller to ask for one. Else nothing is repeated.
 *
 * @throws AtdError ATD_KAFKA_CONNECT where no broker answers soon
 */
export async function openSender(kafka: Kafka, brokers: readonly string[]): Promise<Sender> {
  const numbered = { idempotent: true, maxInFlightRequests: 1, retry: { retries: 5 } };
  const once = { retry: { retries: 0 } };
  let refusal: unknown = null;
  for (const options of [numbered, once]) {
    const producer = kafka.producer({ allowAutoTopicCreation: true, createPartitioner, ...options });
    try {
      await withinSeconds(CONNECT_S, 'no broker has answered', producer.connect());
      return {
        send: (topic, messages) =>
          producer.send({ topic, acks: -1, messages: [...messages] }).catch((cause: unknown) => {
            throw cannotSend(topic, cause);
          }),
        close: () => producer.disconnect().catch(() => undefined),
      };
    } catch (error) {
      refusal = error;
      void producer.disconnect().catch(() => undefined);
      if (!mayDoWithout(error)) break;
    }
  }
  const [at, obstacle] = [`Kafka at ${brokers.join(', ')}`, userObstacle(refusal)];
  const away = `cannot reach ${at}: ${(refusal as Error).message}; check kafka.bootstrap_servers`;
  throw new AtdError('ATD_KAFKA_CONNECT', obstacle === null ? away : `cannot use ${at}: ${obstacle}`, {
    cause: refusal,
  });
}

function mayDoWithout(error: unknown): boolean {
  const { name, type } = error as { readonly name?: unknown; readonly type?: unknown };
  return name === 'KafkaJSBrokerNotFound' || type === 'CLUSTER_AUTHORIZATION_FAILED';
}

function cannotSend(topic: string, cause: unknown): AtdError {
  const right = isMissingRight(cause) ? '; permit WRITE and DESCRIBE on it' : '';
  const why = userObstacle(cause) ?? `${(cause as Error).message}${right}`;
  return new AtdError('ATD_KAFKA_CONNECT', `${topic} did not take a message: ${why}`, { cause });
}
