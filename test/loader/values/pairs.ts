/** Loads values of a file's type into a column of a table's type, and reads them back. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from '../../../lib/loader/clickhouse/client.js';
import { run } from '../../../lib/loader/main.js';
import { execute, queryRows, requestClickHouse } from '../../sandbox/clickhouse-client.js';
import type { ClickHouseSandbox } from '../../sandbox/sandbox.js';
import { connectionVariables } from '../as-cli.js';
import * as files from './files.js';
import { type ColumnType, hasRoom, instant, same, stored, type Value } from './model.js';

export const FORMATS = ['parquet', 'parquet by a package', 'arrow', 'orc', 'avro', 'csv', 'tsv', 'jsonl'] as const;

export type PairFormat = (typeof FORMATS)[number];

const ENGINE: Readonly<Partial<Record<PairFormat, string>>> = {
  parquet: 'Parquet',
  arrow: 'Arrow',
  orc: 'ORC',
  avro: 'Avro',
};

export const COLUMN_TYPES: readonly ColumnType[] = [
  'Int8',
  'UInt8',
  'Int16',
  'UInt16',
  'Int32',
  'UInt32',
  'Int64',
  'UInt64',
  'Int128',
  'Float32',
  'Float64',
  'Decimal(9, 2)',
  'Decimal(18, 4)',
  'Decimal(38, 10)',
  'Bool',
  'Date',
  'Date32',
  "DateTime('UTC')",
  "DateTime64(3, 'UTC')",
  "DateTime64(9, 'UTC')",
  'String',
  'FixedString(3)',
].map((name) => ({ name }));

export interface Pair {
  readonly format: PairFormat;
  readonly from: files.FileType;
  readonly to: ColumnType;
  readonly wrapper: files.Wrapper;
}

export interface PairResult {
  readonly pair: Pair;
  readonly loaded: number;
  readonly refused: number;
  /** Values that have room, and how many of them were loaded. */
  readonly withRoom: number;
  readonly withRoomLoaded: number;
  /** Changed or lost values, in words. There should be none. */
  readonly changed: readonly string[];
  /** Refusals that say less than they should. */
  readonly unclear: readonly string[];
}

export function allPairs(): readonly Pair[] {
  return FORMATS.flatMap((format) => {
    const text = ['csv', 'tsv', 'jsonl'].includes(format);
    const types = text ? files.TEXT_TYPES : files.TYPED_TYPES;
    const wrappers = format === 'parquet by a package' ? (['plain'] as const) : files.WRAPPERS;
    return (
      types
        // These have no unsigned numbers, so that a file says something else than was meant.
        .filter((from) => !/^UInt/.test(from.name) || !['orc', 'avro'].includes(format))
        .filter((from) => format !== 'parquet by a package' || files.parquet(from, []) !== null)
        .flatMap((from) => COLUMN_TYPES.flatMap((to) => wrappers.map((wrapper) => ({ format, from, to, wrapper }))))
    );
  });
}

export function describePair({ format, from, to, wrapper }: Pair): string {
  return `${format}: ${files.wrapped(from.name, wrapper)} -> ${files.wrapped(to.name, wrapper)}`;
}

/** Floats there are the nearest ones to what is written, as ClickHouse's parser knows no text in their place. */
function inBrackets({ format, wrapper }: Pair): boolean {
  return ['csv', 'tsv'].includes(format) && !['plain', 'Nullable'].includes(wrapper);
}

/** Within brackets of CSV and TSV numbers have no quotes, and text has. ClickHouse's own limits: nanoseconds of ORC, names of Arrow. */
function readable({ format, from, to, wrapper }: Pair, value: Value): boolean {
  if (format === 'orc' && value.kind === 'time') return (instant(value.text) ?? 0n) < 9_000_000_000_000_000_000n;
  if (!inBrackets({ format, from, to, wrapper })) return true;
  if (/e/i.test(value.text)) return false;
  return files.bare({ kind: from.kind, text: '' }) === /^(U?Int|Float|Decimal|Bool)/.test(to.name);
}

interface Loaded {
  readonly code: number;
  readonly error: string;
  readonly rows: readonly string[];
}

export class PairBench {
  readonly #clickhouse: ClickHouseSandbox;
  readonly #directory: string;
  readonly #tables = new Map<string, Promise<string>>();
  #files = 0;

  readonly #prefix: string;

  /** `prefix` begins the names of its tables and files. */
  constructor(clickhouse: ClickHouseSandbox, directory: string, prefix: string) {
    this.#prefix = prefix;
    this.#clickhouse = clickhouse;
    this.#directory = directory;
  }

  /** Values that have room go together; of the others each goes alone, `others` of them. */
  async try(pair: Pair, dice: () => number, randoms: number, others: number): Promise<PairResult> {
    const { from, to } = pair;
    const texts = [...new Set([...from.border, ...Array.from({ length: randoms }, () => from.random(dice))])];
    const values = texts.map((text): Value => ({ kind: from.kind, text }));
    const room = (value: Value): boolean => hasRoom(value, to) === true && readable(pair, value);
    const good = values.filter(room);
    const rest = values.filter((value) => !room(value));
    const result = {
      pair,
      loaded: 0,
      refused: 0,
      withRoom: good.length,
      withRoomLoaded: 0,
      changed: [] as string[],
      unclear: [] as string[],
    };
    const judge = (given: readonly Value[], { code, error, rows }: Loaded): boolean => {
      if (code !== 0) {
        if (code !== 65 || !/column ['"](v|x|key|value)['"]/.test(error))
          result.unclear.push(`exit code ${code}: ${error}`);
        return false;
      }
      if (rows.length !== given.length) result.changed.push(`${given.length} rows became ${rows.length}`);
      for (const [index, value] of given.entries()) {
        const read = stored(to, rows[index] ?? '(no row)');
        const close = inBrackets(pair) && read.kind.startsWith('float') && Number(value.text) === Number(read.text);
        if (!same(value, read) && !close) result.changed.push(`${value.text} became ${read.text}`);
      }
      return true;
    };
    const one = async (value: Value): Promise<boolean> => {
      const loaded = judge([value], await this.#load(pair, [value]));
      if (loaded) result.loaded++;
      else result.refused++;
      return loaded;
    };
    if (good.length > 0) {
      const together = await this.#load(pair, good);
      if (together.code === 0) {
        judge(good, together);
        result.loaded += good.length;
        result.withRoomLoaded = good.length;
      } else {
        for (const value of good) if (await one(value)) result.withRoomLoaded++;
      }
    }
    // Some at random, which are others with each seed.
    const left = [...rest];
    for (let tried = 0; tried < others && left.length > 0; tried++) {
      const [value] = left.splice(Math.floor(dice() * left.length), 1);
      if (value) await one(value);
    }
    return result;
  }

  async #load(pair: Pair, values: readonly Value[]): Promise<Loaded> {
    const table = await this.#table(files.wrapped(pair.to.name, pair.wrapper));
    const file = await this.#write(pair, values);
    let error = '';
    const output = {
      out: async () => undefined,
      error: async (text: string) => {
        error += text;
      },
      outColumns: null,
      errorColumns: null,
    };
    const code = await run(
      ['ingest', 'records', '--file', file, '--table-name', table],
      connectionVariables(this.#clickhouse),
      output,
      connect,
    );
    if (code !== 0) return { code, error, rows: [] };
    const inner = { plain: 'v', Nullable: 'v', Array: 'v[1]', Map: "v['k']", Tuple: 'v.x' }[pair.wrapper];
    const text = pair.to.name.startsWith('FixedString')
      ? `toStringCutToZero(assumeNotNull(${inner}))`
      : `toString(${inner})`;
    const rows = await queryRows<{ v: string | null }>(
      this.#clickhouse,
      `SELECT ${text} AS v FROM ${table} ORDER BY n`,
    );
    await execute(this.#clickhouse, `TRUNCATE TABLE ${table}`);
    return { code, error, rows: rows.map(({ v }) => (v === null ? 'NULL' : v)) };
  }

  #table(type: string): Promise<string> {
    const known = this.#tables.get(type);
    if (known !== undefined) return known;
    const name = `${this.#prefix}_${this.#tables.size}`;
    const made = execute(this.#clickhouse, `CREATE OR REPLACE TABLE ${name} (n Int32, v ${type}) ENGINE = Memory`).then(
      () => name,
    );
    this.#tables.set(type, made);
    return made;
  }

  async #write({ format, from, wrapper }: Pair, values: readonly Value[]): Promise<string> {
    const texts = values.map(({ text }) => text);
    const extension = format.split(' ')[0] as string;
    const path = join(this.#directory, `${this.#prefix}-${this.#files++ % 4}.${extension}`);
    const engine = ENGINE[format];
    if (engine !== undefined) {
      const query = `${files.selectValues(from, wrapper, texts)} SETTINGS max_threads = 1 FORMAT ${engine}`;
      const response = await requestClickHouse(this.#clickhouse, {
        query: '',
        body: query,
        parameters: { max_query_size: '10000000' },
      });
      if (!response.ok) throw new Error(await response.text());
      await writeFile(path, new Uint8Array(await response.arrayBuffer()));
    } else if (format === 'csv') await writeFile(path, files.csv(values, wrapper));
    else if (format === 'tsv') await writeFile(path, files.tsv(values, wrapper));
    else if (format === 'jsonl') await writeFile(path, files.jsonLines(values, wrapper));
    else await writeFile(path, files.parquet(from, texts) as Uint8Array);
    return path;
  }
}
