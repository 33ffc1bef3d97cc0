/** ClickHouse's types as trees: `Array(Nullable(Int8))` and `Tuple(a Int8, b String)` with what is inside them. */

export interface Type {
  /** As the server writes it. */
  readonly text: string;
  /** Without arguments: `Decimal`. */
  readonly name: string;
  /** Types inside an Array, Map, Tuple or Nested. Other types have none. */
  readonly elements: readonly Element[];
  /** Arguments that are no types: `18` and `4` of a Decimal. */
  readonly values: readonly string[];
  readonly nullable: boolean;
}

export interface Element {
  /** Of a field of a Tuple; null where it has none. */
  readonly name: string | null;
  readonly type: Type;
}

const WRAPPER = /^(Nullable|LowCardinality)\((.*)\)$/s;
const WITH_ARGUMENTS = /^(\w+)\s*\((.*)\)$/s;
const NAMED = /^(`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*"|[A-Za-z_]\w*)\s+(\S.*)$/s;

/** Other names of lists and tuples. https://clickhouse.com/docs/sql-reference/data-types/geo */
const SHAPES: Readonly<Record<string, string>> = {
  Point: 'Tuple(Float64, Float64)',
  Ring: 'Array(Point)',
  LineString: 'Array(Point)',
  MultiLineString: 'Array(LineString)',
  Polygon: 'Array(Ring)',
  MultiPolygon: 'Array(Polygon)',
};

/** Nullable and LowCardinality are taken off: the first becomes `nullable`, the second changes no value. */
export function parseType(written: string): Type {
  let text = written.trim();
  let nullable = false;
  for (let wrapper = WRAPPER.exec(text); wrapper !== null; wrapper = WRAPPER.exec(text)) {
    nullable ||= wrapper[1] === 'Nullable';
    text = wrapper[2] as string;
  }
  const aggregated = /^SimpleAggregateFunction\(.*?, *(?=[A-Z])(.*)\)$/s.exec(text)?.[1];
  if (aggregated !== undefined) return parseType(aggregated);
  const shape = SHAPES[text];
  if (shape !== undefined) return { ...parseType(shape), text, nullable };
  const [, name = text, inner = ''] = WITH_ARGUMENTS.exec(text) ?? [];
  const parts = split(inner);
  if (!['Array', 'Map', 'Tuple', 'Nested'].includes(name)) {
    return { text, name, elements: [], values: parts, nullable };
  }
  const named = name === 'Tuple' || name === 'Nested';
  const elements = parts.map((part) => (named ? parseElement(part) : { name: null, type: parseType(part) }));
  return { text, name, elements, values: [], nullable };
}

function parseElement(text: string): Element {
  const [, name, type] = NAMED.exec(text) ?? [];
  if (name === undefined || type === undefined) return { name: null, type: parseType(text) };
  const quoted = /^[`"]/.test(name) ? name.slice(1, -1).replace(/\\(.)|``/gs, (_, escaped) => escaped ?? '`') : name;
  return { name: quoted, type: parseType(type) };
}

/** The parts of a list of arguments: commas in brackets and in quotes belong to a part. */
function split(text: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = '';
  for (const token of text.match(/'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*"|./gs) ?? []) {
    if (token === '(') depth++;
    else if (token === ')') depth--;
    if (token === ',' && depth === 0) {
      parts.push(part.trim());
      part = '';
    } else part += token;
  }
  return part.trim() === '' ? parts : [...parts, part.trim()];
}

/** Where a type is within another: the name of a field, the number of a part that has none. */
export type Path = readonly (string | number)[];

/** The type as text, with other types in place of those that have nothing inside them; `key` says that one is the key of a Map. */
export function mapLeaves(
  type: Type,
  leaf: (type: Type, key: boolean, path: Path) => string,
  key = false,
  path: Path = [],
): string {
  if (type.elements.length === 0) return leaf(type, key, path);
  const parts = type.elements.map(({ name, type: element }, index) => {
    const read = mapLeaves(element, leaf, type.name === 'Map' && index === 0, [...path, name ?? index]);
    return name === null ? read : `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\` ${read}`;
  });
  return `${type.name}(${parts.join(', ')})`;
}

/** With Nullable where it is so. */
export function whole(type: Type): string {
  return type.nullable ? `Nullable(${type.text})` : type.text;
}

/** The type with others in place of some that have nothing inside them: those that `other` has one for. */
export function withLeaves(written: string, other: (type: Type, path: Path) => string | null): string {
  let same = true;
  const text = mapLeaves(parseType(written), (leaf, _, path) => {
    const read = other(leaf, path);
    same &&= read === null;
    return whole(read === null ? leaf : { ...leaf, text: read });
  });
  return same ? written : text;
}

/** What is there; a list of tuples may be called Nested, and fields without a name are known by their place. */
export function typeAt(type: Type, path: Path): Type | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return type;
  if (type.name === 'Nested') return typeAt({ ...type, name: 'Tuple' }, rest);
  const element = type.elements.find(({ name }, index) => (name ?? index) === step);
  return element === undefined ? undefined : typeAt(element.type, rest);
}

/** The type inside `Nullable` and `LowCardinality`. */
export function baseType(type: string): string {
  const inner = /^(?:Nullable|LowCardinality)\((.*)\)$/s.exec(type)?.[1];
  return inner === undefined ? type : baseType(inner);
}

export function isNullable(type: string): boolean {
  return /^(LowCardinality\()?Nullable\(/.test(type);
}

export function isDateOrTime(type: string): boolean {
  return /^(Date|Date32|DateTime|DateTime64)(\(|$)/.test(baseType(type));
}
