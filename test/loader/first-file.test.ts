/** The first file of a table: one that is refused leaves no table behind, whatever other loads do meanwhile. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { type ClickHouse, connect } from '../../lib/loader/clickhouse/client.js';
import { loadRecords } from '../../lib/loader/commands/load-records.js';
import { LoadError } from '../../lib/loader/failures.js';
import { parseRecordsArguments } from '../../lib/loader/options/records-options.js';
import { seededRandom } from '../support/random.js';
import { type Bench, connectionVariables, startBench } from './as-cli.js';

const FULL = process.env['FAULTS'] === 'full';
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const INTERLEAVINGS = FULL ? 200 : 6;

let bench: Bench;

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

async function tableExists(table: string): Promise<boolean> {
  const [found] = await bench.rows(`SELECT count() AS n FROM system.tables WHERE name = '${table}'`);
  return found?.['n'] === 1;
}

const SAMPLE = '17,text\n'.repeat(150_000);

/** Nothing is wrong with what a sample shows of them. */
const BAD: readonly (readonly [what: string, name: string, content: string, line: RegExp])[] = [
  ['a value that is none of its column', 'late.csv', `id,s\n${SAMPLE}many,text\n`, /row 150001, column 'id'/],
  ['a row of more values', 'wider.csv', `id,s\n${SAMPLE}1,2,3\n`, /row 150001: it has more values/],
  ['a line that is no JSON', 'late.jsonl', `${'{"id":17,"s":"text"}\n'.repeat(60_000)}no\n`, /row 60001/],
  ['a field that none had before', 'field.jsonl', `${'{"id":17,"s":"t"}\n'.repeat(70_000)}{"x":1}\n`, /'x'/],
];

for (const [what, name, content, line] of BAD) {
  test(`a first file with ${what} makes no table, and a good one does`, async () => {
    const table = `first_${name.replace('.', '_')}`;
    const ended = await bench.load(await bench.write(name, content), table, ['--create-table']);
    assert.equal(ended.code, 65, ended.stderr);
    assert.match(ended.stderr, line);
    assert.equal(await tableExists(table), false);
    const good = await bench.load(await bench.write('good.csv', 'other,s\n1.5,x\n'), table, ['--create-table']);
    assert.deepEqual([good.code, good.stderr], [0, '']);
    assert.deepEqual(await bench.rows(`SELECT * FROM ${table}`), [{ other: 1.5, s: 'x' }]);
  });
}

test('a damaged Parquet file makes no table, nor does one that the types of a schema file have no room for', async () => {
  const whole = await readFile(
    await bench.writeSelect('whole.parquet', 'SELECT number AS n FROM numbers(9)', 'Parquet'),
  );
  whole.fill(0xa5, 4, whole.length >> 1);
  const damaged = await bench.load(await bench.write('pages.parquet', whole), 'first_damaged', ['--create-table']);
  assert.equal(damaged.code, 65, damaged.stderr);
  const schema = await bench.write('small.json', '{"n": "Int8"}');
  const args = ['--create-table', '--schema-file', schema];
  const large = await bench.load(await bench.write('large.csv', 'n\n1\n300\n'), 'first_damaged', args);
  assert.match(large.stderr, /row 2, column 'n': expected Int8, found '300' \(table default\.first_damaged\)/);
  assert.equal(await tableExists('first_damaged'), false);
});

/** Lets one of several loads go on by one statement at a time. */
class Turns {
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #choose: (count: number) => number;

  constructor(choose: (count: number) => number) {
    this.#choose = choose;
  }

  start(): void {
    this.#running++;
  }

  /** To be called by each load at its beginning of a statement, when all others wait or are over. */
  async turn(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      this.#next();
    });
  }

  over(): void {
    this.#running--;
    this.#next();
  }

  #next(): void {
    if (this.#waiting.length === 0 || this.#waiting.length < this.#running) return;
    this.#waiting.splice(this.#choose(this.#waiting.length), 1)[0]?.();
  }
}

function inTurns(clickhouse: ClickHouse, turns: Turns): ClickHouse {
  const before = <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) => {
    return async (...args: Args): Promise<Result> => {
      await turns.turn();
      return await call(...args);
    };
  };
  return {
    ...clickhouse,
    columns: before(clickhouse.columns),
    inspect: before(clickhouse.inspect),
    execute: before(clickhouse.execute),
    insert: before(clickhouse.insert),
  };
}

test(`of two first files at once, one of them bad, every row of the good one arrives (SEED=${SEED})`, async () => {
  const random = seededRandom(SEED);
  const good = await bench.write('race-good.csv', 'id,s\n1,a\n2,b\n');
  const whole = await readFile(
    await bench.writeSelect('race.parquet', "SELECT number AS id, 'x' AS other FROM numbers(9)", 'Parquet'),
  );
  whole.fill(0xa5, 4, whole.length >> 1);
  const bad = await bench.write('race-bad.parquet', whole);
  const load = async (file: string, table: string, turns: Turns): Promise<number> => {
    const parsed = parseRecordsArguments(
      ['--file', file, '--table-name', table, '--create-table'],
      connectionVariables(bench.clickhouse),
      () => '',
    );
    assert.ok(parsed.kind === 'request');
    try {
      await loadRecords(parsed.request, (connection) => inTurns(connect(connection), turns), null);
      return 0;
    } catch (error) {
      assert.ok(error instanceof LoadError, String(error));
      return error.exitCode;
    } finally {
      turns.over();
    }
  };
  for (let round = 0; round < INTERLEAVINGS; round++) {
    const table = `race_first_${round}`;
    const turns = new Turns(random.below);
    turns.start();
    turns.start();
    const codes = await Promise.all([load(good, table, turns), load(bad, table, turns)]);
    assert.deepEqual(codes, [0, 65], `round ${round}`);
    assert.deepEqual(await bench.rows(`SELECT * FROM ${table} ORDER BY id`), [
      { id: 1, s: 'a' },
      { id: 2, s: 'b' },
    ]);
  }
});
