/**
 * Types for the columns of a text file, as far as its first rows show them: those that ClickHouse infers, but for columns of
 * which they would not keep what is written. 02134 is no number, and 1.10 is not 1.1 where somebody wrote both.
 */
import type { Format } from '../file/formats.js';
import type { Column } from './columns.js';
import { isScalar } from './conversions.js';
import { MANY_COLUMNS } from './insert-statement.js';
import { quoteIdentifier, quoteString } from './quoting.js';
import { textAs } from './text-values.js';
import { parseType } from './type-tree.js';

/** `data` is the sample as an expression. The answer has a name and a type for each column that needs another; null if none can. */
export function checkSample(format: Format, data: string, columns: readonly Column[]): string | null {
  const checked = columns.flatMap(({ name, type }) => {
    const better = betterType(type, quoteIdentifier(name), format);
    return better === null ? [] : [`(${quoteString(name)}, ${better})`];
  });
  if (checked.length === 0) return null;
  if (checked.length >= MANY_COLUMNS) return checkAlike(format, data, columns);
  const structure = structureOf(columns);
  return (
    'SELECT tupleElement(better, 1) AS name, tupleElement(better, 2) AS type FROM (SELECT arrayJoin(' +
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
      `FROM format(${format.clickhouse}, ${quoteString(structureOf(columns))}, ${data}))`;
    return [`SELECT column AS name, ${better} AS type FROM (${values}) GROUP BY column HAVING type != ''`];
  });
  return checks.join(' UNION ALL ');
}

function structureOf(columns: readonly Column[]): string {
  return columns.map(({ name }) => `${quoteIdentifier(name)} Nullable(String)`).join(', ');
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
