/** Which generation of its token a file is loaded under next: one that was undone is over for good, as ClickHouse remembers its blocks. */
import type { Load } from '../../ledger/load.js';
import { loadIdOf } from '../../ledger/load-id.js';
import { statesOf } from '../../ledger/load-states.js';

export interface Loading {
  readonly token: string;
  readonly generation: number;
}

/** The last one that was undone, with the first behind it that was not. */
export interface Raised {
  readonly undone: Load | null;
  readonly generation: number;
  /** What the ledger has of that one; null for nothing. */
  readonly state: Load | null;
}

/** Of the rows of several loads the state of each, by its id. */
export function statesById(rows: readonly Load[]): Map<string, Load> {
  return new Map(statesOf(rows).map((row) => [row.loadId, row]));
}

/** @param rowsOf of the ledger, of all loads with these ids */
export async function raise(
  wanted: readonly Loading[],
  rowsOf: (loadIds: readonly string[]) => Promise<readonly Load[]>,
): Promise<readonly Raised[]> {
  const raised: Raised[] = wanted.map(({ generation }) => ({ generation, undone: null, state: null }));
  let open = wanted.map((_, index) => index);
  while (open.length > 0) {
    const idOf = (index: number): string =>
      loadIdOf((wanted[index] as Loading).token, (raised[index] as Raised).generation);
    const rows = await rowsOf(open.map(idOf));
    const undone = new Map(rows.filter(({ status }) => status === 'undone').map((row) => [row.loadId, row]));
    const states = statesById(rows);
    const further: number[] = [];
    for (const index of open) {
      const id = idOf(index);
      const row = undone.get(id);
      const { generation, undone: before } = raised[index] as Raised;
      // Whatever came later: a message that is delivered once more is said to be loaded, and adds nothing.
      if (row === undefined) raised[index] = { generation, undone: before, state: states.get(id) ?? null };
      else {
        raised[index] = { generation: generation + 1, undone: row, state: null };
        further.push(index);
      }
    }
    open = further;
  }
  return raised;
}
