/** Letters of files whose rows were taken out of their table since (`loads undo`). */
import { replayedFiles, replayOf } from '../core/rules/replays.js';
import type { Load } from '../ledger/load.js';
import { loadIdOf } from '../ledger/load-id.js';
import type { Replayable } from './replay-plan.js';

/** Of the ledger, all rows of the loads with these ids. */
export type RowsOf = (loadIds: readonly string[]) => Promise<readonly Pick<Load, 'loadId' | 'status'>[]>;

const IDS_AT_ONCE = 500;

/** As what the files of a letter would be loaded. */
export function loadingsOf({ headers, files, generation, partition, letter }: Replayable) {
  const [topic = ''] = letter.source.split('/');
  const place = { topic, partition, offset: Number.MAX_SAFE_INTEGER, timestamp: 0 };
  const replay = replayOf({ ...place, key: null, value: null, headers });
  const tokens = replay === null ? null : replayedFiles(replay, files.length);
  return (tokens ?? []).map(({ token }) => ({ token, generation }));
}

/** Those of which a file was undone: announced as they are, a part of their rows would be missing, or be added twice. */
export async function undoneAmong(planned: readonly Replayable[], rowsOf: RowsOf): Promise<ReadonlySet<Replayable>> {
  const idsOf = new Map(
    planned.map((one) => [one, loadingsOf(one).map(({ token, generation }) => loadIdOf(token, generation))]),
  );
  const undone = new Set<string>();
  const ids = [...new Set([...idsOf.values()].flat())];
  for (let from = 0; from < ids.length; from += IDS_AT_ONCE) {
    const rows = await rowsOf(ids.slice(from, from + IDS_AT_ONCE));
    for (const { loadId, status } of rows) if (status === 'undone') undone.add(loadId);
  }
  return new Set(planned.filter((one) => idsOf.get(one)?.some((id) => undone.has(id)) === true));
}
