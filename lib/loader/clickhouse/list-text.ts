/**
 * Lists, maps and tuples as they stand in text: `[1,'x']`, `{'a':1}`, `(1,2)`. ClickHouse's own parser leaves out what follows the
 * last bracket, takes 0 where nothing stands between two commas, and makes infinity of 1e400 and other numbers of too many
 * digits. So the text is held against the form of its type first, and then all that is in it is read as text in quotes.
 */
import { quoteString } from './quoting.js';
import { mapLeaves, parseType, type Type } from './type-tree.js';

const QUOTED = `'(?:[^'\\\\]|\\\\.|'')*'`;
/** Without quotes, and not NULL. */
const BARE = `(?:[^Nn\\[\\](){},:'"\\\\\\s]|[Nn][Aa])[^\\[\\](){},:'"\\\\\\s]*`;
const KEY = `(?:${QUOTED}|${BARE})`;
const VALUE = `(?:${QUOTED}|${BARE}|NULL|null)`;
/** What is in front of a value tells its beginning, in quotes or not. */
const EACH_VALUE = `(?s)([\\[({,:]\\s*)(?:'((?:[^'\\\\]|\\\\.|'')*)'|(${BARE}))`;

/** How a text `x` becomes a list, map or tuple. */
export interface ListText {
  /** What is read: the type with texts in place of all values. */
  readonly type: Type;
  /** An expression of that type, of anything where `x` has not its form. */
  readonly value: string;
  /** Whether it has; null where ClickHouse's parser is to say so. */
  readonly fits: string | null;
}

/** `chosen` says of a type within it that it is none of a text, as ClickHouse chooses types of its values. */
export function listText(to: Type, textType: (leaf: Type, key: boolean) => string | null): ListText {
  let chosen = false;
  const read = mapLeaves(to, (leaf, key) => {
    const text = textType(leaf, key);
    chosen ||= text === null;
    return text ?? leaf.text;
  });
  if (chosen)
    return {
      type: parseType(to.text),
      value: parsed(`if(x = '', ${quoteString(nothing(to))}, x)`, to, to.text),
      fits: null,
    };
  const form = quoteString(`(?s)^\\s*${formOf(to)}\\s*$`);
  const quoted = `replaceRegexpAll(trimBoth(x), ${quoteString(EACH_VALUE)}, ${quoteString(`\\1'\\2\\3'`)})`;
  const fits = `match(x, ${form})`;
  return {
    type: parseType(read),
    value: parsed(`if(${fits}, ${quoted}, ${quoteString(nothing(to))})`, to, read),
    fits,
  };
}

/** ClickHouse has no cast of a text to a Map, but one to a list of them. */
function parsed(text: string, to: Type, type: string): string {
  if (to.name !== 'Map') return `CAST(${text}, ${quoteString(type)})`;
  return `arrayElement(CAST(concat('[', ${text}, ']'), ${quoteString(`Array(${type})`)}), 1)`;
}

function formOf({ name, elements }: Type, value = VALUE): string {
  const [first = '', second = ''] = elements.map(({ type }, index) =>
    formOf(type, name === 'Map' && index === 0 ? KEY : VALUE),
  );
  if (elements.length === 0) return value;
  if (name === 'Array') return inBrackets('\\[', many(first), '\\]');
  if (name === 'Nested') return inBrackets('\\[', many(formOf({ ...parseType('Tuple()'), elements })), '\\]');
  if (name === 'Map') return inBrackets('\\{', many(`${first}\\s*:\\s*${second}`), '\\}');
  const fields = elements.map(({ type }) => formOf(type)).join('\\s*,\\s*');
  return inBrackets('\\(', elements.length === 1 ? `${fields}(?:\\s*,)?` : fields, '\\)');
}

function many(form: string): string {
  return `(?:${form}(?:\\s*,\\s*${form})*)?`;
}

function inBrackets(open: string, form: string, close: string): string {
  return `${open}\\s*${form}\\s*${close}`;
}

/** Of a tuple one of texts without characters. */
export function nothing({ name, elements }: Type): string {
  if (elements.length === 0) return `''`;
  if (name === 'Map') return '{}';
  return name === 'Tuple' ? `(${elements.map(({ type }) => nothing(type)).join(',')})` : '[]';
}
