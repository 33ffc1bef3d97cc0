/**
 * What became of files, for those who ask over HTTP: from the ledger, with the rows that are still on their way to it; where
 * there is none, or it does not answer, of this run, from memory. Whoever asks waits for seconds at most, and for the same
 * question ClickHouse is asked once at a time.
 */
import { withinTime } from '../util/deadline.js';
import type { Ledger } from './ledger.js';
import type { Load } from './load.js';
import { asksForAttempts, type LoadQuery } from './load-filter.js';
import { rowKey, statesOf } from './load-states.js';
import type { LedgerReader } from './reader.js';
import type { RecentLoads } from './recent-loads.js';
import { isOfQuestion, type StoreError } from './store.js';

export interface LoadAnswer {
  readonly loads: readonly Load[];
  readonly from: 'ledger' | 'memory';
  /** Why the ledger could not be asked; null where it was, or there is none. */
  readonly problem: string | null;
}

export interface LoadSources {
  readonly recent: Pick<RecentLoads, 'list' | 'rowsOf'>;
  /** Null where there is no ledger. */
  readonly ledger: Pick<Ledger, 'unwrittenSince'> | null;
  readonly reader: Pick<LedgerReader, 'list' | 'rowsOf'> | null;
  /** How long an answer of ClickHouse may take; left out for 5 s. */
  readonly answerMs?: number;
}

const ANSWER_MS = 5_000;
/** After a failure, before ClickHouse is asked again: else each who asks would wait for it. */
const SILENCE_MS = 5_000;
/** Different questions at a time. */
const MAX_ASKED = 8;

type Asked = { readonly rows: readonly Load[] } | { readonly problem: string | null };

export class LoadAnswers {
  readonly #sources: LoadSources;
  readonly #underWay = new Map<string, Promise<readonly Load[]>>();
  /** How often ClickHouse has answered. */
  #answers = 0;
  #silence: { readonly until: number; readonly problem: string } | null = null;

  constructor(sources: LoadSources) {
    this.#sources = sources;
  }

  /** The newest first. Never rejects. */
  async list(query: LoadQuery): Promise<LoadAnswer> {
    const { recent, reader } = this.#sources;
    const since = this.#unwrittenSince();
    const asked = await this.#ask(JSON.stringify(query), () => reader?.list(query));
    if ('problem' in asked) return { loads: recent.list(query), from: 'memory', problem: asked.problem };
    const missing = recent.list(query).filter(({ finishedAt }) => finishedAt >= since);
    const all = [...asked.rows, ...missing];
    const loads = asksForAttempts(query.filter) ? once(all) : statesOf(all);
    loads.sort((a, b) => b.finishedAt - a.finishedAt);
    return { loads: loads.slice(0, query.limit), from: 'ledger', problem: null };
  }

  /** The oldest first; empty where nothing is known of it. Never rejects. */
  async rowsOf(loadId: string): Promise<LoadAnswer> {
    const { recent, reader } = this.#sources;
    const asked = await this.#ask(loadId, () => reader?.rowsOf(loadId));
    const own = recent.rowsOf(loadId);
    if ('problem' in asked) return { loads: own, from: 'memory', problem: asked.problem };
    // Stable: of rows of the same moment the final one stays the last.
    const loads = once([...asked.rows, ...own]).sort((a, b) => a.finishedAt - b.finishedAt);
    return { loads, from: 'ledger', problem: null };
  }

  #unwrittenSince(): number {
    return this.#sources.ledger?.unwrittenSince ?? Number.POSITIVE_INFINITY;
  }

  async #ask(key: string, ask: () => Promise<readonly Load[]> | undefined): Promise<Asked> {
    const { reader, answerMs = ANSWER_MS } = this.#sources;
    if (reader === null) return { problem: null };
    if (this.#silence !== null && performance.now() < this.#silence.until) return { problem: this.#silence.problem };
    const underWay = this.#underWay.get(key);
    if (underWay === undefined && this.#underWay.size >= MAX_ASKED) return { problem: 'too many ask for it at once' };
    const answer = underWay ?? this.#begin(key, ask());
    const before = this.#answers;
    let asked: Asked = { problem: `ClickHouse has not answered for ${answerMs / 1_000} s` };
    const told = answer.then(
      (rows) => {
        asked = { rows };
        this.#answers += 1;
      },
      (error: StoreError) => {
        asked = { problem: error.message.split('\n', 1)[0] as string };
        if (isOfQuestion(error)) this.#answers += 1;
      },
    );
    await withinTime(told, answerMs);
    // One question that takes too long, or cannot be answered, is no reason to answer none.
    const isAway = this.#answers === before;
    if ('problem' in asked && isAway) {
      this.#silence = { until: performance.now() + SILENCE_MS, problem: asked.problem ?? '' };
    }
    return asked;
  }

  #begin(key: string, answer: Promise<readonly Load[]> = Promise.resolve([])): Promise<readonly Load[]> {
    this.#underWay.set(key, answer);
    const end = (): void => void this.#underWay.delete(key);
    answer.then(end, end);
    return answer;
  }
}

function once(rows: readonly Load[]): Load[] {
  return [...new Map(rows.map((row) => [rowKey(row), row])).values()];
}
