/** Which loads may be undone, and why others may not. */
import type { Load } from '../../ledger/load.js';
import type { TableFacts } from '../undone/load-tables.js';

export interface Found {
  /** Its state: the newest of its rows. */
  readonly load: Load;
  /** Whether it was undone before, whatever came later: a message that is delivered once more is said to be loaded, and adds nothing. */
  readonly wasUndone: boolean;
  /** Whether the ledger has more than one file or table under its id. */
  readonly isMixed: boolean;
  /** Null where there is no such table. */
  readonly table: TableFacts | null;
  /** That the table has of it. */
  readonly rows: number;
  /** Whether a service is loading it at this moment. */
  readonly isRunning: boolean;
}

export type Verdict =
  | { readonly kind: 'undo'; readonly load: Load; readonly rows: number; readonly views: readonly string[] }
  /** There is nothing to be deleted. */
  | { readonly kind: 'nothing'; readonly load: Load; readonly why: string }
  | { readonly kind: 'refused'; readonly load: Load; readonly why: string };

/** Elsewhere rows of several loads become one, or lie in other tables. */
const PLAIN_ENGINE = /^(?:Replicated|Shared)?MergeTree$/;

/** @param database where the tables of files are @param keepViewRows whether it may be that views keep what they got */
export function judge(
  { load, wasUndone, isMixed, table, rows, isRunning }: Found,
  database: string,
  keepViewRows: boolean,
): Verdict {
  const refused = (why: string): Verdict => ({ kind: 'refused', load, why });
  const nothing = (why: string): Verdict => ({ kind: 'nothing', load, why });
  const name = `${database}.${load.table}`;
  if (load.status === 'skipped') return nothing('no attempt was made to load it');
  if (isRunning) return refused('it is being loaded at this moment; wait until it is loaded or given up');
  if (load.status === 'failed') {
    return refused('its last attempt failed and another one may follow; wait until it is loaded or given up');
  }
  if (isMixed) {
    return refused(
      'the ledger has several files or tables under this id, and only one would be undone: a message named the place of another ' +
        'one, or the tables were renamed between two attempts; see loads show, and delete the rows by hand',
    );
  }
  if (table === null) return refused(`there is no table ${name} any more`);
  if (!table.hasLoadId) {
    return refused(
      `${name} does not say which load a row is of, as it has no column _load_id: set ingest.provenance to true for loads to come`,
    );
  }
  if (!PLAIN_ENGINE.test(table.engine)) {
    return refused(
      `${name} is a ${table.engine}, where a row is not one load's alone, or lies elsewhere; delete its rows by hand`,
    );
  }
  if (rows === 0) {
    if (wasUndone) return nothing('it was undone before');
    if (load.status === 'given-up' || !load.rows) return nothing(`${name} has no row of it`);
    return refused(
      `${name} has no row that says that it is of this load, though ${load.rows.toLocaleString('en-GB')} were loaded: ` +
        'they came before ingest.provenance was true, or were removed in another way',
    );
  }
  if (table.views.length > 0 && !keepViewRows) {
    return refused(
      `of its rows ${table.views.join(', ')} made others, which would stay where they are, and be made once more when the file is ` +
        'loaded again; give --keep-view-rows where that is right, or delete them as well',
    );
  }
  return { kind: 'undo', load, rows, views: table.views };
}

/** The ids under which the ledger has several files, or several tables of one. */
export function mixedIds(rows: readonly Load[]): ReadonlySet<string> {
  const first = new Map<string, Load>();
  const mixed = new Set<string>();
  // What was never attempted was refused before it had a table.
  for (const row of rows.filter(({ table }) => table !== '')) {
    const { loadId, path, table } = first.get(row.loadId) ?? row;
    first.set(row.loadId, first.get(row.loadId) ?? row);
    if (path !== row.path || table !== row.table) mixed.add(loadId);
  }
  return mixed;
}

export interface Act {
  readonly by: string;
  /** Why; empty where nobody said it. */
  readonly reason: string;
  readonly instance: string;
  readonly version: string;
  readonly now: number;
}

/** What the ledger keeps of it. It is the newest row of its load, also where the clock of this machine is behind. */
export function undoneRow(load: Load, rows: number, { by, reason, instance, version, now }: Act): Load {
  return {
    ...load,
    ...{ status: 'undone', rows, bytes: null, result: null, disposition: null, exitCode: null, signal: null },
    ...{ finishedAt: Math.max(Math.round(now), load.finishedAt + 1), startedAt: null, instance, version },
    reason: `by ${by}${reason === '' ? '' : `: ${reason}`}`,
  };
}
