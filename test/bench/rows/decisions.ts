/** What it costs to decide whose file is next, when many tenants have files. */
import type { Bench, Row } from '../bench.js';
import type { Finding } from '../findings.js';
import type { DecisionsAnswer, DecisionsQuestion } from '../programs/decisions.js';
import { startProgram } from '../programs/program.js';
import { Scope } from '../scope.js';

const FEW = 10;
const MANY = [1_000, 100_000];

export const decisions: Row = {
  name: 'decisions',
  async measure(bench: Bench): Promise<Finding[]> {
    const count = bench.size(1_000_000, 300_000);
    const nanoseconds = async (tenants: number): Promise<number> => {
      const scope = new Scope();
      try {
        const program = startProgram<DecisionsQuestion, DecisionsAnswer>(scope, 'decisions');
        return ((await program.ask({ tenants, decisions: count })).seconds / count) * 1e9;
      } finally {
        await scope.close();
      }
    };
    const findings: Finding[] = [];
    for (const tenants of MANY) {
      const rounds = await bench.alternate(bench.size(5, 3), {
        many: () => nanoseconds(tenants),
        few: () => nanoseconds(FEW),
      });
      findings.push({
        kind: 'measured',
        row: this.name,
        measured: `whose file is next of ${tenants.toLocaleString('en-US')} tenants`,
        unit: 'ns',
        yardstick: `of ${FEW}`,
        goal: { of: 'ratio', bound: 'at most', value: 5 },
        rounds: rounds.map(({ many, few }) => ({ ours: many, yardstick: few })),
      });
    }
    return findings;
  },
};
