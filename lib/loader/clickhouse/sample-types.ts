/**
 * Types for the columns of a text file, as far as its first rows show them: those that ClickHouse infers, but for columns of
 * which they would not keep what is written. 02134 is no number, and 1.10 is not 1.1 where somebody wrote both.
 */
import type { Format } from '../file/formats.js';
import type { Column } from './columns.js';
import { conversion, Functions, isScalar, readType } from './conversions.js';
import { MANY_COLUMNS } from './insert-statement.js';
import { quoteIdentifier, quoteString } from './quoting.js';
import { textAs } from './text-values.js';
import { mapLeaves, parseType, type Type, whole } from './type-tree.js';

/** `data` is the sample as an expression. The answer has a name and a type for each column that needs another; null if none can. */
export function checkSample(format: Format, data: string, columns: readonly Column[]): string | null {
  const functions = new Functions();
  const checked = columns.flatMap(({ name, type }) => {
    const column = quoteIdentifier(name);
    const better = betterType(type, column, format) ?? betterList(type, column, format, functions);
    return better === null ? [] : [`(${quoteString(name)}, ${better})`];
  });
  if (checked.length === 0) return null;
  if (checked.length >= MANY_COLUMNS) return checkAlike(format, data, columns);
  const structure = structureOf(columns, format);
  const definitions = functions.definitions.length === 0 ? '' : `WITH ${functions.definitions.join(', ')} `;
  return (
    `SELECT tupleElement(better, 1) AS name, tupleElement(better, 2) AS type FROM (${definitions}SELECT arrayJoin(` +
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

/**
 * The same of a list, map or tuple: one with text in place of those types in it that would lose something, and text as a whole in CSV.
 * Text of TSV is no more what it was in the file, where quotes within quotes are told by backslashes.
 */
function betterList(written: string, column: string, format: Format, functions: Functions): string | null {
  const type = parseType(written);
  if (type.elements.length === 0 || format.name === 'tsv') return null;
  const read = parseType(readAs(type, format));
  const options = {
    format: format.name,
    rounding: false,
    nullAsDefault: true,
    skipUnknown: true,
    hasDefault: false,
    column,
  };
  const lost = (to: Type): string | null => {
    const { fits } = conversion(column, read, to, options, functions);
    return fits === null ? null : `countIf(NOT ifNull(${fits}, 0)) > 0`;
  };
  if (format.name === 'csv') return `if(${lost(type) ?? '0'}, 'Nullable(String)', '')`;
  const conditions: string[] = [];
  const parts: string[] = [];
  const shape = mapLeaves(type, (leaf, key) => {
    // Looked at with text in place of all the others.
    const number = parts.length;
    let at = 0;
    const alone = mapLeaves(type, (other, otherKey) => (at++ === number ? whole(other) : textIn(otherKey)));
    const condition = isScalar(leaf) && leaf.name !== 'String' ? lost(parseType(alone)) : null;
    if (condition !== null) conditions.push(condition);
    const same = quoteString(whole(leaf));
    parts.push(condition === null ? same : `if(${condition}, '${textIn(key)}', ${same})`);
    return LEAF;
  });
  if (conditions.length === 0) return null;
  const pieces = shape.split(LEAF).flatMap((text, index) => [quoteString(text), ...parts.slice(index, index + 1)]);
  return `if(${conditions.join(' OR ')}, concat(${pieces.join(', ')}), '')`;
}

/** Stands for a type where no name has it. */
const LEAF = '\0';

function textIn(key: boolean): string {
  return key ? 'String' : 'Nullable(String)';
}

/** An expression of the better type, '' for one that need not be another; null for what is not looked at. */
function betterType(written: string, column: string, format: Format): string | null {
  const type = parseType(written);
  if (!isScalar(type) || type.name === 'String') return null;
  const guarded = textAs(type, false);
  if (guarded === null) return null;
  const holds =
    guarded.fits === null ? `isNotNull(${guarded.value})` : `isNotNull(${guarded.value}) AND ${guarded.fits}`;
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
