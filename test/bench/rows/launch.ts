/** Children that do nothing, through the pool, against what the machine's own tools make of them. */
import type { Bench, Row } from '../bench.js';
import { isOnPath, pythonSeconds, xargsSeconds } from '../commands.js';
import type { Finding, Goal } from '../findings.js';
import type { LaunchAnswer, LaunchQuestion } from '../programs/launching.js';
import { type Program, startProgram } from '../programs/program.js';

export const SLOTS = 4;
export const NO_OP = '/bin/true';

/** Children before what is measured: each thread compiles what it runs for itself, and is done after some thousand. */
export const warmUpOf = (bench: Bench): number => bench.size(12_000, 8_000);

/** The pool in a process of its own, warmed up. */
export async function startPool(bench: Bench): Promise<Program<LaunchQuestion, LaunchAnswer>> {
  const pool = startProgram<LaunchQuestion, LaunchAnswer>(bench.scope, 'pool');
  await pool.ask({ children: warmUpOf(bench), slots: SLOTS, file: NO_OP });
  return pool;
}

export const launch: Row = {
  name: 'launch',
  async measure(bench: Bench): Promise<Finding[]> {
    const children = bench.size(2_000, 1_000);
    const pool = await startPool(bench);
    const hasPython = isOnPath('python3');
    const results = await bench.alternate(bench.size(7, 3), {
      pool: async () => (await pool.ask({ children, slots: SLOTS, file: NO_OP })).seconds,
      xargs: () => xargsSeconds(children, SLOTS, NO_OP),
      python: () => (hasPython ? pythonSeconds(children, SLOTS, NO_OP) : Promise.resolve(null)),
    });
    const about = { row: this.name, measured: `${NO_OP} in ${SLOTS} slots`, unit: '/s' };
    const pythonGoal: Goal = { of: 'ratio', bound: 'at least', value: 1 };
    const python = 'Python threads';
    return [
      {
        ...about,
        kind: 'measured',
        yardstick: `xargs -P${SLOTS}`,
        goal: { of: 'ratio', bound: 'at least', value: 0.8 },
        rounds: results.map((round) => ({ ours: children / round.pool, yardstick: children / round.xargs })),
      },
      hasPython
        ? {
            ...about,
            kind: 'measured',
            yardstick: python,
            goal: pythonGoal,
            rounds: results.map((round) => ({
              ours: children / round.pool,
              yardstick: children / (round.python as number),
            })),
          }
        : {
            ...about,
            kind: 'not-possible',
            yardstick: python,
            goal: pythonGoal,
            reason: 'there is no python3 on the PATH',
          },
    ];
  },
};
