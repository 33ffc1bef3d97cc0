/** The least share of lines, and of branches, in percent, that the unit tests execute of each folder of `lib`. */

export interface Floor {
  readonly lines: number;
  readonly branches: number;
}

/**
 * A folder is counted without those below it. One that is not listed has no floor, which `belowFloors` complains about. The
 * commands of the loader are low here: they are tested as processes against a ClickHouse, by `npm test`.
 */
export const FLOORS: Readonly<Record<string, Floor>> = {
  lib: { lines: 97, branches: 70 },
  'lib/cli': { lines: 78, branches: 76 },
  'lib/config': { lines: 94, branches: 88 },
  'lib/control': { lines: 45, branches: 24 },
  'lib/core': { lines: 97, branches: 93 },
  'lib/core/offsets': { lines: 97, branches: 96 },
  'lib/core/rules': { lines: 97, branches: 95 },
  'lib/core/state': { lines: 96, branches: 93 },
  'lib/feed': { lines: 95, branches: 88 },
  'lib/http': { lines: 94, branches: 88 },
  'lib/kafka': { lines: 90, branches: 83 },
  'lib/kafka/batches': { lines: 88, branches: 80 },
  'lib/kafka/group': { lines: 93, branches: 85 },
  'lib/loader': { lines: 60, branches: 60 },
  'lib/loader/clickhouse': { lines: 76, branches: 62 },
  'lib/loader/commands': { lines: 30, branches: 24 },
  'lib/loader/file': { lines: 52, branches: 45 },
  'lib/loader/options': { lines: 96, branches: 90 },
  // What it does it does in a browser, where it is tested.
  'lib/page/browser': { lines: 0, branches: 0 },
  'lib/page/view': { lines: 95, branches: 85 },
  'lib/pool': { lines: 94, branches: 84 },
  'lib/processes': { lines: 90, branches: 87 },
  'lib/service': { lines: 68, branches: 36 },
  'lib/telemetry': { lines: 90, branches: 84 },
  'lib/util': { lines: 94, branches: 90 },
  'lib/worker': { lines: 96, branches: 85 },
  'lib/worker/attempt': { lines: 91, branches: 84 },
  'lib/worker/launch': { lines: 90, branches: 86 },
  'lib/worker/output': { lines: 97, branches: 95 },
};

export interface Covered {
  readonly covered: number;
  readonly total: number;
}

export interface FolderCoverage {
  readonly lines: Covered;
  readonly branches: Covered;
}

/** 100 where there is nothing to cover; rounded down, so that 100 means all. */
export function percent({ covered, total }: Covered): number {
  return total === 0 ? 100 : Math.floor((covered / total) * 1_000) / 10;
}

/** @returns one line per breach; empty when every folder has a floor and stands on it */
export function belowFloors(
  folders: ReadonlyMap<string, FolderCoverage>,
  floors: Readonly<Record<string, Floor>> = FLOORS,
): string[] {
  const breaches: string[] = [];
  for (const [folder, coverage] of folders) {
    const floor = floors[folder];
    if (floor === undefined) breaches.push(`${folder} has no floor: give it one in test/coverage/floors.ts`);
    for (const what of ['lines', 'branches'] as const) {
      const is = percent(coverage[what]);
      if (floor !== undefined && is < floor[what]) {
        breaches.push(`${folder}: ${is} % of its ${what} are covered, less than ${floor[what]} %; test what is new`);
      }
    }
  }
  for (const folder of Object.keys(floors)) {
    if (!folders.has(folder)) breaches.push(`${folder} has a floor and no code: take it from test/coverage/floors.ts`);
  }
  return breaches;
}
