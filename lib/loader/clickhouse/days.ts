/**
 * Dates of typed files. ClickHouse's readers stop at a day that is none of its Date32's, and say neither row nor column of it. So a
 * date is read as its number, days since 1970, and becomes a date afterwards.
 */
import { type Element, mapLeaves, parseType, type Type } from './type-tree.js';

const [FIRST, LAST] = [-25_567, 120_530];
/** The first of January of the year 1, and 31 December 9999: newer versions have all between them, though not by their documents. */
const [EARLIEST, LATEST] = [-719_162, 2_932_896];

function dateOf(x: string): string {
  return `addDays(toDate32('1970-01-01'), ${x})`;
}

/** A Date32 of a number; NULL where this ClickHouse would make another day of it. */
export function dayOf(x: string): string {
  const newer = `toString(${dateOf(String(LATEST))}) = '9999-12-31' AND ${x} BETWEEN ${EARLIEST} AND ${LATEST}`;
  return `if(${x} BETWEEN ${FIRST} AND ${LAST} OR (${newer}), ${dateOf(x)}, NULL)`;
}

/** As what a value of a type is read. */
export function readAsNumbers(written: string): string {
  if (!/\bDate32\b/.test(written)) return written;
  return mapLeaves(parseType(written), (leaf) => {
    const read = leaf.name === 'Date32' ? 'Int32' : leaf.text;
    return leaf.nullable ? `Nullable(${read})` : read;
  });
}

/** With dates in place of their numbers, NULL where there is none. */
export function withDates(x: string, type: Type): string {
  return converted(x, type, 0);
}

/** For a message. */
export function shownText(x: string, type: Type): string {
  if (type.name !== 'Date32') return `toString(${withDates(x, type)})`;
  return `coalesce(toString(${dayOf(x)}), concat('day ', toString(${x}), ' since 1970'))`;
}

function converted(x: string, type: Type, depth: number): string {
  if (type.name === 'Date32') return dayOf(x);
  const variable = `d${depth}`;
  const each = (element: Element | undefined, values: string): string => {
    const value = element === undefined ? variable : converted(variable, element.type, depth + 1);
    return value === variable ? values : `arrayMap(${variable} -> ${value}, ${values})`;
  };
  const [first, second] = type.elements;
  if (type.name === 'Array') return each(first, x);
  if (type.name === 'Map') {
    const [keys, values] = [each(first, `mapKeys(${x})`), each(second, `mapValues(${x})`)];
    return keys === `mapKeys(${x})` && values === `mapValues(${x})` ? x : `mapFromArrays(${keys}, ${values})`;
  }
  if (type.name !== 'Tuple') return x;
  const fields = type.elements.map((_, index) => `tupleElement(${x}, ${index + 1})`);
  const parts = type.elements.map((element, index) => converted(fields[index] as string, element.type, depth));
  return parts.every((part, index) => part === fields[index]) ? x : `tuple(${parts.join(', ')})`;
}
