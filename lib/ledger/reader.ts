/** Reads the ledger: its table, also one that an older version has made. Changes nothing. */
import type { Load } from './load.js';
import type { LoadQuery } from './load-filter.js';
import {
  type Group,
  type Grouping,
  groupQuestion,
  listQuestion,
  type Question,
  rowsOfEachQuestion,
  rowsQuestion,
} from './queries.js';
import { isMissingColumn, isMissingTable, type LedgerStore, type StoreError } from './store.js';
import { COLUMNS_QUERY, type LedgerRow, type LedgerTable, toLoad } from './table.js';

export class LedgerReader {
  readonly #store: Pick<LedgerStore, 'query' | 'close'>;
  readonly #table: LedgerTable;
  readonly #limits: Readonly<Record<string, number>>;

  /** @param maxSeconds after which ClickHouse gives up a question; left out for what its user may take */
  constructor(store: Pick<LedgerStore, 'query' | 'close'>, table: LedgerTable, maxSeconds?: number) {
    this.#store = store;
    this.#table = table;
    this.#limits = maxSeconds === undefined ? {} : { max_execution_time: maxSeconds };
  }

  /** For people. */
  get name(): string {
    return `${this.#table.database}.${this.#table.name}`;
  }

  /** The newest first. @throws StoreError */
  async list(query: LoadQuery): Promise<readonly Load[]> {
    const { filter, limit } = query;
    // Where the last day has as many there are none newer, and of a year it is little to read.
    const lately = filter.since === null ? await this.#list({ limit, filter: { ...filter, since: dayAgo() } }) : [];
    return lately.length >= limit ? lately : this.#list(query);
  }

  async #list(query: LoadQuery): Promise<readonly Load[]> {
    return (await this.#rows((columns) => listQuestion(this.#table, query, columns))).map(toLoad);
  }

  /** The oldest first; none where there is no such load. @throws StoreError */
  async rowsOf(loadId: string): Promise<readonly Load[]> {
    return (await this.#rows((columns) => rowsQuestion(this.#table, loadId, columns))).map(toLoad);
  }

  /** The rows of several, the oldest first. @throws StoreError */
  async rowsOfEach(loadIds: readonly string[]): Promise<readonly Load[]> {
    return (await this.#rows((columns) => rowsOfEachQuestion(this.#table, loadIds, columns))).map(toLoad);
  }

  /** The largest first. @throws StoreError */
  async groups(query: LoadQuery, by: Grouping): Promise<readonly Group[]> {
    const rows = await this.#rows(() => groupQuestion(this.#table, query, by));
    return rows.map(({ name, loads, latestAt }) => ({
      ...{ name: String(name), loads: Number(loads), latestAt: Number(latestAt) },
    }));
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #rows(questionOf: (columns: ReadonlySet<string> | null) => Question): Promise<readonly LedgerRow[]> {
    const ask = ({ query, parameters }: Question) => this.#store.query<LedgerRow>(query, parameters, this.#limits);
    try {
      return await ask(questionOf(null));
    } catch (error) {
      // It is made, and gets new columns, with the first row that this version writes.
      if (isMissingTable(error as StoreError)) return [];
      if (!isMissingColumn(error as StoreError)) throw error;
    }
    const { database, name: table } = this.#table;
    const found = await this.#store.query<{ readonly name: string }>(COLUMNS_QUERY, { database, table });
    return await ask(questionOf(new Set(found.map(({ name }) => name))));
  }
}

const DAY_MS = 24 * 60 * 60_000;

function dayAgo(): number {
  return Date.now() - DAY_MS;
}
