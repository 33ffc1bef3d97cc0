/** One Kafka client for all connections of the service: how to reach the brokers, and what of its log is worth passing on. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Kafka, type KafkaConfig, type LogEntry, logLevel, type Mechanism } from 'kafkajs';
import type { LogLevel } from '../types.js';
import { LatestText } from '../util/distant-file.js';
import { secretIn } from '../util/file-text.js';
import { type ConnectionSettings, explainEnd, explainError } from './connection-trouble.js';

export interface KafkaLogin {
  readonly username: string;
  readonly password: string;
  /** Holds the password, and is read anew at each login. */
  readonly passwordFile: string | null;
}

export interface KafkaClientOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly ssl: {
    readonly enabled: boolean;
    readonly ca: string | null;
    readonly cert: string | null;
    readonly key: string | null;
  };
  readonly sasl: {
    readonly mechanism: string;
    /** Asked for whenever the user is shown to a broker. */
    readonly login: () => KafkaLogin;
  } | null;
  /** How often it tries to connect before a question has failed. */
  readonly retries?: number;
  /** Whether a consumer that crashed may start again; false once it is stopped, or it would start again. */
  readonly mayRestart: () => boolean;
  /** The committed offset does not exist (any more): the client goes on from the first one that there is. */
  readonly onOutOfRange: () => void;
  /** The client's consumer is about to leave the group because of an error; until this returns it is still a member. */
  readonly onCrashing: () => void;
  readonly onLog: (level: LogLevel, message: string, details: Record<string, unknown>) => void;
}

const KEEP_ALIVE_MS = 60_000;
/** A broker tells everybody which requests it knows. */
const ANSWERS_TO_ALL = 1;

/** kafkajs's own words for events that it reports in no other way, or too late. */
const OFFSET_OUT_OF_RANGE = 'Offset out of range, resetting to default offset';
const CRASHING = 'Crash: ';

/**
 * The client's defaults (1 s to connect, 5 retries) give up too early across zones and TLS. For its fetch loop the client
 * keeps its own 5 retries, which are never reset while the loop runs: so crashes that it restarts from by itself are
 * routine (reported as `debug`).
 */
export function createKafkaClient(options: KafkaClientOptions): Kafka {
  const { ssl, sasl } = options;
  const seeds = nameSeeds(options.brokers);
  const settings = { tls: ssl.enabled, ca: ssl.ca, cert: ssl.cert, user: sasl !== null };
  const config: KafkaConfig = {
    brokers: seeds.brokers,
    socketFactory: (request) =>
      openSocket({ ...request, host: seeds.addresses.get(request.host) ?? request.host }, settings),
    clientId: options.clientId,
    connectionTimeout: 10_000,
    authenticationTimeout: 10_000,
    requestTimeout: 15_000,
    retry: {
      initialRetryTime: 300,
      maxRetryTime: 5_000,
      retries: options.retries ?? 10,
      restartOnFailure: () => Promise.resolve(options.mayRestart()),
    },
    logLevel: logLevel.INFO,
    logCreator: () => (entry) => passOn(entry, options, seeds),
  };
  if (ssl.enabled) config.ssl = fresh({ ca: ssl.ca, cert: ssl.cert, key: ssl.key });
  if (sasl !== null) config.sasl = credentials(sasl.mechanism, sasl.login);
  return new Kafka(config);
}

/**
 * An object whose members are what stood in the files when they were asked for last, for asking is what has them read: a
 * connection is opened at once, and does not wait for a disk. So a change counts from the second connection on, which
 * follows at once where the first one is refused.
 */
function fresh(files: Readonly<Record<string, string | null>>): Record<string, string> {
  const members = {};
  for (const [name, file] of Object.entries(files)) {
    if (file === null) continue;
    const latest = new LatestText(file, readFileSync(file, 'utf8'));
    const get = (): string => {
      void latest.refresh();
      return latest.text;
    };
    Object.defineProperty(members, name, { enumerable: true, get });
  }
  return members;
}

/** What the client has for each mechanism. */
type Provider = (user: Pick<KafkaLogin, 'username' | 'password'>) => Mechanism['authenticationProvider'];

const PROVIDERS: Readonly<Record<string, string>> = {
  plain: 'plain',
  'scram-sha-256': 'scram256',
  'scram-sha-512': 'scram512',
};

/**
 * A password is shown when the broker has answered, so its file can be waited for.
 *
 * @throws where the file cannot be read at first
 */
function credentials(mechanism: string, login: () => KafkaLogin): Mechanism {
  const require = createRequire(import.meta.url);
  const providerOf = require(`kafkajs/src/broker/saslAuthenticator/${PROVIDERS[mechanism]}`) as Provider;
  let { passwordFile: file } = login();
  let latest = file === null ? null : new LatestText(file, readFileSync(file, 'utf8'), secretIn);
  const authenticationProvider: Mechanism['authenticationProvider'] = (broker) => ({
    authenticate: async () => {
      const { username, password, passwordFile } = login();
      if (passwordFile !== file) {
        file = passwordFile;
        // Until its disk has answered the password from before is the likeliest one.
        latest = file === null ? null : new LatestText(file, latest?.text ?? password, secretIn);
      }
      await latest?.refresh();
      await providerOf({ username, password: latest?.text ?? password })(broker).authenticate();
    },
  });
  return { mechanism, authenticationProvider };
}

interface Seeds {
  readonly brokers: string[];
  /** Addresses by the names that stand for them. */
  readonly addresses: ReadonlyMap<string, string>;
}

/** The client splits a broker at its first colon. So an IPv6 address, `[::1]:9092`, gets a name without colons here. */
function nameSeeds(brokers: readonly string[]): Seeds {
  const addresses = new Map<string, string>();
  const named = brokers.map((broker) => {
    const [, address, port] = /^\[([^\]]+)\]:(\d+)$/.exec(broker) ?? [];
    if (address === undefined) return broker;
    const name = `ipv6-${address.replaceAll(':', '-')}`;
    addresses.set(name, address);
    return `${name}:${port}`;
  });
  return { brokers: named, addresses };
}

type SocketRequest = Parameters<NonNullable<KafkaConfig['socketFactory']>>[0];

/** As the client opens its sockets by default, but with errors that say what to do. */
function openSocket({ host, port, ssl, onConnect }: SocketRequest, settings: ConnectionSettings): Socket {
  const servername = isIP(host) === 0 ? { servername: host } : {};
  const socket = ssl
    ? connectTls({ host, port, ...servername, ...(typeof ssl === 'object' ? ssl : {}) }, onConnect)
    : connect({ host, port }, onConnect);
  const broker = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  let isOpen = false;
  let answers = 0;
  socket.once(ssl ? 'secureConnect' : 'connect', () => {
    isOpen = true;
  });
  socket.on('data', () => {
    answers += 1;
  });
  // The client, which listens behind this, keeps to these words.
  socket.on('error', (error: NodeJS.ErrnoException) => {
    error.message = explainError(error, broker, settings);
  });
  socket.on('end', () => {
    if (isOpen && answers <= ANSWERS_TO_ALL) socket.emit('error', new Error(explainEnd(broker, settings)));
  });
  return socket.setKeepAlive(true, KEEP_ALIVE_MS);
}

function passOn({ level, log }: LogEntry, options: KafkaClientOptions, { addresses }: Seeds): void {
  const { onLog, onOutOfRange, onCrashing } = options;
  const { message: said, timestamp: _timestamp, logger: _logger, stack: _stack, ...details } = log;
  // Some of what the client logs is an error instead of a text, and what is thrown here ends its consumer.
  const message = typeof said === 'string' ? said : String((said as Partial<Error> | null)?.message ?? said);
  if (message === OFFSET_OUT_OF_RANGE) onOutOfRange();
  if (message.startsWith(CRASHING)) onCrashing();
  const { broker } = details as { readonly broker?: unknown };
  if (typeof broker === 'string' && addresses.size > 0) {
    const [name = '', port] = broker.split(':');
    const address = addresses.get(name);
    if (address !== undefined) details['broker'] = `[${address}]:${port}`;
  }
  onLog(level <= logLevel.WARN ? 'warn' : 'debug', message, details);
}
