/**
 * Types for the columns of a text file, as far as its first rows show them: those that ClickHouse infers, but for columns of
 * which they would not keep what is written. 02134 is no number, and 1.10 is not 1.1 where somebody wrote both.
 */
import type { Format } from '../file/formats.js';
import type { Column } from './columns.js';
import { conversion, Functions, isScalar, readType } from './conversions.js';
import { MANY_COLUMNS } from './insert-statement.js';
import { quoteIdentifier, quoteString } from './quoting.js';
import { type Guarded, textAs } from './text-values.js';
import { mapLeaves, parseType, type Type, whole } from './type-tree.js';

/** `data` is the sample as an expression. The answer has a name and a type for each column that needs another; null if none can. */
export function checkSample(format: Format, data: string, columns: readonly Column[]): string | null {
  const functions = new Functions();
  const definitions: Definitions = new Map();
  const checked = columns.flatMap(({ name, type }) => {
    const column = quoteIdentifier(name);
    const better = betterType(type, column, format) ?? betterList(type, column, format, functions, definitions);
    return better === null ? [] : [`(${quoteString(name)}, ${better})`];
  });
  if (checked.length === 0) return null;
  if (checked.length >= MANY_COLUMNS) return checkAlike(format, data, columns);
  const structure = structureOf(columns, format);
  const defined = [...functions.definitions, ...[...definitions].map(([name, body]) => `${body} AS ${name}`)];
  const before = defined.length === 0 ? '' : `WITH ${defined.join(', ')} `;
  return (
    `SELECT tupleElement(better, 1) AS name, tupleElement(better, 2) AS type FROM (${before}SELECT arrayJoin(` +
    `[${checked.join(', ')}]) AS better FROM format(${format.clickhouse}, ${quoteString(structure)}, ${data})) WHERE type != ''`
  );
}

/** Says what is done with a type once for all columns that have it: see insert-statement. */
function checkAlike(format: Format, data: string, columns: readonly Column[]): string {
  const byType = new Map<string, string[]>();
  for (const { name, type } of columns) byType.set(type, [...(byType.get(type) ?? []), name]);
  const checks = [...byType].flatMap(([type, names]) => {
    const better = betterType(type, 'given', format);
    if (better === null) return [];
    const pairs = `arrayZip([${names.map(quoteString).join(', ')}], [${names.map(quoteIdentifier).join(', ')}])`;
    const values =
      `SELECT tupleElement(pair, 1) AS column, tupleElement(pair, 2) AS given FROM (SELECT arrayJoin(${pairs}) AS pair ` +
      `FROM format(${format.clickhouse}, ${quoteString(structureOf(columns, format))}, ${data}))`;
    return [`SELECT column AS name, ${better} AS type FROM (${values}) GROUP BY column HAVING type != ''`];
  });
  return checks.join(' UNION ALL ');
}

function structureOf(columns: readonly Column[], format: Format): string {
  return columns.map(({ name, type }) => `${quoteIdentifier(name)} ${readAs(parseType(type), format)}`).join(', ');
}

/** All text, also within lists and objects of JSON. */
function readAs(type: Type, format: Format): string {
  return format.name === 'jsonl' && type.elements.length > 0 ? readType(type, 'jsonl') : 'Nullable(String)';
}

/** Expressions that are said once, by their names. */
type Definitions = Map<string, string>;

/**
 * The same of a list, map or tuple: one with text in place of those types in it that would lose something, and text as a whole in CSV.
 * Text of TSV is no more what it was in the file, where quotes within quotes are told by backslashes.
 */
function betterList(
  written: string,
  column: string,
  { name }: Format,
  functions: Functions,
  definitions: Definitions,
): string | null {
  const type = parseType(written);
  if (type.elements.length === 0 || name === 'tsv') return null;
  if (name === 'jsonl') return betterWithin(type, column, definitions);
  const read = parseType('Nullable(String)');
  const options = { format: name, rounding: false, nullAsDefault: true, skipUnknown: true, hasDefault: false, column };
  const { fits } = conversion(column, read, type, options, functions);
  return fits === null ? null : `if(countIf(NOT ifNull(${fits}, 0)) > 0, 'Nullable(String)', '')`;
}

/** What is looked for is said once for all of a type, since ClickHouse takes its time to understand it. */
function betterWithin(type: Type, column: string, definitions: Definitions): string | null {
  const texts = new Map<string, string[]>();
  const conditions: string[] = [];
  const parts: string[] = [];
  const prefix = `lost_${definitions.size}`;
  const values = textsWithin(type, column, 0);
  const shape = mapLeaves(type, (leaf, key) => {
    const same = quoteString(whole(leaf));
    const value = values[parts.length] ?? '[]';
    if (!isScalar(leaf) || leaf.name === 'String' || textAs(leaf, false) === null) {
      parts.push(same);
      return LEAF;
    }
    const alike = texts.get(leaf.text) ?? [];
    texts.set(leaf.text, [...alike, value]);
    const lost = `arrayElement(${prefix}_${[...texts.keys()].indexOf(leaf.text)}, ${alike.length + 1}) > 0`;
    conditions.push(lost);
    parts.push(`if(${lost}, '${key ? 'String' : 'Nullable(String)'}', ${same})`);
    return LEAF;
  });
  if (conditions.length === 0 || conditions.length > MOST_WITHIN) return null;
  for (const [index, [text, lists]] of [...texts].entries()) {
    const lost = `arrayExists(x -> isNotNull(x) AND x != '' AND NOT ifNull(${holding(textAs(parseType(text), false) as Guarded)}, 0), texts)`;
    definitions.set(`${prefix}_${index}`, `sumForEach(arrayMap(texts -> toUInt64(${lost}), [${lists.join(', ')}]))`);
  }
  const pieces = shape.split(LEAF).flatMap((text, index) => [quoteString(text), ...parts.slice(index, index + 1)]);
  return `if(${conditions.join(' OR ')}, concat(${pieces.join(', ')}), '')`;
}

/** For all that has nothing inside it a list of its texts in one value, in the order of the type. */
function textsWithin({ name, elements }: Type, x: string, depth: number): readonly string[] {
  const [first, second] = elements;
  if (first === undefined) return [`[CAST(${x}, 'Nullable(String)')]`];
  const each = (inner: Type, list: string): readonly string[] =>
    textsWithin(inner, `t${depth}`, depth + 1).map((texts) => `arrayFlatten(arrayMap(t${depth} -> ${texts}, ${list}))`);
  if (name === 'Array') return each(first.type, x);
  if (name === 'Map' && second !== undefined)
    return [...each(first.type, `mapKeys(${x})`), ...each(second.type, `mapValues(${x})`)];
  return elements.flatMap(({ type }, index) => textsWithin(type, `tupleElement(${x}, ${index + 1})`, depth));
}

/** With more of them the look takes as long as the load. */
const MOST_WITHIN = 100;

/** Stands for a type where no name has it. */
const LEAF = '\0';

/** That the value is the one that was written. */
function holding({ value, fits }: Guarded): string {
  return fits === null ? `isNotNull(${value})` : `isNotNull(${value}) AND ${fits}`;
}

/** An expression of the better type, '' for one that need not be another; null for what is not looked at. */
function betterType(written: string, column: string, format: Format): string | null {
  const type = parseType(written);
  if (!isScalar(type) || type.name === 'String') return null;
  const guarded = textAs(type, false);
  if (guarded === null) return null;
  const holds = holding(guarded);
  const of = (expression: string): string => `arrayElement(arrayMap(x -> ${expression}, [${column}]), 1)`;
  const some = (condition: string): string => `countIf(ifNull(${of(condition)}, 0)) > 0`;
  const given = `isNotNull(x) AND x != ''`;
  const lost = some(`${given} AND NOT ifNull(${holds}, 0)`);
  const isNumber = /Int|Float|Decimal/.test(type.name);
  if (!isNumber || format.name === 'jsonl') return `if(${lost}, 'Nullable(String)', '')`;
  const spelled = some(`match(x, '^[+]|^-?0[0-9]')`);
  // A single zero is how programs write a whole number that is none by its type.
  const zeros = some(`match(x, '[.][0-9]+0$')`);
  const digits = `length(extract(x, '[.]([0-9]*)$'))`;
  const [least, most] = [`minIf(${of(digits)}, ${of(given)})`, `maxIf(${of(digits)}, ${of(given)})`];
  const decimal = `concat('Nullable(Decimal(38, ', toString(assumeNotNull(${most})), '))')`;
  const plain = `NOT (${some(`match(x, '[eE]')`)}) AND ${most} <= 20`;
  const float = `multiIf(${zeros} AND ${least} = ${most} AND ${plain}, ${decimal}, ${zeros} OR ${lost}, 'Nullable(String)', '')`;
  return `if(${spelled}, 'Nullable(String)', ${type.name.startsWith('Float') ? float : `if(${lost}, 'Nullable(String)', '')`})`;
}
