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
  'UInt128',
  'UInt256',
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

/** Pairs that differ by what is around the values alone, so that one file may hold them all. */
export interface Pairs {
  readonly format: PairFormat;
  readonly from: files.FileType;
  readonly to: ColumnType;
  readonly wrappers: readonly files.Wrapper[];
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

export function allPairs(): readonly Pairs[] {
  return FORMATS.flatMap((format) => {
    const text = ['csv', 'tsv', 'jsonl'].includes(format);
    const types = text ? files.TEXT_TYPES : files.TYPED_TYPES;
    const wrappers = format === 'parquet by a package' ? (['plain'] as const) : files.WRAPPERS;
    return (
      types
        // These have no unsigned numbers, so that a file says something else than was meant.
        .filter((from) => !/^UInt/.test(from.name) || !['orc', 'avro'].includes(format))
        .filter((from) => format !== 'parquet by a package' || files.parquet(from, []) !== null)
        .flatMap((from) => COLUMN_TYPES.map((to) => ({ format, from, to, wrappers })))
    );
  });
}

export function describePair({ format, from, to, wrapper }: Pair): string {
  return `${format}: ${files.wrapped(from.name, wrapper)} -> ${files.wrapped(to.name, wrapper)}`;
}

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
  /** As text, by column. */
  readonly columns: Readonly<Record<string, readonly string[]>>;
}

/** Counts as it goes. */
interface Counting extends PairResult {
  loaded: number;
  refused: number;
  withRoom: number;
  withRoomLoaded: number;
  readonly changed: string[];
  readonly unclear: string[];
}

const NAMES = new RegExp(`column ['"](${[...files.WRAPPERS.map(files.columnOf), 'x', 'key', 'value'].join('|')})['"]`);

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

  /**
   * Of each pair the values that have room go together, and of as many pairs as have the same ones. Of the others each goes alone, as
   * a refusal says no more than that: `others` of them for each pair, which are not the same for all.
   */
  async try(pairs: Pairs, dice: () => number, randoms: number, others: number): Promise<readonly PairResult[]> {
    const { format, from, to, wrappers } = pairs;
    const texts = [...new Set([...from.border, ...Array.from({ length: randoms }, () => from.random(dice))])];
    const values = texts.map((text): Value => ({ kind: from.kind, text }));
    const results = wrappers.map((wrapper) => {
      const pair = { format, from, to, wrapper };
      const good = values.filter((value) => hasRoom(value, to) === true && readable(pair, value));
      return { good, result: counting(pair, good.length) };
    });
    const alike = new Map<string, Counting[]>();
    for (const { good, result } of results) {
      const key = JSON.stringify(good.map(({ text }) => text));
      alike.set(key, [...(alike.get(key) ?? []), result]);
    }
    for (const [key, counted] of alike) {
      const good = results.find(({ result }) => result === counted[0])?.good ?? [];
      if (key !== '[]') await this.#together(counted, good);
    }
    for (const { good, result } of results) {
      // Some at random, which are others with each seed.
      const left = values.filter((value) => !good.includes(value));
      for (let tried = 0; tried < others && left.length > 0; tried++) {
        const [value] = left.splice(Math.floor(dice() * left.length), 1);
        if (value) await this.#alone(result, value);
      }
    }
    return results.map(({ result }) => result);
  }

  async #together(results: readonly Counting[], values: readonly Value[]): Promise<void> {
    const loaded = await this.#load(
      results.map(({ pair }) => pair),
      values,
    );
    if (loaded.code === 0) {
      for (const result of results) {
        judge(result, values, loaded);
        result.loaded += values.length;
        result.withRoomLoaded += values.length;
      }
      return;
    }
    for (const result of results) {
      if (results.length > 1) await this.#together([result], values);
      else for (const value of values) if (await this.#alone(result, value)) result.withRoomLoaded++;
    }
  }

  async #alone(result: Counting, value: Value): Promise<boolean> {
    const loaded = judge(result, [value], await this.#load([result.pair], [value]));
    if (loaded) result.loaded++;
    else result.refused++;
    return loaded;
  }

  async #load(pairs: readonly Pair[], values: readonly Value[]): Promise<Loaded> {
    const { to } = pairs[0] as Pair;
    const wrappers = pairs.map(({ wrapper }) => wrapper);
    const table = await this.#table(to, wrappers);
    const file = await this.#write(pairs[0] as Pair, wrappers, values);
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
    if (code !== 0) return { code, error, columns: {} };
    const shown = wrappers.map((wrapper) => `${textOf(to, wrapper)} AS ${files.columnOf(wrapper)}_text`);
    const rows = await queryRows<Record<string, string | null>>(
      this.#clickhouse,
      `SELECT ${shown.join(', ')} FROM ${table} ORDER BY n`,
    );
    await execute(this.#clickhouse, `TRUNCATE TABLE ${table}`);
    const columns = wrappers
      .map(files.columnOf)
      .map((name) => [name, rows.map((row) => row[`${name}_text`] ?? 'NULL')]);
    return { code, error, columns: Object.fromEntries(columns) };
  }

  #table(to: ColumnType, wrappers: readonly files.Wrapper[]): Promise<string> {
    const columns = wrappers
      .map((wrapper) => `${files.columnOf(wrapper)} ${files.wrapped(to.name, wrapper)}`)
      .join(', ');
    const known = this.#tables.get(columns);
    if (known !== undefined) return known;
    const name = `${this.#prefix}_${this.#tables.size}`;
    const made = execute(this.#clickhouse, `CREATE OR REPLACE TABLE ${name} (n Int32, ${columns}) ENGINE = Memory`);
    const named = made.then(() => name);
    this.#tables.set(columns, named);
    return named;
  }

  async #write({ format, from }: Pair, wrappers: readonly files.Wrapper[], values: readonly Value[]): Promise<string> {
    const texts = values.map(({ text }) => text);
    const extension = format.split(' ')[0] as string;
    const path = join(this.#directory, `${this.#prefix}-${this.#files++ % 4}.${extension}`);
    const engine = ENGINE[format];
    if (engine !== undefined) {
      const query = `${files.selectValues(from, wrappers, texts)} SETTINGS max_threads = 1 FORMAT ${engine}`;
      const response = await requestClickHouse(this.#clickhouse, {
        query: '',
        body: query,
        parameters: { max_query_size: '10000000' },
      });
      if (!response.ok) throw new Error(await response.text());
      await writeFile(path, new Uint8Array(await response.arrayBuffer()));
    } else if (format === 'csv') await writeFile(path, files.csv(values, wrappers));
    else if (format === 'tsv') await writeFile(path, files.tsv(values, wrappers));
    else if (format === 'jsonl') await writeFile(path, files.jsonLines(values, wrappers));
    else await writeFile(path, files.parquet(from, texts) as Uint8Array);
    return path;
  }
}

function counting(pair: Pair, withRoom: number): Counting {
  return { pair, loaded: 0, refused: 0, withRoom, withRoomLoaded: 0, changed: [], unclear: [] };
}

/** Whether the values were loaded, be it as others. */
function judge(
  { pair, changed, unclear }: Counting,
  given: readonly Value[],
  { code, error, columns }: Loaded,
): boolean {
  if (code !== 0) {
    if (code !== 65 || !NAMES.test(error)) unclear.push(`exit code ${code}: ${error}`);
    return false;
  }
  const rows = columns[files.columnOf(pair.wrapper)] ?? [];
  if (rows.length !== given.length) changed.push(`${given.length} rows became ${rows.length}`);
  for (const [index, value] of given.entries()) {
    const read = stored(pair.to, rows[index] ?? '(no row)');
    // Floats there are the nearest ones to what is written, as ClickHouse's parser knows no text in their place.
    const close =
      pair.format === 'tsv' &&
      inBrackets(pair) &&
      read.kind.startsWith('float') &&
      Number(value.text) === Number(read.text);
    if (!same(value, read, pair.to) && !close) changed.push(`${value.text} became ${read.text}`);
  }
  return true;
}

function textOf(to: ColumnType, wrapper: files.Wrapper): string {
  const name = files.columnOf(wrapper);
  const inner = { plain: name, Nullable: name, Array: `${name}[1]`, Map: `${name}['k']`, Tuple: `${name}.x` }[wrapper];
  return to.name.startsWith('FixedString') ? `toStringCutToZero(assumeNotNull(${inner}))` : `toString(${inner})`;
}
