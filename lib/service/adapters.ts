/** The parts that do things, made from the configuration: each setting is handed to the one part that it belongs to. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from '../config/load.js';
import { poolSize } from '../config/pool-size.js';
import { type ControlAdapter, type ControlEvents, createControl } from '../control/control-topic.js';
import type { MachineLoad } from '../core/events.js';
import { type CommandRules, commandTemplate } from '../core/rules/command.js';
import { registerCodecs } from '../kafka/batches/codecs.js';
import { boundBatches } from '../kafka/batches/decode-messages.js';
import { createKafkaClient, type KafkaClientOptions } from '../kafka/client.js';
import { type ConsumerEvents, createConsumer } from '../kafka/consumer.js';
import { createDeadLetter, type DeadLetterAdapter } from '../kafka/dead-letter.js';
import { mendOutOfRange } from '../kafka/group/out-of-range.js';
import { mendHeaderDecoder } from '../kafka/header-decoder.js';
import { stopIdleTimer } from '../kafka/idle-timer.js';
import { createMember, type MemberAdapter } from '../kafka/member.js';
import { closeSilentConnections } from '../kafka/silent-connections.js';
import { steadyClock } from '../kafka/steady-clock.js';
import { Ledger, type LedgerEvents } from '../ledger/ledger.js';
import { LedgerReader } from '../ledger/reader.js';
import { LedgerStore, type StoreOptions } from '../ledger/store.js';
import { LoaderProbe } from '../pool/loader-probe.js';
import type { PoolEvents } from '../pool/pool.js';
import { PoolExchange, type PoolForm } from '../pool/pool-exchange.js';
import type { WorkerSettings } from '../types.js';
import { readWithWaiting, type WaitingAdapter, type WaitingEvents } from '../waiting/waiting-topic.js';
import { MachineWatch } from './machine-load.js';
import { hasLedger, type LoaderProgram, ledgerConnection, ledgerTable, waitingTopicOf } from './settings.js';
import { TopicEnds } from './topic-ends.js';

/** Where what was given up goes. */
export function letterTopicOf({ kafka, service }: Config): string {
  return service.dead_letter.topic ?? `${kafka.topic}.dlq`;
}

/** What a program without exit codes of its own ends with, whether it succeeds or fails. */
const VAGUE_EXIT_CODES = [0, 1];
/** While the service waits for Kafka it asks again by itself, and says why it has to. */
const ASKING_RETRIES = 1;
/** For a client without a consumer, whose failures are told by whoever asks it. */
export const SILENT = {
  mayRestart: () => false,
  onOutOfRange: () => undefined,
  onCrashing: () => undefined,
  onLog: () => undefined,
} as const satisfies AdapterEvents['kafka'];

export interface Adapters {
  readonly consumer: MemberAdapter;
  /** The same, where records are set aside. */
  readonly waiting: WaitingAdapter | null;
  readonly deadLetter: DeadLetterAdapter;
  readonly pool: PoolExchange;
  readonly control: ControlAdapter;
  /** Null for the bundled loader, which is there as long as the service is. */
  readonly probe: LoaderProbe | null;
  readonly machine: MachineWatch;
  readonly ends: TopicEnds;
  /** Null where there is none. */
  readonly ledger: Ledger | null;
  /** Answers from it, by connections of its own; null where there is none. */
  readonly ledgerReader: LedgerReader | null;
}

export interface AdapterEvents {
  readonly consumer: WaitingEvents;
  readonly pool: PoolEvents;
  readonly control: ControlEvents;
  readonly machine: (load: MachineLoad) => void;
  readonly ledger: LedgerEvents;
  readonly kafka: Pick<KafkaClientOptions, 'mayRestart' | 'onOutOfRange' | 'onCrashing' | 'onLog'>;
}

/**
 * @param current the configuration that holds at the moment, for what is read of it again and again
 * @param command how loads are started at the moment, for what does as a load does
 */
export function createAdapters(
  current: () => Config,
  loader: LoaderProgram,
  command: () => CommandRules,
  environment: Readonly<Record<string, string | undefined>>,
  events: AdapterEvents,
): Adapters {
  const config = current();
  mendClient(config);
  const kafka = createKafkaClient({ ...kafkaOptions(current), ...events.kafka });
  const asking = createKafkaClient({ ...kafkaOptions(current), ...events.kafka, retries: ASKING_RETRIES });
  const { topic, bootstrap_servers, group_id, auto_offset_reset, on_lost_offsets } = config.kafka;
  const { dead_letter } = config.service;
  const letterTopic = letterTopicOf(config);
  const waitingTopic = waitingTopicOf(config);
  const makeConsumer = (memberEvents: ConsumerEvents) =>
    createMember(
      (consumerEvents) =>
        createConsumer(
          {
            kafka,
            asking,
            topic,
            besides: waitingTopic === null ? [] : [waitingTopic.topic],
            brokers: bootstrap_servers,
            groupId: group_id,
            letterTopic,
            fromBeginning: auto_offset_reset === 'earliest',
            onLostOffsets: on_lost_offsets,
            sessionTimeoutMs: config.kafka.session_timeout_ms,
            maxWaitMs: config.kafka.poll_timeout_ms,
          },
          consumerEvents,
        ),
      memberEvents,
    );
  const waiting =
    waitingTopic === null
      ? null
      : readWithWaiting(makeConsumer, { kafka, asking, groupId: group_id, waiting: waitingTopic }, events.consumer);
  const consumer = waiting ?? makeConsumer(events.consumer);
  const deadLetter = createDeadLetter({
    kafka,
    sourceTopic: topic,
    topic: letterTopic,
    createTopic: dead_letter.create_topic,
    group: group_id,
    maxMessageBytes: config.ingest.max_message_bytes,
  });
  const control = createControl(
    { kafka, topic: `${topic}.control`, sourceTopic: topic, groupId: group_id },
    events.control,
  );
  const pool = new PoolExchange(poolForm(config, loader), events.pool);
  const probe = loader.bundled
    ? null
    : new LoaderProbe({ ...loader, env: () => commandTemplate(command()).command.env });
  const machine = new MachineWatch(events.machine);
  // What keeps it from its answers is the consumer's to say.
  const silent = createKafkaClient({ ...kafkaOptions(current), ...SILENT, retries: ASKING_RETRIES });
  const ends = new TopicEnds(silent, waitingTopic === null ? [topic] : [topic, waitingTopic.topic]);
  const isKept = hasLedger(config, loader);
  const onOutdated = (reason: string) =>
    events.ledger.log('warn', 'ledger.outdated', { reason, consequence: 'it is written without what it lacks' });
  const store = ledgerStore(current, command, { onOutdated });
  const ledger = isKept ? createLedger(store, current, environment, events.ledger) : null;
  const table = ledgerTable(config);
  const ledgerReader = isKept ? new LedgerReader(ledgerStore(current, command), table, QUESTION_SECONDS) : null;
  return { consumer, waiting, deadLetter, pool, control, probe, machine, ends, ledger, ledgerReader };
}

/** What a question of the page may cost ClickHouse: an answer that is later than some seconds nobody waits for. */
const QUESTION_SECONDS = 10;

function ledgerStore(current: () => Config, command: () => CommandRules, options?: StoreOptions): LedgerStore {
  return new LedgerStore(ledgerTable(current()), () => ledgerConnection(current(), command().environment), options);
}

function createLedger(
  store: LedgerStore,
  current: () => Config,
  { STATE_DIRECTORY: state = '' }: Readonly<Record<string, string | undefined>>,
  events: LedgerEvents,
): Ledger {
  // systemd names several where it is told to make several.
  const [directory = ''] = state.split(':');
  return new Ledger(
    {
      ...{ store, run: randomUUID(), required: current().ledger.required },
      directory: directory === '' ? null : join(directory, 'ledger'),
    },
    events,
  );
}

/** What the client lacks or does wrong; before the first use of it, in whatever command reads messages. */
export function mendClient(config: Config): void {
  registerCodecs(unpackBound(config));
  boundBatches(unpackBound(config));
  steadyClock();
  stopIdleTimer();
  closeSilentConnections();
  mendHeaderDecoder();
  mendOutOfRange();
}

/** The threads: how many there are, and what they are made with. */
export function poolForm(config: Config, loader: LoaderProgram): PoolForm {
  return { slots: poolSize(config.thread_pool_size), settings: workerSettings(config, loader) };
}

/** The bundled loader is believed by its exit code alone: what else it says may be quoted from the file. */
export function workerSettings(config: Config, { bundled, launch }: LoaderProgram): WorkerSettings {
  const { retry, circuit_breaker } = config.service;
  const { failure_patterns, success_pattern } = config.as_cli;
  return {
    sinkUnavailable: {
      exitCodes: circuit_breaker.exit_codes,
      patterns: bundled ? [] : circuit_breaker.patterns,
      reportsScope: bundled,
      vagueExitCodes: VAGUE_EXIT_CODES.filter((code) => !retry.permanent_exit_codes.includes(code)),
    },
    stdoutFailures: bundled ? null : { failurePatterns: failure_patterns, successPattern: success_pattern },
    launch,
    forwardLines: config.log_level === 'debug',
  };
}

/** A batch of ordinary messages fits, whatever is configured. */
const LEAST_UNPACKED = 16 * 1024 * 1024;

/** What one answer of a broker may unpack to. A message that may be taken in fits, with one more beside it. */
export function unpackBound({ ingest }: Config): number {
  return Math.max(LEAST_UNPACKED, ingest.max_queued_bytes, 2 * ingest.max_message_bytes);
}

/**
 * How to reach the brokers; the commands of the command line use it too.
 *
 * @param current the configuration that holds at the moment: user and password are asked for at each login
 */
export function kafkaOptions(current: () => Config): Omit<KafkaClientOptions, keyof AdapterEvents['kafka']> {
  const { bootstrap_servers, client_id, ssl, sasl } = current().kafka;
  const { mechanism } = sasl;
  return {
    brokers: bootstrap_servers,
    clientId: client_id,
    ssl: { enabled: ssl.enabled, ca: ssl.ca_file, cert: ssl.cert_file, key: ssl.key_file },
    sasl:
      mechanism === null
        ? null
        : {
            mechanism,
            login: () => {
              const { username, password, password_file: passwordFile } = current().kafka.sasl;
              return { username: username ?? '', password: password ?? '', passwordFile };
            },
          },
  };
}
