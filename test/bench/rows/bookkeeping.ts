/** The engine alone: what a record costs, and whether that depends on how many are open. */
import type { Bench, Row } from '../bench.js';
import type { EngineAnswer, EngineQuestion } from '../programs/engine.js';
import { startProgram } from '../programs/program.js';
import { Scope } from '../scope.js';

const WINDOW = 10_000;
const SMALL_WINDOW = 100;

/** Each run in a process of its own: one that has run another engine before is compiled for both, and slower. */
export async function runEngine(question: EngineQuestion): Promise<EngineAnswer> {
  const scope = new Scope();
  try {
    return await startProgram<EngineQuestion, EngineAnswer>(scope, 'engine').ask(question);
  } finally {
    await scope.close();
  }
}

export const bookkeeping: Row = {
  name: 'bookkeeping',
  async measure(bench: Bench) {
    const records = bench.size(1_000_000, 300_000);
    const secondsWith = async (window: number, seed: number): Promise<number> =>
      (await runEngine({ window, slots: window, records, laps: 1, warmUpLaps: 0, stuckHead: false, seed })).seconds;
    const results = await bench.alternate(bench.size(5, 3), {
      wide: () => secondsWith(WINDOW, 1),
      narrow: () => secondsWith(SMALL_WINDOW, 1),
    });
    const microseconds = (seconds: number): number => (seconds / records) * 1e6;
    return [
      {
        kind: 'measured',
        row: this.name,
        measured: `records with a window of ${WINDOW.toLocaleString('en-US')}`,
        unit: '/s',
        yardstick: null,
        goal: { of: 'ours', bound: 'at least', value: 200_000 },
        rounds: results.map(({ wide }) => ({ ours: records / wide, yardstick: null })),
      },
      {
        kind: 'measured',
        row: this.name,
        measured: 'cost of a record',
        unit: 'µs',
        yardstick: `window of ${SMALL_WINDOW}`,
        goal: { of: 'ratio', bound: 'at most', value: 1.5 },
        rounds: results.map(({ wide, narrow }) => ({ ours: microseconds(wide), yardstick: microseconds(narrow) })),
      },
    ];
  },
};
