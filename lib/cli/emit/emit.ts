/** `atd-ingestion emit`: announces files on the topic, each once, and says what became of them. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Config } from '../../config/load.js';
import { parseTenantList } from '../../config/tenant-list.js';
import { AtdError, ExitCode } from '../../errors.js';
import { createKafkaClient } from '../../kafka/client.js';
import { kafkaOptions, mendClient, SILENT } from '../../service/adapters.js';
import { configuredTenants, reservedTables } from '../../service/settings.js';
import { LANES, type Lane } from '../../types.js';
import { countText } from '../../util/plain-text.js';
import { loadSettings, type ParsedOptions } from '../options.js';
import { type SampleFile, writeSampleFile } from '../sample-files.js';
import { rateOf } from '../sending/rate.js';
import { openSender } from '../sending/sender.js';
import { spanMs } from '../span.js';
import { terminalColumns } from '../terminal.js';
import { type Announcing, announceAll, endsOf, findSent } from './announce.js';
import { type Announcement, type EmitRules, formatOf, objectionTo, tenantRule } from './announcement.js';
import type { EmitState } from './emit-state.js';
import { type Objection, renderFiles, renderObjections, renderWaited, waitedObject } from './emit-view.js';
import { findFiles } from './find-files.js';
import { StateFile } from './state-file.js';
import { Wait } from './wait.js';

const SAMPLE_TENANTS = ['acme', 'globex', 'initech', null];
const MAX_SAMPLES = 100_000;
/** In the working directory: samples must stay until they are loaded, and then be found to be deleted. */
const SAMPLE_DIRECTORY = 'atd-samples';

export async function emit(options: ParsedOptions): Promise<ExitCode> {
  const { config } = loadSettings(options);
  const { values, positionals } = options;
  const sources = [positionals.length > 0, values['num-messages'] !== undefined, values['continue'] !== undefined];
  if (sources.filter(Boolean).length !== 1) {
    throw new AtdError('ATD_USAGE', 'emit needs either the paths of files or --num-messages N, or --continue FILE');
  }
  const perSecond = rateOf(values['rate']);
  const patienceMs = patienceOf(values['timeout']);
  if (values['continue'] !== undefined) {
    const { file, state } = StateFile.goOn(String(values['continue']));
    return run(options, config, { file, state, perSecond, patienceMs });
  }
  const lane = laneOf(values['lane']);
  const { files, left } = chosen(options, config);
  if (values['dry-run'] === true) return sayDry(options, files, left);
  const head = { id: randomUUID(), topic: config.kafka.topic, lane, count: files.length };
  const given = (values['state'] as string | undefined) ?? null;
  // Samples are made anew.
  const isLong = positionals.length > 0 && files.length > 1;
  const file = isLong || given !== null ? StateFile.create(given, head, files) : null;
  if (file !== null && values['json'] !== true) {
    process.stderr.write(
      `state file ${file.path}; if this is interrupted: atd-ingestion emit --continue ${file.path}\n`,
    );
  }
  const state = { head, files, owner: null, sent: 0, found: new Set<number>(), open: null, begin: null };
  return run(options, config, { file, state, perSecond, patienceMs });
}

interface Run {
  readonly file: StateFile | null;
  readonly state: EmitState;
  readonly perSecond: number | null;
  readonly patienceMs: number | null;
}

async function run(
  { values }: ParsedOptions,
  config: Config,
  { file, state, perSecond, patienceMs }: Run,
): Promise<ExitCode> {
  mendClient(config);
  const kafka = createKafkaClient({ ...kafkaOptions(() => config), ...SILENT, retries: 3 });
  const sender = await openSender(kafka, config.kafka.bootstrap_servers);
  const at: Announcing = { kafka, sender, groupId: config.kafka.group_id, state, file, perSecond };
  const wait = values['wait'] === true ? new Wait(kafka, config) : null;
  const isJson = values['json'] === true;
  const { head, files } = state;
  try {
    await wait?.begin(state.begin === null);
    const begin = wait === null ? {} : (state.begin ?? (await endsOf(at)));
    await announceAll(at);
    if (!isJson)
      process.stdout.write(
        `${renderFiles(files, process.stdout.isTTY === true)}${files.length} announced on ${head.topic}\n`,
      );
    const announced = { announced: files.length, topic: head.topic };
    const waited = wait === null ? null : await wait.until(await findSent(at, begin), patienceMs);
    // What is waited for can still be looked up by it where the wait is interrupted.
    file?.remove();
    if (isJson) {
      const became = waited === null ? {} : waitedObject(waited, files);
      process.stdout.write(`${JSON.stringify({ ...announced, ...became })}\n`);
    } else if (waited !== null) process.stdout.write(renderWaited(waited, files, terminalColumns()));
    if (waited === null) return ExitCode.ok;
    if (waited.dead.length > 0) return ExitCode.crash;
    return waited.open === 0 ? ExitCode.ok : ExitCode.tryAgain;
  } finally {
    await sender.close();
  }
}

/** The files to announce, and those that are left out because the service would give them up. */
function chosen(
  options: ParsedOptions,
  config: Config,
): { files: readonly Announcement[]; left: readonly Objection[] } {
  const { values, positionals } = options;
  const tenant = (values['tenant'] as string | undefined) ?? null;
  if (positionals.length === 0) return { files: makeSamples(values, tenant).map(announceSample), left: [] };
  const ruleOf = tenantRule(tenant, (values['tenant-from'] as string | undefined) ?? null);
  const format = (values['format'] as string | undefined) ?? null;
  const rules = rulesOf(config);
  const files: Announcement[] = [];
  const left: Objection[] = [];
  const isForced = values['force'] === true;
  for (const { path, bytes, onDisk, obstacle } of findFiles(positionals, values['recursive'] === true)) {
    const of = ruleOf(path);
    const announcement = { filename: path, format: format ?? formatOf(path), size: bytes, tenant: of ?? null };
    const unknown = of === undefined ? `its path says no tenant by --tenant-from ${values['tenant-from']}` : null;
    const objection = unknown ?? objectionTo(announcement, onDisk, rules);
    const why = [objection, obstacle].filter((each) => each !== null).join('; ');
    if (why === '' || isForced) files.push(announcement);
    else left.push({ path, why });
  }
  const isRefused = left.length > 0 && values['skip'] !== true && values['dry-run'] !== true;
  if (isRefused || files.length + left.length === 0) throw refusal(left, files.length);
  return { files, left };
}

function refusal(left: readonly Objection[], others: number): AtdError {
  if (left.length === 0) return new AtdError('ATD_USAGE', 'no file is there to be announced');
  const which = `cannot announce ${left.length} of ${countText(left.length + others, 'file')}, which would be given up:`;
  const remedy = 'nothing was announced; --skip leaves such files out, --force announces them all the same';
  return new AtdError('ATD_USAGE', `${which}\n${renderObjections(left, terminalColumns())}${remedy}`);
}

function sayDry({ values }: ParsedOptions, files: readonly Announcement[], left: readonly Objection[]): ExitCode {
  if (values['json'] === true) process.stdout.write(`${JSON.stringify({ dryRun: true, files, refused: left })}\n`);
  else {
    const refused =
      left.length === 0 ? '' : `, ${left.length} refused:\n${renderObjections(left, terminalColumns())}`.trimEnd();
    process.stdout.write(
      `${renderFiles(files, process.stdout.isTTY === true)}${files.length} would be announced${refused}\n`,
    );
  }
  return left.length === 0 ? ExitCode.ok : ExitCode.crash;
}

/** As the settings say here; they need not be those of the service. */
export function rulesOf(config: Config): EmitRules {
  const { ingest, tenants, table_prefix, default_table } = config;
  const listed = tenants.allowed_file === null ? [] : parseTenantList(readFileSync(tenants.allowed_file, 'utf8'));
  return {
    maxMessageBytes: ingest.max_message_bytes,
    allowedRoots: ingest.allowed_roots,
    routing: {
      tablePrefix: table_prefix,
      defaultTable: default_table,
      allowedTenants: new Set([...configuredTenants(config), ...listed]),
      tenantRequired: tenants.required,
      reservedTables: reservedTables(config),
    },
  };
}

export function announceSample({ file, format, bytes, tenant }: SampleFile): Announcement {
  return { filename: file, format, size: bytes, tenant };
}

function makeSamples(values: ParsedOptions['values'], tenant: string | null): SampleFile[] {
  const count = wholeNumber('num-messages', values['num-messages'], MAX_SAMPLES);
  const rows = wholeNumber('rows', values['rows'] ?? '100', 10_000_000);
  if (values['dry-run'] === true) throw new AtdError('ATD_USAGE', '--dry-run is for files that are there');
  const directory = resolve((values['dir'] as string | undefined) ?? SAMPLE_DIRECTORY);
  const run = Date.now().toString(36);
  return Array.from({ length: count }, (_, index) => {
    const taker = tenant ?? (SAMPLE_TENANTS[index % SAMPLE_TENANTS.length] as string | null);
    return writeSampleFile({ directory, run, index, tenant: taker, rows });
  });
}

export function laneOf(value: unknown): Lane | null {
  const lane = LANES.find((known) => known === value);
  if (lane !== undefined || value === undefined) return lane ?? null;
  throw new AtdError('ATD_USAGE', `--lane must be one of ${LANES.join(', ')}, not ${String(value)}`);
}

function patienceOf(text: string | boolean | undefined): number | null {
  const ms = text === undefined ? null : spanMs(String(text));
  if (text === undefined || ms !== null) return ms;
  throw new AtdError('ATD_USAGE', `--timeout ${text} is no time; it looks like 90s, 30m, 1h or 2d`);
}

function wholeNumber(name: string, value: unknown, max: number): number {
  const number = /^\d+$/.test(String(value)) ? Number(value) : 0;
  if (number >= 1 && number <= max) return number;
  throw new AtdError('ATD_USAGE', `--${name} must be a whole number from 1 to ${max}, not ${String(value)}`);
}
