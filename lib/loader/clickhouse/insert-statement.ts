/**
 * The statement that reads a file, converts its values and looks at each of them.
 *
 * ClickHouse works on a statement for longer the more functions it has, and that in proportion to their square. So columns that
 * are converted in the same way are put into one list, and what is done is said once, where a file has very many columns, or so
 * few rows that the statement costs more than they do.
 */
import type { Format } from '../file/formats.js';
import type { LoadedColumn } from './columns.js';
import { type ConversionOptions, type Converted, conversion, Functions } from './conversions.js';
import { readAsNumbers, shownText } from './days.js';
import { quoteIdentifier, quoteString } from './quoting.js';
import { parseType } from './type-tree.js';

/** What ClickHouse is made to say of a value that does not fit begins with this: number of the column, of the row, the value. */
export const BAD_VALUE = 'atd-bad-value';
const ROW_NUMBER = 'atd_row_number';
/** Characters of a value that are quoted. */
const FOUND_LENGTH = 200;
/** From so many columns on they are put into lists, which themselves cost time for each row. */
export const MANY_COLUMNS = 300;
/**
 * How large a file may be, for each column that is not said again, for lists to be worth it. ClickHouse takes 1.5 ms to understand
 * how a column is converted, and 26 ns more for a value in a list: 60,000 values cost as much. These bytes have a third as many,
 * with six bytes a value.
 */
const BYTES_PER_COLUMN = 120_000;
/** With fewer the lists themselves cost as much as they save. */
const FEWEST_ALIKE = 8;

type Options = Omit<ConversionOptions, 'format'>;

/** What is read from, and the functions that are defined for all of the statement. */
interface Parts {
  readonly columns: readonly LoadedColumn[];
  readonly functions: Functions;
  readonly input: string;
  /** What is the same in each row, behind what is read. */
  readonly constants: readonly string[];
  convert(expression: string, column: LoadedColumn): Converted;
}

/** A column that the file does not have, and what each row has there. */
export interface FilledColumn {
  readonly target: string;
  readonly expression: string;
}

/** Columns that are converted alike, with their numbers. */
interface Alike {
  readonly column: LoadedColumn;
  readonly indexes: number[];
}

/**
 * `into` is a table as quoteTable writes it, or a table function.
 * `ignore` is evaluated for every row, and no row can be left out. A value that does not fit is made known by an error of a parser,
 * since that is the only one that can say which.
 *
 * @param filled by the loader, behind the file's columns
 * @param bytes of the file, about as many as it would have as plain text
 * @throws UnknownField
 */
export function insertRecords(
  into: string,
  columns: readonly LoadedColumn[],
  format: Format,
  options: Options,
  bytes: number,
  filled: readonly FilledColumn[] = [],
): string {
  const functions = new Functions();
  const structure = columns
    .map(({ source, readAs }) => `${quoteIdentifier(source)} ${readAsNumbers(readAs)}`)
    .join(', ');
  const convert = (
    expression: string,
    { source, readAs, type, absent, target, mustBeEmpty, isReserved }: LoadedColumn,
  ): Converted => {
    if (isReserved) return { value: expression, fits: `isNull(${expression})` };
    if (target === null) return { value: expression, fits: mustBeEmpty ? `empty(${expression})` : null };
    const nullAsDefault = options.nullAsDefault || absent === 'default';
    const more = { nullAsDefault, format: format.name, hasDefault: absent === 'expression', column: source };
    return conversion(expression, parseType(readAs), parseType(type), { ...options, ...more }, functions);
  };
  const constants = filled.map(({ expression }) => expression);
  const parts: Parts = { columns, functions, input: `input(${quoteString(structure)})`, constants, convert };
  const groups = groupsOf(columns);
  const select = areWorthLists(parts, groups, bytes) ? selectInLists(parts, groups) : selectEach(parts);
  const targets = [...columns.flatMap(({ target }) => target ?? []), ...filled.map(({ target }) => target)];
  const reader = format.byPosition?.clickhouse ?? format.clickhouse;
  return `INSERT INTO ${into} (${targets.map(quoteIdentifier).join(', ')}) ${select} FORMAT ${reader}`;
}

function selectEach({ columns, functions, input, constants, convert }: Parts): string {
  const checks: string[] = [];
  const values: string[] = [];
  let same = true;
  for (const [index, column] of columns.entries()) {
    const name = quoteIdentifier(column.source);
    const { value, fits } = convert(name, column);
    if (fits !== null) checks.push(`bad(${index}, ${shownText(name, parseType(column.readAs))}, ${fits})`);
    if (column.target !== null) values.push(value);
    same &&= column.target !== null && value === name;
  }
  const listed = [...(same ? ['*'] : values), ...constants].join(', ');
  if (checks.length === 0) return `${withFunctions(functions.definitions)}SELECT ${listed} FROM ${input}`;
  // Beside the values, in a function that works out all its arguments: what both need is worked out once, and within an `if` around it
  // the conditions inside would be worked out for every row (8 times the time of a column of integers).
  const [first = '', ...others] = values;
  const checked = [`tupleElement(tuple(${first}, ignore(${checks.join(', ')})), 1)`, ...others, ...constants];
  return `${withFunctions([...functions.definitions, BAD])}SELECT ${checked.join(', ')} FROM ${numbered(input)}`;
}

function groupsOf(columns: readonly LoadedColumn[]): readonly Alike[] {
  const groups = new Map<string, Alike>();
  for (const [index, column] of columns.entries()) {
    const { readAs, type, absent, target, mustBeEmpty, isReserved } = column;
    const key = JSON.stringify([readAs, type, absent, target === null, mustBeEmpty, isReserved]);
    const group = groups.get(key) ?? { column, indexes: [] };
    group.indexes.push(index);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function areWorthLists({ columns, convert }: Parts, groups: readonly Alike[], bytes: number): boolean {
  if (columns.length >= MANY_COLUMNS) return true;
  const saved = groups
    .filter(({ column }) => isConverted(convert('v', column), 'v'))
    .reduce((sum, { indexes }) => sum + indexes.length - 1, 0);
  return saved >= FEWEST_ALIKE && bytes <= saved * BYTES_PER_COLUMN;
}

function isConverted({ value, fits }: Converted, expression: string): boolean {
  return fits !== null || value !== expression;
}

function selectInLists({ columns, functions, input, constants, convert }: Parts, groups: readonly Alike[]): string {
  const nameOf = (index: number): string => quoteIdentifier(columns[index]?.source ?? '');
  const read: string[] = [];
  const converted: string[] = [];
  const values = new Map<number, string>();
  const onlyChecked: string[] = [];
  const checked = ({ value, fits }: Converted, { readAs }: LoadedColumn, expression: string, index: string): string =>
    fits === null
      ? value
      : `tupleElement(tuple(${value}, ignore(bad(${index}, ${shownText(expression, parseType(readAs))}, ${fits}))), 1)`;
  for (const [number, { column, indexes }] of groups.entries()) {
    const each = convert('v', column);
    if (!isConverted(each, 'v')) {
      if (column.target === null) continue;
      for (const index of indexes) values.set(index, nameOf(index));
      read.push(...indexes.map(nameOf));
      converted.push(...indexes.map(nameOf));
      continue;
    }
    const list = `atd_list_${number}`;
    if (column.target === null) onlyChecked.push(`converted_${list}`);
    const [only = 0, ...others] = indexes;
    if (others.length === 0) {
      const name = nameOf(only);
      read.push(name);
      converted.push(`${checked(convert(name, column), column, name, String(only))} AS converted_${list}`);
      values.set(only, `converted_${list}`);
      continue;
    }
    read.push(`[${indexes.map(nameOf).join(', ')}] AS ${list}`);
    converted.push(
      `arrayMap((v, n) -> ${checked(each, column, 'v', 'n')}, ${list}, [${indexes.join(', ')}]) AS converted_${list}`,
    );
    for (const [at, index] of indexes.entries()) values.set(index, `converted_${list}[${at + 1}]`);
  }
  const loaded = columns.flatMap(({ target }, index) => (target === null ? [] : (values.get(index) ?? nameOf(index))));
  // What nobody uses is not worked out.
  if (onlyChecked.length > 0) loaded[0] = `tupleElement(tuple(${loaded[0]}, ignore(${onlyChecked.join(', ')})), 1)`;
  const definitions = withFunctions([...functions.definitions, BAD]);
  const lists = `SELECT ${read.join(', ')}, rowNumberInAllBlocks() AS ${ROW_NUMBER} FROM ${input}`;
  return `SELECT ${[...loaded, ...constants].join(', ')} FROM (${definitions}SELECT ${converted.join(', ')} FROM (${lists}))`;
}

function numbered(input: string): string {
  return `(SELECT *, rowNumberInAllBlocks() AS ${ROW_NUMBER} FROM ${input})`;
}

const FOUND = `ifNull(substringUTF8(value, 1, ${FOUND_LENGTH}), '\\\\N')`;
const BAD =
  `((number, value, fits) -> if(fits, 0, toUInt8(concat('${BAD_VALUE} ', toString(number), ' ', ` +
  `toString(${ROW_NUMBER} + 1), ' ', ${FOUND}, ' ${BAD_VALUE}')))) AS bad`;

function withFunctions(definitions: readonly string[]): string {
  return definitions.length === 0 ? '' : `WITH ${definitions.join(', ')} `;
}
