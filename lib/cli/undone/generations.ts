/** Which generation of its token a file is loaded under next: one that was undone is over for good, as ClickHouse remembers its blocks. */
import { isNewer, type Load, loadIdOf } from '../../ledger/load.js';

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

/** Of the rows of several loads the newest of each: its state. */
export function statesOf(rows: readonly Load[]): Map<string, Load> {
  const states = new Map<string, Load>();
  for (const row of rows) {
    const other = states.get(row.loadId);
    if (other === undefined || isNewer(row, other)) states.set(row.loadId, row);
  }
  return states;
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
    const states = statesOf(rows);
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
