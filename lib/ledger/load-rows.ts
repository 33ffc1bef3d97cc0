/** From what happened to the rows of the ledger. */
import type { DeadLetter, Effect, EngineEvent } from '../core/events.js';
import { decode } from '../core/rules/decode.js';
import { readLane } from '../core/rules/headers.js';
import { replayAtFirstPlace, replayedFiles, tokenOf } from '../core/rules/replays.js';
import type { Job, KafkaRecord, LoadTraces, OutcomeResult } from '../types.js';
import { shorten } from '../util/safe-text.js';
import { tenantNamed } from '../util/tenant-name.js';
import type { Load, LoadStatus } from './load.js';
import { loadIdOf } from './load-id.js';

type Ended = Extract<Effect, { type: 'job-ended' }>;
type Failed = Extract<Effect, { type: 'job-failed' }>;

const MAX_REASON = 1_000;
/** A refused message may name anything. */
const MAX_PATH = 4_096;
const MAX_TENANT = 100;
/** The last moment that every store of times can hold. */
const MAX_TIME = Date.UTC(2200, 0);
/** Ends that say nothing of the file: the attempt is made again as if it had not been. */
const NO_ATTEMPT: ReadonlySet<OutcomeResult> = new Set(['stopped', 'file-unsettled']);

export interface Writer {
  /** Who loaded it: the machine and the process. */
  readonly instance: string;
  readonly version: string;
  /** `bundled`, or the executable. */
  readonly loader: string;
}

export class LoadRows {
  readonly #writer: Writer;
  /** Letters are numbered in the order of their making, and one that is sent again has its number. */
  #lastLetter = 0;

  constructor(writer: Writer) {
    this.#writer = writer;
  }

  of(_event: EngineEvent, effects: readonly Effect[], now: number): readonly Load[] {
    let rows: Load[] | null = null;
    let ended: Ended | null = null;
    for (const effect of effects) {
      switch (effect.type) {
        case 'job-ended': {
          ended = effect;
          const status = statusOf(effect);
          if (status !== null) rows = add(rows, this.#ended(effect, status, now));
          break;
        }
        case 'job-failed':
          rows = add(rows, this.#givenUp(effect, ended?.job.id === effect.job.id ? ended : null, now));
          break;
        case 'dead-letter':
          if (effect.letterId <= this.#lastLetter) break;
          this.#lastLetter = effect.letterId;
          // A letter that names no file is that of a message which was refused as a whole.
          if (effect.letter.files.length > 0) break;
          for (const row of this.#skipped(effect.letter, now)) rows = add(rows, row);
      }
    }
    return rows ?? NOTHING;
  }

  #ended({ job, attempt, outcome, queuedMs }: Ended, status: LoadStatus, now: number): Load {
    const startedAt = Math.round(now - outcome.durationMs - outcome.launchMs);
    const reason = outcome.result === 'succeeded' ? '' : cut(outcome.reason, MAX_REASON);
    const { result, rows, bytes, exitCode, signal, traces } = outcome;
    const stderr = result === 'succeeded' ? '' : outcome.stderrTail;
    const end = { result, disposition: null, rows, bytes, exitCode, signal, reason, stderr, traces };
    const times = { takenAt: Math.round(startedAt - queuedMs), startedAt, finishedAt: Math.round(now) };
    return this.#row(job, status, attempt, times, end);
  }

  #givenUp({ job, disposition, reason }: Failed, ended: Ended | null, now: number): Load {
    const why = { disposition, reason: cut(reason, MAX_REASON) };
    if (ended !== null) return { ...this.#ended(ended, 'given-up', now), ...why };
    return this.#row(job, 'given-up', 0, momentOf(now), { ...NO_END, ...why });
  }

  /** A row for each file, as far as the message says which; else one for the message. */
  #skipped({ record, disposition, reason }: DeadLetter, now: number): Load[] {
    const decoded = decode(record.value, Number.POSITIVE_INFINITY);
    const request = decoded.kind === 'request' ? decoded.request : { files: [''], tenant: null };
    const named = cut(tenantNamed(request.tenant ?? ''), MAX_TENANT);
    const shared = { tenant: named === '' ? null : named, table: '', lane: readLane(record.headers).lane };
    const end = { ...NO_END, disposition, reason: cut(reason, MAX_REASON) };
    const replay = replayAtFirstPlace(record);
    const replayed = replay === null ? null : replayedFiles(replay, request.files.length);
    return request.files.map((file, index) => {
      const { topic, partition, offset, timestamp } = record;
      const place = { topic, partition, offset, index, timestamp, id: idOf(record, index) };
      const job = { ...place, ...shared, file: cut(file, MAX_PATH), replay: replayed?.[index] ?? null };
      return this.#row(job, 'skipped', 0, momentOf(now), end);
    });
  }

  /** One literal: objects that are put together of several take ten times as long, and there is one for each load. */
  #row(job: Place, status: LoadStatus, attempt: number, times: Times, end: End): Load {
    const token = tokenOf(job);
    const generation = job.replay?.generation ?? 0;
    const { timestamp } = job;
    return {
      loadId: loadIdOf(token, generation),
      token,
      generation,
      status,
      attempt,
      tenant: job.tenant,
      table: job.table,
      path: job.file,
      topic: job.topic,
      partition: job.partition,
      offset: job.offset,
      index: job.index,
      lane: job.lane,
      announcedAt: timestamp >= 0 && timestamp <= MAX_TIME ? Math.round(timestamp) : null,
      takenAt: times.takenAt,
      startedAt: times.startedAt,
      finishedAt: times.finishedAt,
      result: end.result,
      disposition: end.disposition,
      rows: end.rows,
      bytes: end.bytes,
      exitCode: end.exitCode,
      signal: end.signal,
      reason: end.reason,
      stderr: end.stderr,
      size: end.traces?.fileBytes ?? null,
      modifiedAt: modifiedAtIn(end.traces),
      cpuMs: end.traces?.cpuMs ?? null,
      peakMemory: end.traces?.peakBytes ?? null,
      queryId: end.traces?.queryId ?? null,
      instance: this.#writer.instance,
      version: this.#writer.version,
      loader: this.#writer.loader,
    };
  }
}

type Times = Pick<Load, 'takenAt' | 'startedAt' | 'finishedAt'>;
type End = Pick<Load, 'result' | 'disposition' | 'rows' | 'bytes' | 'exitCode' | 'signal' | 'reason' | 'stderr'> & {
  readonly traces?: LoadTraces | null | undefined;
};
type Place = Omit<Job, 'format' | 'bytes' | 'traceparent'>;

/** Of what no attempt was made of. */
const NO_END = { result: null, rows: null, bytes: null, exitCode: null, signal: null, stderr: '' } as const;

/** A disk may say any time. */
function modifiedAtIn(traces: End['traces']): number | null {
  const at = Math.round(traces?.modifiedAt ?? -1);
  return at >= 0 && at <= MAX_TIME ? at : null;
}

function momentOf(now: number): Times {
  return { takenAt: Math.round(now), startedAt: null, finishedAt: Math.round(now) };
}

/** Half a character, which no store of text takes, becomes what stands for one that nobody can read. */
function cut(text: string, most: number): string {
  return shorten(text, most).replaceAll(/\p{Surrogate}/gu, '\ufffd');
}

const NOTHING: readonly Load[] = [];

function statusOf({ outcome: { result }, isSuperseded }: Ended): LoadStatus | null {
  if (NO_ATTEMPT.has(result)) return null;
  if (isSuperseded === true) return 'superseded';
  return result === 'succeeded' ? 'loaded' : 'failed';
}

function add(rows: Load[] | null, row: Load): Load[] {
  if (rows === null) return [row];
  rows.push(row);
  return rows;
}

function idOf({ topic, partition, offset }: KafkaRecord, index: number): string {
  return [topic, partition, offset, index].join('/');
}
