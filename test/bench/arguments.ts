/** The arguments of `npm run bench`. Pure. */
import { parseArgs } from 'node:util';

export interface BenchOptions {
  readonly quick: boolean;
  /** Names of rows, in the order of the table. */
  readonly only: readonly string[];
  /** A loader to measure with instead of the bundled one: a path, or a name on the PATH. */
  readonly asCli: string | null;
  /** Where the figures are written to. */
  readonly json: string;
  readonly help: boolean;
}

export const USAGE = `usage: npm run bench -- [options]
  --quick            smaller sizes and fewer rounds; all rows in a few minutes
  --only ROW,ROW     only these rows
  --as-cli CMD       load with this loader (a path, or a name on the PATH) instead of the bundled one
  --json FILE        where the figures go (bench.json)
  --help             this text`;

/** @throws Error that says what is wrong and what is allowed */
export function parseBenchArguments(args: readonly string[], rows: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      'as-cli': { type: 'string' },
      json: { type: 'string', default: 'bench.json' },
      help: { type: 'boolean', default: false },
    },
  });
  const wanted = values.only?.split(',').map((name) => name.trim()) ?? rows;
  const unknown = wanted.filter((name) => !rows.includes(name));
  if (unknown.length > 0) {
    throw new Error(`--only: there is no row ${unknown.join(', ')}; the rows are ${rows.join(', ')}`);
  }
  return {
    quick: values.quick,
    only: rows.filter((name) => wanted.includes(name)),
    asCli: values['as-cli'] ?? null,
    json: values.json,
    help: values.help,
  };
}
