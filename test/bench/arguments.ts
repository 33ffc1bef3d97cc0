/** The arguments of `npm run bench`. Pure. */
import { parseArgs } from 'node:util';

export interface BenchOptions {
  readonly quick: boolean;
  /** Names of rows, in the order of the table. */
  readonly only: readonly string[];
  /** A loader to measure with instead of the bundled one: a path, or a name on the PATH. */
  readonly asCli: string | null;
  /** A commit to measure beside this tree, in place of the yardsticks. */
  readonly against: string | null;
  /** How many times as dear as that commit this tree may be. */
  readonly atMost: number | null;
  /** Where the figures are written to. */
  readonly json: string;
  readonly help: boolean;
}

export const USAGE = `usage: npm run bench -- [options]
  --quick            smaller sizes and fewer rounds; all rows in a few minutes
  --only ROW,ROW     only these rows
  --as-cli CMD       load with this loader (a path, or a name on the PATH) instead of the bundled one
  --against REV      this tree beside another commit, alternating: whether a change made a difference; see --only for its rows
  --at-most N        with --against: say whether this tree is at most N times as dear, which counts only outside the spread
  --json FILE        where the figures go (bench.json)
  --help             this text`;

/** What is compared with another commit unless rows are named: what changes most often slow down. */
export const COMPARED = ['launch', 'pipeline', 'bookkeeping', 'stuck-head', 'value-checks'];

/** @throws Error that says what is wrong and what is allowed */
export function parseBenchArguments(args: readonly string[], rows: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      'as-cli': { type: 'string' },
      against: { type: 'string' },
      'at-most': { type: 'string' },
      json: { type: 'string', default: 'bench.json' },
      help: { type: 'boolean', default: false },
    },
  });
  const { against = null } = values;
  const all = against === null ? rows : rows.filter((name) => COMPARED.includes(name));
  const wanted = values.only?.split(',').map((name) => name.trim()) ?? all;
  const unknown = wanted.filter((name) => !rows.includes(name));
  if (unknown.length > 0) {
    throw new Error(`--only: there is no row ${unknown.join(', ')}; the rows are ${rows.join(', ')}`);
  }
  if (against !== null && values['as-cli'] !== undefined) {
    throw new Error('--as-cli: with --against each tree loads with its own loader');
  }
  return {
    quick: values.quick,
    only: rows.filter((name) => wanted.includes(name)),
    asCli: values['as-cli'] ?? null,
    against,
    atMost: atMost(values['at-most'], against),
    json: values.json,
    help: values.help,
  };
}

function atMost(text: string | undefined, against: string | null): number | null {
  if (text === undefined) return null;
  if (against === null) throw new Error('--at-most: it goes with --against, which names what to compare with');
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--at-most: '${text}' is no number above 0, such as 1.05`);
  return value;
}
