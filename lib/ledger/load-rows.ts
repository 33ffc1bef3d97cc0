/** From what happened to the rows of the ledger. */
import type { DeadLetter, Effect, EngineEvent } from '../core/events.js';
import { decode } from '../core/rules/decode.js';
import { readLane } from '../core/rules/headers.js';
import { tokenOf } from '../core/rules/replays.js';
import type { Job, KafkaRecord, OutcomeResult } from '../types.js';
import { shorten } from '../util/safe-text.js';
import { tenantNamed } from '../util/tenant-name.js';
import { type Load, type LoadStatus, loadIdOf } from './load.js';

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
    return {
      ...placeOf(job),
      ...this.#writer,
      ...{ status, attempt, tenant: job.tenant, table: job.table, path: job.file, lane: job.lane },
      ...{ takenAt: Math.round(startedAt - queuedMs), startedAt, finishedAt: Math.round(now) },
      ...{ result: outcome.result, disposition: null, rows: outcome.rows, bytes: outcome.bytes },
      ...{ exitCode: outcome.exitCode, signal: outcome.signal },
      reason: outcome.result === 'succeeded' ? '' : cut(outcome.reason, MAX_REASON),
    };
  }

  #givenUp({ job, disposition, reason }: Failed, ended: Ended | null, now: number): Load {
    const none = {
      ...{ attempt: 0, takenAt: Math.round(now), startedAt: null, result: null, rows: null, bytes: null },
      ...{ exitCode: null, signal: null },
    };
    return {
      ...placeOf(job),
      ...this.#writer,
      ...{ tenant: job.tenant, table: job.table, path: job.file, lane: job.lane, finishedAt: Math.round(now) },
      ...(ended === null ? none : this.#ended(ended, 'given-up', now)),
      ...{ status: 'given-up', disposition, reason: cut(reason, MAX_REASON) },
    };
  }

  /** A row for each file, as far as the message says which; else one for the message. */
  #skipped({ record, disposition, reason }: DeadLetter, now: number): Load[] {
    const decoded = decode(record.value, Number.POSITIVE_INFINITY);
    const request = decoded.kind === 'request' ? decoded.request : { files: [''], tenant: null };
    const tenant = cut(tenantNamed(request.tenant ?? ''), MAX_TENANT);
    const { lane } = readLane(record.headers);
    return request.files.map((file, index) => ({
      ...placeOf({ ...record, index, id: idOf(record, index), replay: null }),
      ...this.#writer,
      ...{ status: 'skipped', attempt: 0, tenant: tenant === '' ? null : tenant, table: '', lane },
      ...{ path: cut(file, MAX_PATH), disposition, reason: cut(reason, MAX_REASON) },
      ...{ takenAt: Math.round(now), startedAt: null, finishedAt: Math.round(now), result: null },
      ...{ rows: null, bytes: null, exitCode: null, signal: null },
    }));
  }
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

function placeOf(job: Pick<Job, 'id' | 'topic' | 'partition' | 'offset' | 'index' | 'timestamp' | 'replay'>) {
  const { topic, partition, offset, index, timestamp } = job;
  const [token, generation] = [tokenOf(job), job.replay?.generation ?? 0];
  const announcedAt = timestamp >= 0 && timestamp <= MAX_TIME ? Math.round(timestamp) : null;
  return { loadId: loadIdOf(token, generation), token, generation, topic, partition, offset, index, announcedAt };
}

function idOf({ topic, partition, offset }: KafkaRecord, index: number): string {
  return [topic, partition, offset, index].join('/');
}
