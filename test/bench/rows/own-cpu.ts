/** What starting and watching a child costs ourselves, against worker threads that only call execa. */
import type { Bench, Row } from '../bench.js';
import type { LaunchAnswer, LaunchQuestion } from '../programs/launching.js';
import { startProgram } from '../programs/program.js';
import { NO_OP, SLOTS, startPool } from './launch.js';

export const ownCpu: Row = {
  name: 'own-cpu',
  async measure(bench: Bench) {
    const children = bench.size(2_000, 1_000);
    const naiveChildren = bench.size(600, 300);
    const pool = await startPool(bench);
    const naive = startProgram<LaunchQuestion, LaunchAnswer>(bench.scope, 'naive');
    await naive.ask({ children: 50, slots: SLOTS, file: NO_OP });
    const rounds = await bench.alternate(bench.size(5, 3), {
      ours: async () => (await pool.ask({ children, slots: SLOTS, file: NO_OP })).cpuMs / children,
      yardstick: async () =>
        (await naive.ask({ children: naiveChildren, slots: SLOTS, file: NO_OP })).cpuMs / naiveChildren,
    });
    return [
      {
        kind: 'measured',
        row: this.name,
        measured: 'our CPU per file',
        unit: 'ms',
        yardstick: 'plain execa',
        goal: { of: 'ours', bound: 'at most', value: 0.6 },
        rounds,
      },
    ];
  },
};
