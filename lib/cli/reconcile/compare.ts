/** Looks at the files, asks topic and ledger of them, and has each judged, within bounds of memory however many there are. */
import type { Config } from '../../config/load.js';
import { AtdError } from '../../errors.js';
import { extentQuestion, MAX_PATHS_BYTES, type PathState, pathsQuestion, toPathState } from '../../ledger/queries.js';
import type { LedgerRow } from '../../ledger/table.js';
import { type Announcement, type EmitRules, formatOf, objectionTo, type TenantRule } from '../emit/announcement.js';
import { lookAt, statsOf, walkFiles } from '../emit/find-files.js';
import type { OpenLedger } from '../loads/sources.js';
import { call } from '../remote.js';
import { type DiskFile, judge, type Known } from './judge.js';
import { PathIndex } from './path-index.js';
import { readTopics } from './read-topics.js';
import type { Knowledge } from './reconcile-view.js';
import type { Report } from './report.js';
import type { Announcer } from './send.js';
import { TopicMarks } from './topic-marks.js';

/** Files that are judged together. */
const BATCH = 10_000;

export interface Comparison {
  readonly config: Config;
  readonly names: readonly string[];
  readonly isDeep: boolean;
  readonly format: string | null;
  readonly rules: EmitRules;
  /** Null for whoever's. */
  readonly wanted: TenantRule | null;
  readonly ledger: OpenLedger | null;
  readonly hasDiskBytes: boolean;
  readonly announcer: Announcer | null;
  readonly leastAgeMs: number;
  /** Whether to announce what may have been announced before anything is known. */
  readonly isForced: boolean;
  /** Address of a service. */
  readonly service: string;
  readonly report: Report;
}

interface FoundFile extends DiskFile {
  /** When it got its name, or what was last changed of it. */
  readonly changedAt: number;
  readonly at: number;
}

/** The names of files first, then the topic: so a file that comes with its message meanwhile is not one without a message. */
export async function compare(run: Comparison): Promise<Knowledge> {
  const { config, ledger, announcer, report, service } = run;
  const walk = () => walkFiles(run.names, run.isDeep);
  const index = new PathIndex(walk());
  const marks = new TopicMarks(index, run.wanted);
  const lookedAt = Date.now();
  const topic = await readTopics(config, marks);
  const extent = ledger === null ? null : await extentOf(ledger, config.kafka.topic);
  const running = await askRunning(service);
  const since = Math.min(topic.since, extent?.since ?? Number.POSITIVE_INFINITY);
  const known = { since, lettersSince: topic.lettersSince, running: running ?? new Set<string>() };
  for (const files of batchesOf(walk(), index)) {
    const rows = ledger === null ? null : await rowsOf(ledger, files);
    for (const file of files) await settle(run, file, marks, rows?.get(file.path) ?? [], { ...known, lookedAt });
  }
  report.sent += (await announcer?.flush()) ?? 0;
  return {
    topic,
    ledger: ledger === null || extent === null ? null : { name: ledger.name, ...extent },
    service: running === null ? null : service,
  };
}

async function settle(
  run: Comparison,
  file: FoundFile,
  marks: TopicMarks,
  rows: readonly PathState[],
  { lookedAt, ...known }: Pick<Known, 'since' | 'lettersSince' | 'running'> & { readonly lookedAt: number },
): Promise<void> {
  const { wanted, hasDiskBytes, announcer, report, isForced } = run;
  const tenant = wanted === null ? undefined : wanted(file.path);
  const announcement = {
    ...{ filename: file.path, format: run.format ?? formatOf(file.path), size: file.bytes, tenant: tenant ?? null },
  };
  const objection = () =>
    wanted !== null && tenant === undefined
      ? 'its path says no tenant by --tenant-from'
      : objectionOf(announcement, run.rules);
  const judgement = judge(file, marks.of(file.at), rows, { ...known, tenant, hasDiskBytes, objection });
  const isToBeSent = judgement.state === 'never-announced' || (isForced && judgement.state === 'unknown');
  if (announcer === null || !isToBeSent) return report.add(file, judgement);
  // By the time of the look at the topic, however long that took: a message that came behind it was not read.
  if (lookedAt - file.changedAt < run.leastAgeMs) {
    report.young += 1;
    return report.add(file, judgement);
  }
  report.sent += await announcer.add(announcement);
  report.add(file, { ...judgement, state: 'announced', note: '' });
}

function objectionOf(announcement: Announcement, rules: EmitRules): string | null {
  const { onDisk, obstacle } = lookAt(announcement.filename);
  return objectionTo(announcement, onDisk, rules) ?? obstacle;
}

/** Each file once, as many as one question to the ledger takes. */
function* batchesOf(paths: Iterable<string>, index: PathIndex): Generator<FoundFile[]> {
  const seen = new Uint8Array(index.size);
  let [files, bytes]: [FoundFile[], number] = [[], 0];
  for (const path of paths) {
    const at = index.find(path);
    // One that came meanwhile may have a message that was not read.
    if (at < 0 || seen[at] === 1) continue;
    seen[at] = 1;
    const stats = statsOf(path);
    if (stats?.isFile() !== true) continue;
    const { size, mtimeMs: modifiedAt, ctimeMs } = stats;
    files.push({ path, bytes: size, modifiedAt, changedAt: Math.max(modifiedAt, ctimeMs), at });
    bytes += Buffer.byteLength(path);
    if (files.length < BATCH && bytes < MAX_PATHS_BYTES) continue;
    yield files;
    [files, bytes] = [[], 0];
  }
  if (files.length > 0) yield files;
}

async function rowsOf(ledger: OpenLedger, files: readonly FoundFile[]): Promise<Map<string, PathState[]>> {
  const question = pathsQuestion(
    ledger.table,
    files.map(({ path }) => path),
  );
  const byPath = new Map<string, PathState[]>();
  for (const state of (await ledger.ask<LedgerRow>(question)).map(toPathState)) {
    const states = byPath.get(state.path);
    if (states === undefined) byPath.set(state.path, [state]);
    else states.push(state);
  }
  return byPath;
}

async function extentOf(ledger: OpenLedger, topic: string): Promise<{ rows: number; since: number | null }> {
  const [found] = await ledger.ask<LedgerRow>(extentQuestion(ledger.table, topic));
  const rows = Number(found?.['rows'] ?? 0);
  return { rows, since: rows === 0 ? null : Number(found?.['since']) };
}

/** What the service runs; null where none answers, or one of another version. */
async function askRunning(service: string): Promise<ReadonlySet<string> | null> {
  try {
    const { text } = await call(service, '/api/status');
    const { running } = JSON.parse(text) as {
      readonly running: readonly { readonly job: { readonly file: string } }[];
    };
    return new Set(running.map(({ job }) => job.file));
  } catch (error) {
    if (error instanceof AtdError || error instanceof SyntaxError || error instanceof TypeError) return null;
    throw error;
  }
}
