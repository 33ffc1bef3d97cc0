/** The engine alone: what is completed ahead of one job that runs and runs must not make the rest slower. */
import type { Bench, Row } from '../bench.js';
import { runEngine } from './bookkeeping.js';

const AHEAD = 20_000;
const SLOTS = 4;

export const stuckHead: Row = {
  name: 'stuck-head',
  async measure(bench: Bench) {
    const laps = bench.size(20, 10);
    const rate = async (isStuck: boolean): Promise<number> => {
      const { seconds } = await runEngine({
        window: 2 * AHEAD,
        slots: SLOTS,
        records: AHEAD,
        laps,
        warmUpLaps: 2,
        stuckHead: isStuck,
        seed: 1,
      });
      return (laps * AHEAD) / seconds;
    };
    const rounds = await bench.alternate(bench.size(15, 5), { ours: () => rate(true), yardstick: () => rate(false) });
    return [
      {
        kind: 'measured',
        row: this.name,
        measured: `${AHEAD.toLocaleString('en-US')} records completed ahead of one job`,
        unit: '/s',
        yardstick: 'no such job',
        goal: { of: 'ratio', bound: 'at least', value: 0.95 },
        rounds,
      },
    ];
  },
};
