/**
 * Columns: how those of a file become those of a table. Dots become underscores, since ClickHouse reads `a.b` as a
 * subcolumn; every other character stays as it is and is back-quoted (`Req.Header.user-agent` -> `Req_Header_user-agent`).
 * Inferred types are those that ClickHouse infers: of Parquet Nullable where the file says optional, of text always
 * Nullable, since a sample cannot show that no later value is missing.
 */

import type { ByPosition, FormatName } from '../file/formats.js';
import { readType } from './conversions.js';
import { baseType, isNullable, parseType, type Type, typeAt, withLeaves } from './type-tree.js';

export interface Column {
  readonly name: string;
  /** A ClickHouse type. */
  readonly type: string;
  /** Of numbers that are times of day: the types by which ClickHouse reads them as such, by where they are in the column's. */
  readonly times?: ReadonlyMap<string, string>;
}

/** A column of an existing table. MATERIALIZED and ALIAS columns are computed by the table and take no values. */
export interface TableColumn extends Column {
  readonly kind: '' | 'DEFAULT' | 'MATERIALIZED' | 'ALIAS' | 'EPHEMERAL';
}

/** One column that is loaded: `source` as the file calls it and as what to read it, `target` as the table calls it. */
export interface LoadedColumn {
  readonly source: string;
  /** Null for one that is read only because the columns behind it are. */
  readonly target: string | null;
  readonly readAs: string;
  /** Of the table's column. */
  readonly type: string;
  /** What a row gets that has no value: an error, the column's default expression, or its type's default. */
  readonly absent: 'refused' | 'expression' | 'default';
  /** It has no name, and so no place for a value. */
  readonly mustBeEmpty?: boolean;
  /** The table has its name for what the loader says of each row. */
  readonly isReserved?: boolean;
}

export type Matching =
  | { readonly kind: 'columns'; readonly columns: readonly LoadedColumn[]; readonly skipped: readonly string[] }
  | { readonly kind: 'unknown'; readonly names: readonly string[] }
  | { readonly kind: 'clash'; readonly names: readonly [string, string]; readonly target: string }
  | { readonly kind: 'reserved'; readonly name: string }
  | { readonly kind: 'none' };

export function columnName(fileName: string): string {
  return fileName.replaceAll('.', '_');
}

/** The columns of a table to be made from those of a file or a schema file; `clash` if two become one. */
export function tableColumns(columns: readonly Column[]): readonly Column[] | Extract<Matching, { kind: 'clash' }> {
  const bySource = new Map<string, string>();
  for (const { name } of columns) {
    const target = columnName(name);
    const other = bySource.get(target);
    if (other !== undefined) return { kind: 'clash', names: [other, name], target };
    bySource.set(target, name);
  }
  return columns.map(({ name, type }) => ({ name: columnName(name), type: withLeaves(type, oneNumber) }));
}

/** ClickHouse makes no table with alternatives that are as alike as whole numbers of 32 and of 64 bits. */
function oneNumber({ name, values }: Type): string | null {
  if (name !== 'Variant') return null;
  if (values.every((type) => /^Int(32|64)$/.test(type))) return 'Nullable(Int64)';
  return values.every((type) => /^Float(32|64)$/.test(type)) ? 'Nullable(Float64)' : null;
}

export interface MatchOptions {
  readonly skipUnknown: boolean;
  readonly format: FormatName;
  /** The file states its own types (Parquet): read it by them and convert them to the table's. */
  readonly typed: boolean;
  /** The file's columns are only those of a sample, and later rows may have others (JSON lines). */
  readonly open: boolean;
  /** Every column of the file is read, as it is read by position; those without a name are known by that of their place. */
  readonly byPosition: ByPosition | null;
  /** Names that the file may use for its columns beside those seen: the schema file's. */
  readonly alsoNamed: readonly string[];
  /** Columns of the table that are filled by the loader: a file has none of them. */
  readonly reserved: ReadonlySet<string>;
}

/** Pairs the columns of a file with those of the table, in the file's order. */
export function matchColumns(
  file: readonly Column[],
  table: readonly TableColumn[],
  { skipUnknown, format, typed, open, byPosition, alsoNamed, reserved }: MatchOptions,
): Matching {
  const insertable = new Map(
    table
      .filter(({ name, kind }) => kind !== 'MATERIALIZED' && kind !== 'ALIAS' && !reserved.has(name))
      .map((column) => [column.name, column]),
  );
  const taboo = file.find(
    ({ name }) => reserved.has(name) || (!insertable.has(name) && reserved.has(columnName(name))),
  );
  if (taboo !== undefined) return { kind: 'reserved', name: taboo.name };
  const taken = new Map<string, LoadedColumn>();
  const unknown: string[] = [];
  const unread = new Map<string, LoadedColumn>();
  for (const column of file) {
    const { name } = column;
    const unnamed = byPosition?.unnamed.get(name);
    const target = unnamed?.hasValues === false ? undefined : columnFor(name, insertable);
    if (!target) {
      if (unnamed === undefined) unknown.push(name);
      unread.set(name, { ...UNREAD, source: name, mustBeEmpty: unnamed !== undefined && !skipUnknown });
      continue;
    }
    const other = taken.get(target.name);
    if (other) return { kind: 'clash', names: [other.source, name], target: target.name };
    taken.set(target.name, loaded(name, target, typed ? typedType(column, target) : textType(target, format)));
  }
  if (unknown.length > 0 && !skipUnknown) return { kind: 'unknown', names: unknown };
  // A sample without any key is left to ClickHouse: it may be `{}`, which is a row of defaults, or no JSON at all.
  if (taken.size === 0 && !(open && file.length === 0)) return { kind: 'none' };
  if (open) {
    for (const name of [...alsoNamed, ...insertable.keys()]) {
      const target = columnFor(name, insertable);
      if (!target || taken.has(target.name)) continue;
      taken.set(target.name, {
        ...loaded(name, target, textType(target, format)),
        absent: absentFor(target, 'default'),
      });
    }
    for (const name of taken.size === 0 ? [] : reserved) taken.set(name, { ...UNREAD, ...RESERVED, source: name });
  }
  if (byPosition === null) return { kind: 'columns', columns: [...taken.values()], skipped: unknown };
  const bySource = new Map([...taken.values()].map((column) => [column.source, column]));
  const columns = file.flatMap(({ name }) => bySource.get(name) ?? unread.get(name) ?? []);
  return { kind: 'columns', columns, skipped: unknown };
}

const UNREAD = { target: null, readAs: 'String', type: 'String', absent: 'default' } as const;
const RESERVED = { readAs: 'Nullable(String)', type: 'Nullable(String)', isReserved: true } as const;

/** The column that a file means by a name: the one of that very name, dots included, else the one of its renamed name. */
function columnFor(name: string, insertable: ReadonlyMap<string, TableColumn>): TableColumn | undefined {
  return insertable.get(name) ?? insertable.get(columnName(name));
}

function loaded(source: string, target: TableColumn, readAs: string): LoadedColumn {
  return { source, target: target.name, readAs, type: target.type, absent: absentFor(target, 'refused') };
}

/** ClickHouse evaluates a DEFAULT expression in an `INSERT … SELECT` for NULL, where the column cannot hold that. */
function absentFor({ kind, type }: TableColumn, otherwise: LoadedColumn['absent']): LoadedColumn['absent'] {
  return kind === 'DEFAULT' && !isNullable(type) ? 'expression' : otherwise;
}

/** Nothing between two commas is no text, for a column of text that has no DEFAULT expression to be taken. */
function textType(target: TableColumn, format: FormatName): string {
  const type = parseType(target.type);
  const text = type.name === 'String' || type.name === 'FixedString';
  if (format === 'csv' && text && !type.nullable && target.kind !== 'DEFAULT') return 'String';
  return readType(type, format);
}

/**
 * The file's own type; where ClickHouse turns bytes round, or takes another unit, on the way to the table's, that one, also within
 * lists, maps and structs.
 */
function typedType({ type, times }: Column, target: TableColumn): string {
  const to = parseType(target.type);
  return withLeaves(type, (leaf, path) => {
    const wanted = typeAt(to, path);
    const time = times?.get(path.join('.'));
    if (time !== undefined && wanted !== undefined && /^(DateTime|Time)(64)?$/.test(wanted.name)) return time;
    return leaf.text === 'FixedString(16)' && wanted?.name === 'UUID' ? 'UUID' : null;
  });
}

const SORTABLE =
  /^(U?Int\d+|Float\d+|BFloat16|Decimal\d*|String|FixedString|Date|Date32|DateTime|DateTime64|Bool|UUID|IPv[46]|Enum\d*)(\(|$)/;

export const TIME_COLUMN = 'MsgHeader_MessageTime';
const ID_COLUMN = 'Id';

/** The table's sorting key: time and id where both exist, else the first column that can be sorted by, else none. */
export function sortingKey(columns: readonly Column[]): readonly string[] {
  const sortable = columns.filter(({ type }) => SORTABLE.test(baseType(type))).map(({ name }) => name);
  if (sortable.includes(TIME_COLUMN) && sortable.includes(ID_COLUMN)) return [TIME_COLUMN, ID_COLUMN];
  return sortable.slice(0, 1);
}

export type SchemaFile =
  | { readonly kind: 'columns'; readonly columns: readonly Column[] }
  | { readonly kind: 'invalid'; readonly reason: string };

/** A schema file is a JSON object of column name (dots allowed) -> ClickHouse type, in the order of the columns. */
export function parseSchemaFile(text: string): SchemaFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { kind: 'invalid', reason: `it is not JSON (${(error as Error).message})` };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { kind: 'invalid', reason: 'it is not a JSON object of column name -> ClickHouse type' };
  }
  const columns: Column[] = [];
  for (const [name, type] of Object.entries(value)) {
    if (name === '') return { kind: 'invalid', reason: 'a column has an empty name' };
    if (typeof type !== 'string' || !isPlausibleType(type)) {
      return { kind: 'invalid', reason: `the type of '${name}' is ${JSON.stringify(type)}, not a ClickHouse type` };
    }
    columns.push({ name, type: type.trim() });
  }
  if (columns.length === 0) return { kind: 'invalid', reason: 'it names no column' };
  const made = tableColumns(columns);
  if ('kind' in made) {
    return { kind: 'invalid', reason: `'${made.names[0]}' and '${made.names[1]}' both become column '${made.target}'` };
  }
  return { kind: 'columns', columns };
}

/** The type becomes a part of the statement: it may not end its column's definition. ClickHouse judges the rest. */
function isPlausibleType(type: string): boolean {
  if (!/^\s*[A-Za-z]\w*\s*(\(.*\)\s*)?$/s.test(type)) return false;
  let depth = 0;
  const unquoted = type.replace(/'(?:[^'\\]|\\.)*'/gs, '').replace(/`(?:[^`\\]|\\.)*`/gs, '');
  for (const [index, character] of [...unquoted].entries()) {
    if (character === '(') depth++;
    else if (character === ')' && --depth === 0 && unquoted.slice(index + 1).trim() !== '') return false;
    if (depth < 0 || character === ';' || character === "'" || character === '`') return false;
  }
  return depth === 0 && !/--|\/\*/.test(unquoted);
}
