/** `atd-ingestion emit`: announces files on the topic, for trying things out and for loading something by hand. */
import { statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import type { Config } from '../config/load.js';
import { AtdError, ExitCode } from '../errors.js';
import { createKafkaClient } from '../kafka/client.js';
import { userObstacle } from '../kafka/group/refusals.js';
import { stopIdleTimer } from '../kafka/idle-timer.js';
import { createPartitioner } from '../kafka/partitioner.js';
import { closeSilentConnections } from '../kafka/silent-connections.js';
import { kafkaOptions, SILENT } from '../service/adapters.js';
import { LANES, type Lane } from '../types.js';
import { loadSettings, type ParsedOptions } from './options.js';
import { type SampleFile, writeSampleFile } from './sample-files.js';

/** What is announced: the fields of a message. */
export interface Announcement {
  readonly filename: string;
  readonly format: string | null;
  readonly size: number;
  readonly tenant: string | null;
}

const FORMATS: Readonly<Record<string, string>> = {
  '.parquet': 'parquet',
  '.csv': 'csv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
};
const SAMPLE_TENANTS = ['acme', 'globex', 'initech', null];
const MAX_SAMPLES = 100_000;
/** In the working directory: samples must stay until they are loaded, and then be found to be deleted. */
const SAMPLE_DIRECTORY = 'atd-samples';

export async function emit(options: ParsedOptions): Promise<ExitCode> {
  const { config } = loadSettings(options);
  const { values, positionals } = options;
  const tenant = (values['tenant'] as string | undefined) ?? null;
  const lane = laneOf(values['lane']);
  const count = values['num-messages'];
  if ((count === undefined) === (positionals.length === 0)) {
    throw new AtdError('ATD_USAGE', 'emit needs either the paths of files or --num-messages N');
  }
  const announcements =
    count === undefined
      ? positionals.map((path) => announceFile(path, tenant, (values['format'] as string | undefined) ?? null))
      : makeSamples(values, tenant).map(announceSample);
  await announce(config, announcements, lane);
  const { topic } = config.kafka;
  for (const { filename, tenant: of } of announcements) {
    process.stdout.write(`${filename}${of === null ? '' : ` (tenant ${of})`}\n`);
  }
  process.stdout.write(`${announcements.length} announced on ${topic}\n`);
  return ExitCode.ok;
}

/** Sends the messages, each acknowledged. The broker may create the topic if it is set up to do so. */
export async function announce(
  config: Config,
  announcements: readonly Announcement[],
  lane: Lane | null = null,
): Promise<void> {
  // Node 24 would warn of the negative time of that timer, on stderr.
  stopIdleTimer();
  closeSilentConnections();
  const kafka = createKafkaClient({ ...kafkaOptions(() => config), ...SILENT });
  const producer = kafka.producer({
    allowAutoTopicCreation: true,
    createPartitioner,
    retry: { retries: 5 },
  });
  const { topic, bootstrap_servers } = config.kafka;
  try {
    await producer.connect();
    const headers = lane === null ? {} : { lane };
    const messages = announcements.map((fields) => ({ value: encode(fields), headers }));
    await producer.send({ topic, acks: -1, messages });
  } catch (cause) {
    const why = userObstacle(cause) ?? `${(cause as Error).message}; check kafka.bootstrap_servers`;
    const what = `cannot announce on ${topic} at ${bootstrap_servers.join(', ')}`;
    throw new AtdError('ATD_KAFKA_CONNECT', `${what}: ${why}`, { cause });
  } finally {
    await producer.disconnect().catch(() => undefined);
  }
}

export function announceSample({ file, format, bytes, tenant }: SampleFile): Announcement {
  return { filename: file, format, size: bytes, tenant };
}

function announceFile(path: string, tenant: string | null, format: string | null): Announcement {
  const filename = resolve(path);
  try {
    const size = statSync(filename).size;
    return { filename, format: format ?? FORMATS[extname(filename)] ?? null, size, tenant };
  } catch (cause) {
    throw new AtdError('ATD_USAGE', `cannot announce ${path}: ${(cause as Error).message}`, { cause });
  }
}

function makeSamples(values: ParsedOptions['values'], tenant: string | null): SampleFile[] {
  const count = wholeNumber('num-messages', values['num-messages'], MAX_SAMPLES);
  const rows = wholeNumber('rows', values['rows'] ?? '100', 10_000_000);
  const directory = resolve((values['dir'] as string | undefined) ?? SAMPLE_DIRECTORY);
  const run = Date.now().toString(36);
  return Array.from({ length: count }, (_, index) => {
    const taker = tenant ?? (SAMPLE_TENANTS[index % SAMPLE_TENANTS.length] as string | null);
    return writeSampleFile({ directory, run, index, tenant: taker, rows });
  });
}

function laneOf(value: unknown): Lane | null {
  const lane = LANES.find((known) => known === value);
  if (lane !== undefined || value === undefined) return lane ?? null;
  throw new AtdError('ATD_USAGE', `--lane must be one of ${LANES.join(', ')}, not ${String(value)}`);
}

function wholeNumber(name: string, value: unknown, max: number): number {
  const number = /^\d+$/.test(String(value)) ? Number(value) : 0;
  if (number >= 1 && number <= max) return number;
  throw new AtdError('ATD_USAGE', `--${name} must be a whole number from 1 to ${max}, not ${String(value)}`);
}

/** Fields that are not known are left out. */
function encode(fields: Announcement): string {
  return JSON.stringify(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)));
}
