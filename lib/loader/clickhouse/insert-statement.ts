/**
 * The statement that reads a file, converts its values and looks at each of them.
 *
 * ClickHouse works on a statement for longer the more functions it has, and that in proportion to their square. So of a file of
 * very many columns those that are converted in the same way are put into one list, and what is done is said once.
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

type Options = Omit<ConversionOptions, 'format'>;

/** What is read from, and the functions that are defined for all of the statement. */
interface Parts {
  readonly columns: readonly LoadedColumn[];
  readonly functions: Functions;
  readonly input: string;
  convert(expression: string, column: LoadedColumn): Converted;
}

/**
 * `into` is a table as quoteTable writes it, or a table function.
 * `ignore` is evaluated for every row, and no row can be left out. A value that does not fit is made known by an error of a parser,
 * since that is the only one that can say which. @throws UnknownField
 */
export function insertRecords(
  into: string,
  columns: readonly LoadedColumn[],
  format: Format,
  options: Options,
): string {
  const functions = new Functions();
  const structure = columns
    .map(({ source, readAs }) => `${quoteIdentifier(source)} ${readAsNumbers(readAs)}`)
    .join(', ');
  const convert = (
    expression: string,
    { source, readAs, type, absent, target, mustBeEmpty }: LoadedColumn,
  ): Converted => {
    if (target === null) return { value: expression, fits: mustBeEmpty ? `empty(${expression})` : null };
    const nullAsDefault = options.nullAsDefault || absent === 'default';
    const more = { nullAsDefault, format: format.name, hasDefault: absent === 'expression', column: source };
    return conversion(expression, parseType(readAs), parseType(type), { ...options, ...more }, functions);
  };
  const parts: Parts = { columns, functions, input: `input(${quoteString(structure)})`, convert };
  const select = columns.length < MANY_COLUMNS ? selectEach(parts) : selectInLists(parts);
  const targets = columns.flatMap(({ target }) => (target === null ? [] : quoteIdentifier(target)));
  const reader = format.byPosition?.clickhouse ?? format.clickhouse;
  return `INSERT INTO ${into} (${targets.join(', ')}) ${select} FORMAT ${reader}`;
}

function selectEach({ columns, functions, input, convert }: Parts): string {
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
  const listed = same ? '*' : values.join(', ');
  if (checks.length === 0) return `${withFunctions(functions.definitions)}SELECT ${listed} FROM ${input}`;
  // Beside the values, in a function that works out all its arguments: what both need is worked out once, and within an `if` around it
  // the conditions inside would be worked out for every row (8 times the time of a column of integers).
  const [first = '', ...others] = values;
  const checked = [`tupleElement(tuple(${first}, ignore(${checks.join(', ')})), 1)`, ...others];
  return `${withFunctions([...functions.definitions, BAD])}SELECT ${checked.join(', ')} FROM ${numbered(input)}`;
}

/** Columns that are converted alike, with their numbers. */
interface Alike {
  readonly column: LoadedColumn;
  readonly indexes: number[];
}

function selectInLists({ columns, functions, input, convert }: Parts): string {
  const groups = new Map<string, Alike>();
  for (const [index, column] of columns.entries()) {
    const { readAs, type, absent, target, mustBeEmpty } = column;
    const key = JSON.stringify([readAs, type, absent, target === null, mustBeEmpty]);
    const group = groups.get(key) ?? { column, indexes: [] };
    group.indexes.push(index);
    groups.set(key, group);
  }
  const nameOf = (index: number): string => quoteIdentifier(columns[index]?.source ?? '');
  const read: string[] = [];
  const converted: string[] = [];
  const values = new Map<number, string>();
  const onlyChecked: string[] = [];
  for (const [number, { column, indexes }] of [...groups.values()].entries()) {
    const { value, fits } = convert('v', column);
    if (fits === null && value === 'v') {
      if (column.target === null) continue;
      for (const index of indexes) values.set(index, nameOf(index));
      read.push(...indexes.map(nameOf));
      converted.push(...indexes.map(nameOf));
      continue;
    }
    const list = `atd_list_${number}`;
    const checked =
      fits === null
        ? value
        : `tupleElement(tuple(${value}, ignore(bad(n, ${shownText('v', parseType(column.readAs))}, ${fits}))), 1)`;
    read.push(`[${indexes.map(nameOf).join(', ')}] AS ${list}`);
    converted.push(`arrayMap((v, n) -> ${checked}, ${list}, [${indexes.join(', ')}]) AS converted_${list}`);
    if (column.target === null) onlyChecked.push(`converted_${list}`);
    for (const [at, index] of indexes.entries()) values.set(index, `converted_${list}[${at + 1}]`);
  }
  const loaded = columns.flatMap(({ target }, index) => (target === null ? [] : (values.get(index) ?? nameOf(index))));
  // What nobody uses is not worked out.
  if (onlyChecked.length > 0) loaded[0] = `tupleElement(tuple(${loaded[0]}, ignore(${onlyChecked.join(', ')})), 1)`;
  const definitions = withFunctions([...functions.definitions, BAD]);
  const lists = `SELECT ${read.join(', ')}, rowNumberInAllBlocks() AS ${ROW_NUMBER} FROM ${input}`;
  return `SELECT ${loaded.join(', ')} FROM (${definitions}SELECT ${converted.join(', ')} FROM (${lists}))`;
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
