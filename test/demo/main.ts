/**
 * `npm run demo`: a real Kafka, a real ClickHouse engine and the service on this machine, thirty files through all of it,
 * and the rows read back. `-- --once` ends after the comparison: 0 when it agrees, 1 when it does not.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import { writeSampleFile } from '../../lib/cli/sample-files.js';
import { queryRows } from '../sandbox/clickhouse-client.js';
import { Guarded } from '../sandbox/guarded.js';
import { type ClickHouseSandbox, startClickHouse, startKafka } from '../sandbox/sandbox.js';
import { createTopic } from '../sandbox/topics.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import {
  agrees,
  breakLastRow,
  compare,
  DEFAULT_TABLE,
  demoConfig,
  type Emitted,
  NO_STATUS,
  renderTable,
  sumCounter,
  tableOf,
} from './settings.js';

const FILES = 30;
const ROWS = 1_000;
const PARTITIONS = 4;
/** The number of a sample that is a CSV file. */
const CSV = 1;
const BROKEN_ROWS = 100;
const START_MS = 60_000;
const LOAD_MS = 180_000;
const EXECUTABLE = join(PACKAGE_ROOT, 'bin', 'atd-ingestion');

interface Demo {
  readonly clickHouse: ClickHouseSandbox;
  readonly service: Guarded;
  readonly configFile: string;
  readonly logFile: string;
  readonly http: string;
}

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort());
const code = await main(process.argv.includes('--once'));
// What was being started when it was interrupted would keep this process alive.
process.exit(code);

async function main(isOnce: boolean): Promise<number> {
  const stops: (() => Promise<void>)[] = [];
  try {
    const demo = await unlessInterrupted(start(stops));
    const emitted = await unlessInterrupted(emitSamples(demo));
    await unlessInterrupted(follow(demo, emitted.length));
    const rows = compare(emitted, await unlessInterrupted(countRows(demo, emitted)));
    say(`\n${renderTable(rows)}\n`);
    const agreed = agrees(rows);
    say(agreed ? 'Every row that was emitted is in ClickHouse.' : `The rows do not agree. ${lastTroubles(demo)}`);
    if (!isOnce && !interrupted.signal.aborted) {
      await unlessInterrupted(breakOne(demo));
      invite(demo);
      await once(interrupted.signal, 'abort');
    }
    return agreed ? 0 : 1;
  } catch (error) {
    if (interrupted.signal.aborted) return 130;
    console.error(`demo: ${(error as Error).message}`);
    return 1;
  } finally {
    say('\nStopping …');
    for (const stop of stops.reverse()) await stop();
  }
}

/** What has not ended by Ctrl-C is left alone: its processes end with this one. */
async function unlessInterrupted<Value>(work: Promise<Value>): Promise<Value> {
  const stop = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(new Error('interrupted'));
    if (interrupted.signal.aborted) onAbort();
    else interrupted.signal.addEventListener('abort', onAbort, { once: true });
  });
  stop.catch(() => undefined);
  work.catch(() => undefined);
  return Promise.race([work, stop]);
}

async function start(stops: (() => Promise<void>)[]): Promise<Demo> {
  say('Starting Kafka (its jars are fetched once) and ClickHouse …');
  const [kafkaStart, clickHouseStart] = await Promise.allSettled([startKafka(), startClickHouse()]);
  for (const result of [kafkaStart, clickHouseStart]) {
    if (result.status === 'fulfilled') stops.push(() => result.value.stop());
  }
  const [kafka, clickHouse] = [fulfilled(kafkaStart), fulfilled(clickHouseStart)];
  say(`  Kafka       ${kafka.description}\n  ClickHouse  ${clickHouse.description}`);
  const topic = 'atd-topic';
  await createTopic(kafka.brokers, topic, PARTITIONS);
  const service = await Guarded.start('atd-demo-');
  stops.push(() => service.stop());
  const configFile = join(service.directory, 'atd-ingestion.yaml');
  const logFile = join(service.directory, 'atd-ingestion.log');
  writeFileSync(configFile, stringify(demoConfig(kafka, clickHouse, topic, logFile)));
  const running = service.run(process.execPath, [EXECUTABLE, '--config', configFile], environment());
  const http = await service.ready(running, START_MS, (output) => /"http":"([^"]+)"/.exec(output)?.[1] ?? null);
  say(`  Service     ${http}`);
  return { clickHouse, service, configFile, logFile, http };
}

async function emitSamples({ configFile, service }: Demo): Promise<Emitted[]> {
  say(`\nEmitting ${FILES} files of ${ROWS} rows (Parquet, CSV, JSON lines) …`);
  const args = ['--num-messages', String(FILES), '--rows', String(ROWS), '--dir', join(service.directory, 'files')];
  const { code, output } = await command(configFile, ['emit', ...args]);
  if (code !== 0) throw new Error(`emit failed with exit code ${code}`);
  const files = output.split('\n').filter((line) => line.startsWith('/'));
  return files.map((line) => ({ tenant: /\(tenant (\w+)\)$/.exec(line)?.[1] ?? null, rows: ROWS }));
}

async function command(configFile: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [EXECUTABLE, ...args, '--config', configFile], {
    stdio: ['ignore', 'pipe', 'inherit'],
    signal: interrupted.signal,
  });
  child.on('error', () => undefined);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

/** Announces a file with one bad row, and says how to see, mend and replay it. */
async function breakOne({ configFile, service }: Demo): Promise<void> {
  say('\nOne file more, with a row that is none …');
  const directory = join(service.directory, 'files');
  const { file } = writeSampleFile({ directory, run: 'broken', index: CSV, tenant: 'acme', rows: BROKEN_ROWS });
  writeFileSync(file, breakLastRow(readFileSync(file, 'utf8')));
  const { output } = await command(configFile, ['emit', '--tenant', 'acme', file, '--wait']);
  say(output.trimEnd());
  say(`
See it, mend it, and have it loaded; of its rows none comes twice:
  bin/atd-ingestion dead-letters --config ${configFile}
  sed -i 's/,${NO_STATUS},/,200,/' ${file}
  bin/atd-ingestion dead-letters replay --tenant acme --config ${configFile}
  bin/atd-ingestion dead-letters --all --config ${configFile}`);
}

/** Shows the progress until every file has ended one way or the other. */
async function follow({ http, logFile }: Demo, files: number): Promise<void> {
  const deadline = performance.now() + LOAD_MS;
  let shown = -1;
  while (!interrupted.signal.aborted) {
    const metrics = await (await fetch(`${http}/metrics`)).text();
    const loaded = sumCounter(metrics, 'atd_jobs_total', 'outcome="succeeded"');
    const dead = sumCounter(metrics, 'atd_dead_letters_total', 'disposition=');
    if (loaded !== shown) progress(loaded, files);
    shown = loaded;
    if (loaded + dead >= files) break;
    if (performance.now() > deadline)
      throw new Error(`${loaded} of ${files} files were loaded in time; see ${logFile}`);
    await delay(100);
  }
}

async function countRows({ clickHouse }: Demo, emitted: readonly Emitted[]): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const existing = new Set((await queryRows<{ name: string }>(clickHouse, 'SHOW TABLES')).map(({ name }) => name));
  for (const table of new Set(emitted.map(({ tenant }) => tableOf(tenant)))) {
    if (!existing.has(table)) continue;
    const [row] = await queryRows<{ rows: number }>(clickHouse, `SELECT count() AS rows FROM ${table}`);
    counts.set(table, row?.rows ?? 0);
  }
  return counts;
}

function invite({ http, clickHouse, configFile, logFile }: Demo): void {
  const { url, user, password } = clickHouse;
  say(`
Everything stays up until Ctrl-C. To look at:
  ${http}/metrics   ${http}/api/status   ${http}/readyz
  ${logFile}

Send another message:
  bin/atd-ingestion emit --config ${configFile} --num-messages 5
  bin/atd-ingestion emit --config ${configFile} --tenant acme /path/to/your/file.parquet

Ask ClickHouse:
  curl '${url}/?user=${user}&password=${password}' -d 'SELECT count() FROM ${DEFAULT_TABLE}'
`);
}

/** What the service's log says of it: the file goes with the demo. */
function lastTroubles({ logFile }: Demo): string {
  const lines = readFileSync(logFile, 'utf8').split('\n');
  const troubles = lines.filter((line) => /"level":"(warn|error)"/.test(line)).slice(-5);
  return troubles.length === 0 ? 'The log has no warnings.' : `The last warnings are:\n${troubles.join('\n')}`;
}

function progress(loaded: number, files: number): void {
  const width = 30;
  const filled = Math.round((loaded / files) * width);
  const bar = `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${loaded}/${files} files loaded`;
  if (process.stdout.isTTY) process.stdout.write(`\r  ${bar}${loaded === files ? '\n' : ''}`);
  else say(`  ${bar}`);
}

/** Without an as-cli of this machine in the way: the demo shows the bundled loader. */
function environment(): Record<string, string> {
  return { ATD_AS_CLI_EXECUTABLE: join(PACKAGE_ROOT, 'bin', 'as-cli') };
}

function fulfilled<Value>(result: PromiseSettledResult<Value>): Value {
  if (result.status === 'rejected') throw result.reason;
  return result.value;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
