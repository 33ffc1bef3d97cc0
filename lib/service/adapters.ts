/** The parts that do things, made from the configuration: each setting is handed to the one part that it belongs to. */
import type { Config } from '../config/load.js';
import { createKafkaClient, type KafkaClientOptions } from '../kafka/client.js';
import { registerCodecs } from '../kafka/codecs.js';
import { type ConsumerAdapter, type ConsumerEvents, createConsumer } from '../kafka/consumer.js';
import { createDeadLetter, type DeadLetterAdapter } from '../kafka/dead-letter.js';
import { stopIdleTimer } from '../kafka/idle-timer.js';
import { closeSilentConnections } from '../kafka/silent-connections.js';
import { steadyClock } from '../kafka/steady-clock.js';
import { createPool, type Pool, type PoolEvents } from '../pool/pool.js';

export interface Adapters {
  readonly consumer: ConsumerAdapter;
  readonly deadLetter: DeadLetterAdapter;
  readonly pool: Pool;
}

export interface AdapterEvents {
  readonly consumer: ConsumerEvents;
  readonly pool: PoolEvents;
  readonly kafka: Pick<KafkaClientOptions, 'mayRestart' | 'onOutOfRange' | 'onLog'>;
}

export function createAdapters(config: Config, events: AdapterEvents): Adapters {
  registerCodecs();
  steadyClock();
  stopIdleTimer();
  closeSilentConnections();
  const kafka = createKafkaClient({ ...kafkaOptions(config), ...events.kafka });
  const { topic, group_id, auto_offset_reset, session_timeout_ms, poll_timeout_ms } = config.kafka;
  const { circuit_breaker, dead_letter } = config.service;
  const consumer = createConsumer(
    {
      kafka,
      topic,
      groupId: group_id,
      fromBeginning: auto_offset_reset === 'earliest',
      sessionTimeoutMs: session_timeout_ms,
      maxWaitMs: poll_timeout_ms,
    },
    events.consumer,
  );
  const deadLetter = createDeadLetter({
    kafka,
    sourceTopic: topic,
    topic: dead_letter.topic ?? `${topic}.dlq`,
    createTopic: dead_letter.create_topic,
  });
  const pool = createPool({
    slots: config.thread_pool_size,
    settings: {
      sinkUnavailable: { exitCodes: circuit_breaker.exit_codes, patterns: circuit_breaker.patterns },
      launch: config.as_cli.launch,
      forwardLines: config.log_level === 'debug',
    },
    events: events.pool,
  });
  return { consumer, deadLetter, pool };
}

/** How to reach the brokers; the commands of the command line use it too. */
export function kafkaOptions({ kafka }: Config): Omit<KafkaClientOptions, 'mayRestart' | 'onOutOfRange' | 'onLog'> {
  const { mechanism, username, password } = kafka.sasl;
  return {
    brokers: kafka.bootstrap_servers,
    clientId: kafka.client_id,
    ssl: { enabled: kafka.ssl.enabled, ca: kafka.ssl.ca_file, cert: kafka.ssl.cert_file, key: kafka.ssl.key_file },
    sasl: mechanism === null ? null : { mechanism, username: username ?? '', password: password ?? '' },
  };
}
