/** One Kafka client for all connections of the service: how to reach the brokers, and what of its log is worth passing on. */
import { readFileSync } from 'node:fs';
import { Kafka, type KafkaConfig, type LogEntry, logLevel, type SASLOptions } from 'kafkajs';

export interface KafkaClientOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly ssl: {
    readonly enabled: boolean;
    readonly ca: string | null;
    readonly cert: string | null;
    readonly key: string | null;
  };
  readonly sasl: { readonly mechanism: string; readonly username: string; readonly password: string } | null;
  /** Whether a consumer that crashed may start again; false once it is stopped, or it would come back to life. */
  readonly mayRestart: () => boolean;
  /** The committed offset does not exist (any more): the client goes on from the earliest or latest there is. */
  readonly onOutOfRange: () => void;
  readonly onLog: (level: 'error' | 'warn' | 'debug', message: string, details: Record<string, unknown>) => void;
}

/** kafkajs's own words for an event that it reports in no other way. */
const OFFSET_OUT_OF_RANGE = 'Offset out of range, resetting to default offset';

/**
 * The client's defaults (1 s to connect, 5 retries) give up too early across zones and TLS. For its fetch loop the client
 * keeps its own 5 retries, which are never reset in the life of the loop: so crashes that it restarts from by itself are
 * routine (reported as `debug`).
 */
export function createKafkaClient(options: KafkaClientOptions): Kafka {
  const { ssl, sasl } = options;
  const config: KafkaConfig = {
    brokers: [...options.brokers],
    clientId: options.clientId,
    connectionTimeout: 10_000,
    authenticationTimeout: 10_000,
    requestTimeout: 15_000,
    retry: {
      initialRetryTime: 300,
      maxRetryTime: 5_000,
      retries: 10,
      restartOnFailure: () => Promise.resolve(options.mayRestart()),
    },
    logLevel: logLevel.INFO,
    logCreator: () => (entry) => passOn(entry, options),
  };
  if (ssl.enabled) {
    config.ssl = { ...pem('ca', ssl.ca), ...pem('cert', ssl.cert), ...pem('key', ssl.key) };
  }
  if (sasl !== null) config.sasl = sasl as SASLOptions;
  return new Kafka(config);
}

function pem(name: string, file: string | null): Record<string, string> {
  return file === null ? {} : { [name]: readFileSync(file, 'utf8') };
}

function passOn({ level, log }: LogEntry, { onLog, onOutOfRange }: KafkaClientOptions): void {
  const { message, timestamp: _timestamp, logger: _logger, stack: _stack, ...details } = log;
  if (message === OFFSET_OUT_OF_RANGE) onOutOfRange();
  onLog(level <= logLevel.WARN ? 'warn' : 'debug', message, details);
}
