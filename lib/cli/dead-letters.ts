/** `atd-ingestion dead-letters`: what was given up, and why, read from the topic of the dead letters. Changes nothing. */
import type { Kafka } from 'kafkajs';
import type { Config } from '../config/load.js';
import { AtdError, ExitCode } from '../errors.js';
import { hasTopic, readBounds, readBoundsSince, readRanges } from '../kafka/admin.js';
import { createKafkaClient } from '../kafka/client.js';
import { isMissingRight, userObstacle } from '../kafka/group/refusals.js';
import { toRecord } from '../kafka/shapes.js';
import { kafkaOptions, letterTopicOf, mendClient, SILENT } from '../service/adapters.js';
import type { HeaderValue, KafkaRecord } from '../types.js';
import { didYouMean } from '../util/did-you-mean.js';
import { countText } from '../util/plain-text.js';
import { GROUPINGS, type Grouping, isWanted, type Letter, letterOf } from './letter.js';
import { Groups, placeOf, renderLetter, renderWhole } from './letter-view.js';
import { loadSettings, type ParsedOptions } from './options.js';
import { spanMs } from './span.js';
import { terminalColumns } from './terminal.js';

const DEFAULT_LIMIT = 100;
const PLACE = /^(\d{1,10})\/(\d{1,16})$/;

interface Source {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly groupId: string;
}

export async function deadLetters(options: ParsedOptions): Promise<ExitCode> {
  const [action = 'list', place, ...rest] = options.positionals;
  if (rest.length > 0 || (action === 'list' && place !== undefined)) {
    throw new AtdError('ATD_USAGE', `unexpected argument ${rest[0] ?? place}`);
  }
  if (action === 'list') return list(options);
  if (action === 'show') return show(place ?? '', options);
  const meant = didYouMean(action, ['list', 'show']);
  throw new AtdError(
    'ATD_USAGE',
    `unknown action ${action}; ${meant === null ? 'list or show' : `did you mean ${meant}?`}`,
  );
}

async function list(options: ParsedOptions): Promise<ExitCode> {
  const { values } = options;
  const since = sinceOf(values['since'], Date.now());
  const limit = limitOf(values['limit']);
  const grouping = groupingOf(values['group-by']);
  const filter = {
    tenant: (values['tenant'] as string | undefined) ?? null,
    disposition: (values['disposition'] as string | undefined) ?? null,
    file: (values['file'] as string | undefined) ?? null,
  };
  const source = open(loadSettings(options).config);
  const groups = grouping === null ? null : new Groups(grouping);
  let found = 0;
  let letters: Letter[] = [];
  await readLetters(source, since, (record) => {
    const letter = letterOf(record);
    if (letter === null || !isWanted(letter, filter)) return;
    found += 1;
    if (groups !== null) return groups.add(letter);
    letters.push(letter);
    // Partitions come one after the other; the newest of all are wanted.
    if (letters.length > 2 * limit) letters = newest(letters, limit);
  });
  const columns = terminalColumns();
  if (values['json'] === true) {
    const all = groups?.all().map(([name, group]) => ({ [grouping as string]: name, ...group }));
    for (const one of all ?? newest(letters, limit)) process.stdout.write(`${JSON.stringify(one)}\n`);
    return ExitCode.ok;
  }
  if (found === 0) process.stdout.write(`no such dead letters in ${source.topic}\n`);
  else if (groups !== null) process.stdout.write(groups.render(columns));
  else {
    const shown = newest(letters, limit);
    for (const letter of shown) process.stdout.write(renderLetter(letter, columns));
    const left = found > shown.length ? `, the newest ${shown.length} of them shown (--limit)` : '';
    process.stdout.write(`${countText(found, 'dead letter')} in ${source.topic}${left}\n`);
  }
  return ExitCode.ok;
}

async function show(place: string, options: ParsedOptions): Promise<ExitCode> {
  const [, partition, offset] = PLACE.exec(place)?.map(Number) ?? [];
  if (partition === undefined || offset === undefined) {
    throw new AtdError(
      'ATD_USAGE',
      `show needs the place of one letter, PARTITION/OFFSET as in the list, not "${place}"`,
    );
  }
  const source = open(loadSettings(options).config);
  const range = new Map([[partition, { low: offset, high: offset + 1 }]]);
  const records: KafkaRecord[] = [];
  await asking(source, async () => {
    const bounds = (await readBounds(source.kafka, source.topic)).get(partition);
    if (bounds === undefined || offset < bounds.low || offset >= bounds.high) return;
    await readRanges(source, range, (of, message) => records.push(toRecord(source.topic, of, message)));
  });
  const [record] = records;
  const letter = record === undefined ? null : letterOf(record);
  if (record === undefined || letter === null) {
    const what = record === undefined ? 'there is no message' : 'the message is no dead letter';
    throw new AtdError('ATD_USAGE', `${what} at ${placeOf({ partition, offset })} of ${source.topic}`);
  }
  const message = {
    key: textOrNull(record.key),
    headers: Object.entries(record.headers).flatMap(([name, value]) =>
      valuesOf(value).map((text) => [name, text] as const),
    ),
    value: textOrNull(record.value),
    bytes: record.value?.byteLength ?? 0,
  };
  const text =
    options.values['json'] === true
      ? `${JSON.stringify({ ...letter, message })}\n`
      : renderWhole(letter, message, terminalColumns());
  process.stdout.write(text);
  return ExitCode.ok;
}

function open(config: Config): Source {
  mendClient(config);
  const kafka = createKafkaClient({ ...kafkaOptions(() => config), ...SILENT, retries: 1 });
  return { kafka, topic: letterTopicOf(config), groupId: config.kafka.group_id };
}

/** @param since milliseconds since the epoch; null for all that there are */
async function readLetters(
  source: Source,
  since: number | null,
  onRecord: (record: KafkaRecord) => void,
): Promise<void> {
  const { kafka, topic } = source;
  await asking(source, async () => {
    // Nothing was ever given up.
    if (!(await hasTopic(kafka, topic))) return;
    const bounds = since === null ? await readBounds(kafka, topic) : await readBoundsSince(kafka, topic, since);
    await readRanges(source, bounds, (partition, message) => onRecord(toRecord(topic, partition, message)));
  });
}

/** @throws AtdError ATD_KAFKA_CONNECT */
async function asking({ topic }: Source, question: () => Promise<void>): Promise<void> {
  try {
    await question();
  } catch (cause) {
    const right = isMissingRight(cause) ? '; permit READ and DESCRIBE on it' : '; check kafka.bootstrap_servers';
    const why = userObstacle(cause) ?? `${(cause as Error).message}${right}`;
    throw new AtdError('ATD_KAFKA_CONNECT', `cannot read ${topic}: ${why}`, { cause });
  }
}

/** Those that were sent last, the newest at the end. */
function newest(letters: readonly Letter[], limit: number): Letter[] {
  return [...letters].sort((a, b) => a.sentAt - b.sentAt).slice(-limit);
}

function valuesOf(value: HeaderValue): string[] {
  return (Array.isArray(value) ? value : [value]).map((one) => textOrNull(one) ?? '');
}

function textOrNull(value: Uint8Array | string | null): string | null {
  return value === null || typeof value === 'string' ? value : new TextDecoder().decode(value);
}

/** @returns milliseconds since the epoch; null where it is not said */
export function sinceOf(text: string | boolean | undefined, now: number): number | null {
  if (typeof text !== 'string') return null;
  const ms = spanMs(text);
  if (ms !== null) return Math.max(0, now - ms);
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return time;
  throw new AtdError(
    'ATD_USAGE',
    `--since ${text} is neither a span (90s, 30m, 1h, 2d) nor a time (2026-11-28T05:00:00Z)`,
  );
}

function limitOf(text: string | boolean | undefined): number {
  const limit = text === undefined ? DEFAULT_LIMIT : Number(text);
  if (Number.isInteger(limit) && limit > 0) return limit;
  throw new AtdError('ATD_USAGE', `--limit ${text} is no number of letters from 1 on`);
}

function groupingOf(text: string | boolean | undefined): Grouping | null {
  if (text === undefined) return null;
  const grouping = GROUPINGS.find((one) => one === text);
  if (grouping !== undefined) return grouping;
  const meant = didYouMean(String(text), GROUPINGS);
  const hint = meant === null ? `one of ${GROUPINGS.join(', ')}` : `did you mean ${meant}?`;
  throw new AtdError('ATD_USAGE', `--group-by ${text} is not known; ${hint}`);
}
