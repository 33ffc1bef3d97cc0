/** How many bytes an ORC file's values have, by the statistics in its footer: those of texts say how long all of them are together. */
import { type Field, fields, orcFooter } from '../file/orc-schema.js';

const FOOTER = { types: 4, statistics: 7 } as const;
const TYPE_KIND = 1;
const COLUMN = { values: 1, text: 4, binary: 8 } as const;
const TEXT_SUM = 3;
const BINARY_SUM = 1;

/** Text, varchar and char; bytes. */
const TEXTS: readonly number[] = [7, 16, 17];
const BINARY = 8;
const UNION = 13;
const DECIMAL = 14;
/** Of numbers and times, of which none has more. */
const [WIDTH, DECIMAL_WIDTH] = [8, 16];
const LENGTH_BYTES = 4;

/** `part` is what orcSchema gives. Null where a text has no statistics. @throws Error where the footer is damaged */
export function orcBytes(part: Uint8Array, rows: number): number | null {
  const footer = [...fields(orcFooter(part))];
  const kinds = contentsOf(footer, FOOTER.types).map((type) => numberOf(fields(type), TYPE_KIND) ?? 0);
  const statistics = contentsOf(footer, FOOTER.statistics);
  let bytes = 0;
  for (const [index, kind] of kinds.entries()) {
    const column = statistics[index];
    if (column === undefined || kind === UNION) return null;
    const found = [...fields(column)];
    // A column within a list has more values than there are rows.
    const values = Math.max(rows, numberOf(found, COLUMN.values) ?? 0);
    const isBinary = kind === BINARY;
    if (!isBinary && !TEXTS.includes(kind)) {
      bytes += (kind === DECIMAL ? DECIMAL_WIDTH : WIDTH) * values;
      continue;
    }
    const [texts] = contentsOf(found, isBinary ? COLUMN.binary : COLUMN.text);
    const sum = texts === undefined ? null : numberOf(fields(texts), isBinary ? BINARY_SUM : TEXT_SUM);
    // A column of no values at all has no sum.
    if (sum === null && numberOf(found, COLUMN.values) !== 0) return null;
    bytes += unfolded(sum ?? 0) + LENGTH_BYTES * values;
  }
  return bytes;
}

function contentsOf(message: readonly Field[], wanted: number): readonly Buffer[] {
  return message.filter(({ number }) => number === wanted).map(({ content }) => content);
}

function numberOf(message: Iterable<Field>, wanted: number): number | null {
  for (const { number, value } of message) if (number === wanted) return value;
  return null;
}

/** Signed numbers are folded into unsigned ones: 0, -1, 1, -2 … */
function unfolded(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
