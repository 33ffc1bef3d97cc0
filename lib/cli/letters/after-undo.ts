/**
 * Letters of files whose rows were taken out of their table since (`loads undo`): they are loaded under the next generation of
 * their token, for ClickHouse remembers the blocks of the one before and would add nothing.
 */
import type { Config } from '../../config/load.js';
import { isAtdError } from '../../errors.js';
import type { Refused, Replayable } from '../../letters/replay-plan.js';
import { loadingsOf } from '../../letters/undone.js';
import { rowsLeft } from '../undone/counts.js';
import { type Raised, raise } from '../undone/generations.js';
import { openTables } from '../undone/load-tables.js';

/** Those of which something is to be done differently. @throws AtdError ATD_UNREACHABLE */
export async function afterUndo(
  config: Config,
  planned: readonly Replayable[],
): Promise<ReadonlyMap<Replayable, Replayable | Refused>> {
  const changed = new Map<Replayable, Replayable | Refused>();
  const tables = planned.length === 0 ? null : openTables(config);
  if (tables === null) return changed;
  try {
    const loadings = planned.map(loadingsOf);
    const raised = await raise(loadings.flat(), (ids) => tables.rowsOf(ids));
    const left = await rowsLeft(
      raised.flatMap(({ undone }) => undone ?? []),
      tables,
    );
    let at = 0;
    for (const [index, one] of planned.entries()) {
      const count = loadings[index]?.length ?? 0;
      const ofFiles = raised.slice(at, at + count);
      at += count;
      const now = afterwards(one, ofFiles, left);
      if (now !== one) changed.set(one, now);
    }
  } catch (error) {
    // Where no row says which load it is of, nothing was undone.
    if (config.ingest.provenance || !isAtdError(error) || error.code !== 'ATD_UNREACHABLE') throw error;
  } finally {
    await tables.close();
  }
  return changed;
}

/** One message has one generation for all of its files. */
function afterwards(
  one: Replayable,
  ofFiles: readonly Raised[],
  left: ReadonlyMap<string, number>,
): Replayable | Refused {
  const refused = (why: string): Refused => ({ kind: 'refused', letter: one.letter, why });
  const undone = ofFiles.flatMap((file) => file.undone ?? []);
  const unfinished = undone.find(({ loadId }) => (left.get(loadId) ?? 0) > 0);
  if (unfinished !== undefined) {
    return refused(`rows of it are still in its table: repeat loads undo ${unfinished.loadId}, which was interrupted`);
  }
  const generations = new Set(ofFiles.map(({ generation }) => generation));
  if (generations.size > 1) {
    return refused(
      'some of its files were undone and others were not: undo the others, or replay by loads replay those that were',
    );
  }
  const [generation = one.generation] = generations;
  return generation === one.generation ? one : { ...one, generation };
}
