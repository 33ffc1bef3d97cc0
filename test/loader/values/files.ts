/** Files of one column of one type, by writers that are not the loader's: by hand, by a package, by the engine. */
import { parquetWriteBuffer } from 'hyparquet-writer';
import type { Kind, Value } from './model.js';

/** A type that a column of a file has. */
export interface FileType {
  readonly name: string;
  readonly kind: Kind;
  /** For what the engine writes; null where another writer is to be used. */
  readonly engine: string;
  readonly border: readonly string[];
  /** A random one, of numbers from 0 to 1. */
  random(dice: () => number): string;
}

const whole = (bits: number, signed: boolean): FileType => {
  const [low, high] = signed ? [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n] : [0n, 2n ** BigInt(bits) - 1n];
  const all = [
    0n,
    1n,
    -1n,
    2n,
    9n,
    100n,
    127n,
    128n,
    -128n,
    -129n,
    255n,
    256n,
    300n,
    32767n,
    32768n,
    65535n,
    65536n,
    19000n,
    120529n,
    120530n,
  ]
    .concat([16777216n, 16777217n, 20240131n, 2147483647n, 2147483648n, -2147483649n, 4294967295n, 4294967296n])
    .concat([1706704496n, 1706704496123n, 9007199254740992n, 9007199254740993n, 9223372036854775807n, low, high]);
  return {
    name: `${signed ? '' : 'U'}Int${bits}`,
    kind: 'number',
    engine: `${signed ? '' : 'U'}Int${bits}`,
    border: [...new Set(all.filter((n) => n >= low && n <= high))].map(String),
    random: (dice) => {
      const width = BigInt(1 + Math.floor(dice() * (bits - 1)));
      const number = (BigInt(Math.floor(dice() * 2 ** 52)) * BigInt(Math.floor(dice() * 2 ** 52))) % 2n ** width;
      const negative = signed && dice() < 0.5 ? -number : number;
      return String(negative > high ? high : negative);
    },
  };
};

const decimal = (precision: number, scale: number): FileType => ({
  name: `Decimal(${precision}, ${scale})`,
  kind: 'number',
  engine: `Decimal(${precision}, ${scale})`,
  border: [
    '0',
    '1',
    '-1',
    '0.29',
    '1.2',
    '10.5',
    '300',
    '-129',
    '99999',
    `${'9'.repeat(precision - scale)}.${'9'.repeat(scale)}`,
  ].map((text) => text),
  random: (dice) =>
    `${dice() < 0.5 ? '-' : ''}${Math.floor(dice() * 10 ** (1 + Math.floor(dice() * Math.min(9, precision - scale))) * 0.99)}.${String(Math.floor(dice() * 100)).padStart(2, '0')}`,
});

const float: FileType = {
  name: 'Float64',
  kind: 'float',
  engine: 'Float64',
  border: [
    '0',
    '1',
    '-1',
    '0.1',
    '0.29',
    '1.235',
    '10.5',
    '19.99',
    '-5',
    '255',
    '256',
    '300.5',
    '1e10',
    '1e30',
    '1e300',
    '1e-7',
    '1e-300',
    '16777217',
    '9007199254740992',
    '1152921504606846976',
    '1706704496.123',
    '280000000000',
    '-20000000000000',
    '99999999.99',
    '123456789.12',
  ],
  random: (dice) => {
    const number = (dice() - 0.5) * 10 ** Math.floor(dice() * 24 - 8);
    return String(dice() < 0.5 ? Number(number.toPrecision(1 + Math.floor(dice() * 8))) : number);
  },
};

const pad = (n: number, width = 2): string => String(Math.floor(n)).padStart(width, '0');
const day = (dice: () => number, from: number, to: number): string =>
  `${pad(from + dice() * (to - from), 4)}-${pad(1 + dice() * 12)}-${pad(1 + dice() * 28)}`;

const date: FileType = {
  name: 'Date32',
  kind: 'date',
  engine: 'Date32',
  border: [
    '1900-01-01',
    '1969-12-31',
    '1970-01-01',
    '1965-05-05',
    '2024-02-29',
    '2106-02-07',
    '2106-02-08',
    '2149-06-06',
    '2149-06-07',
    '2200-01-01',
    '2299-12-31',
  ],
  random: (dice) => day(dice, 1900, 2299),
};

const time = (scale: number): FileType => ({
  name: `DateTime64(${scale})`,
  kind: 'time',
  engine: `DateTime64(${scale}, 'UTC')`,
  border: [
    '1900-01-01 00:00:00',
    '1969-12-31 23:59:59',
    '1970-01-01 00:00:00',
    '2024-01-31 00:00:00',
    '2024-01-31 12:34:56',
    '2106-02-07 06:28:15',
    '2106-02-07 06:28:16',
    '2200-01-01 00:00:00',
    '2262-01-01 00:00:00',
    '2299-12-31 23:59:59',
    '2024-01-31 12:34:56.789',
    ...(scale > 3 ? ['2024-01-31 12:34:56.789123'] : []),
  ],
  random: (dice) =>
    `${day(dice, 1905, 2260)} ${pad(dice() * 24)}:${pad(dice() * 60)}:${pad(dice() * 60)}${dice() < 0.5 ? '' : `.${pad(dice() * 1000, 3)}`}`,
});

const NUMBER_TEXTS = [
  '0',
  '7',
  '300',
  '-1',
  '10.5',
  '1.0',
  '007',
  '+5',
  '1e3',
  '1e-3',
  '0.29',
  '1.235',
  '99999999.995',
  '16777217',
  '9007199254740993',
  '9223372036854775808',
  '340282366920938463463374607431768211456',
  '1e400',
  '1706704496',
  '1706704496123',
  '20240131',
  '1706704496.5',
  '0.30000000000000004',
  '0.1000000000000000000001',
  '12345678901234567890.12',
];
const TIME_TEXTS = [
  '2024-01-31',
  '1965-05-05',
  '2200-01-01',
  '1899-12-31',
  '9999-12-31',
  '2023-02-30',
  '2023-02-00',
  '0000-00-00',
  '0000-00-00 00:00:00',
  '2024-01-31 12:34:56',
  '2024-01-31T12:34:56',
  '2024-01-31 25:61:61',
  '2024-01-31 24:00:00',
  '2024-01-31 12:34:56.789',
  '2024-01-31 12:34:56.123456789',
  '2106-02-07 06:28:16',
  '2299-12-31 23:59:59',
  '01/02/2024',
  '10:00',
  '2024',
  '31 April 2024',
];
const TEXTS = ['a', 'abc', 'abcd', 'äö', 'true', "it's", 'x,y "z"', 'NaN', 'inf', 'many', '12a', '1 2', '--1', '0x10'];

const text: FileType = {
  name: 'String',
  kind: 'text',
  engine: 'String',
  border: [...NUMBER_TEXTS, ...TIME_TEXTS, ...TEXTS],
  random: (dice) => {
    const kinds: readonly FileType[] = [whole(32, true), float, decimal(18, 4), date, time(3)];
    return (kinds[Math.floor(dice() * kinds.length)] as FileType).random(dice);
  },
};

const bool: FileType = {
  name: 'Bool',
  kind: 'bool',
  engine: 'Bool',
  border: ['true', 'false'],
  random: (dice) => String(dice() < 0.5),
};
const fixed: FileType = {
  name: 'FixedString(3)',
  kind: 'text',
  engine: 'FixedString(3)',
  border: ['abc', '300', 'a b', '1.5', '-12'],
  random: (dice) => pad(dice() * 1000, 3),
};
const float32: FileType = {
  ...float,
  name: 'Float32',
  kind: 'float32',
  engine: 'Float32',
  border: ['0', '1', '0.1', '0.29', '10.5', '300', '-5', '16777216', '273811000', '1e10', '1e30'],
  random: (dice) =>
    String(Number(((dice() - 0.5) * 10 ** Math.floor(dice() * 10)).toPrecision(1 + Math.floor(dice() * 6)))),
};

export const TYPED_TYPES: readonly FileType[] = [
  whole(8, true),
  whole(16, true),
  whole(32, true),
  whole(64, true),
  whole(8, false),
  whole(16, false),
  whole(32, false),
  whole(64, false),
  float32,
  float,
  decimal(9, 2),
  decimal(18, 4),
  decimal(38, 10),
  bool,
  date,
  time(3),
  time(6),
  text,
  fixed,
];
/** What text files have instead of types: forms of their fields. */
export const TEXT_TYPES: readonly FileType[] = [
  whole(64, true),
  whole(64, false),
  { ...float, kind: 'number' },
  decimal(18, 4),
  bool,
  date,
  time(6),
  text,
];

export type Wrapper = 'plain' | 'Nullable' | 'Array' | 'Map' | 'Tuple';

export const WRAPPERS: readonly Wrapper[] = ['plain', 'Nullable', 'Array', 'Map', 'Tuple'];

/** The type with what is around it. */
export function wrapped(type: string, wrapper: Wrapper): string {
  if (wrapper === 'plain') return type;
  if (wrapper === 'Map') return `Map(String, ${type})`;
  return wrapper === 'Tuple' ? `Tuple(x ${type})` : `${wrapper}(${type})`;
}

export function sqlText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** The column that holds the values with that around them. */
export function columnOf(wrapper: Wrapper): string {
  return `v_${wrapper.toLowerCase()}`;
}

/** As an expression: the row number `n`, and the values in a column for each of the wrappers. */
export function selectValues(type: FileType, wrappers: readonly Wrapper[], values: readonly string[]): string {
  const inner = (value: string, wrapper: Wrapper): string => {
    const scalar = `CAST(${sqlText(value)}, ${sqlText(type.engine)})`;
    if (wrapper === 'Array') return `[${scalar}]`;
    if (wrapper === 'Map') return `map('k', ${scalar})`;
    return wrapper === 'Tuple' ? `CAST(tuple(${scalar}), ${sqlText(wrapped(type.engine, wrapper))})` : scalar;
  };
  const column = (value: string, wrapper: Wrapper): string =>
    `CAST(${inner(value, wrapper)}, ${sqlText(wrapped(type.engine, wrapper))}) AS ${columnOf(wrapper)}`;
  const rows = values.map(
    (value, n) => `SELECT toInt32(${n}) AS n, ${wrappers.map((wrapper) => column(value, wrapper)).join(', ')}`,
  );
  return rows.join(' UNION ALL ');
}

/** A field of a text file. Numbers and truth stand without quotes where a format has any. */
export function bare({ kind }: Value): boolean {
  return kind === 'number' || kind.startsWith('float') || kind === 'bool';
}

function inBrackets(value: Value, wrapper: Wrapper): string {
  const text = bare(value) ? value.text : `'${value.text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  if (wrapper === 'Array') return `[${text}]`;
  if (wrapper === 'Map') return `{'k':${text}}`;
  return wrapper === 'Tuple' ? `(${text})` : value.text;
}

function lines(
  values: readonly Value[],
  wrappers: readonly Wrapper[],
  separator: string,
  field: (text: string) => string,
): string {
  const header = ['n', ...wrappers.map(columnOf)];
  const rows = values.map((value, n) => [String(n), ...wrappers.map((wrapper) => field(inBrackets(value, wrapper)))]);
  return [header, ...rows].map((fields) => `${fields.join(separator)}\n`).join('');
}

export function csv(values: readonly Value[], wrappers: readonly Wrapper[]): string {
  return lines(values, wrappers, ',', (text) =>
    /[",\n\r]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text,
  );
}

export function tsv(values: readonly Value[], wrappers: readonly Wrapper[]): string {
  return lines(values, wrappers, '\t', (text) =>
    text.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n'),
  );
}

export function jsonLines(values: readonly Value[], wrappers: readonly Wrapper[]): string {
  return values
    .map((value, n) => {
      const text = bare(value) ? value.text : JSON.stringify(value.text);
      const inner = { plain: text, Nullable: text, Array: `[${text}]`, Map: `{"k":${text}}`, Tuple: `{"x":${text}}` };
      return `{"n":${n},${wrappers.map((wrapper) => `"${columnOf(wrapper)}":${inner[wrapper]}`).join(',')}}\n`;
    })
    .join('');
}

/** By hyparquet-writer; null for what it has no type for. */
export function parquet(type: FileType, values: readonly string[]): Uint8Array | null {
  const ways: Readonly<
    Record<
      string,
      { readonly type: 'INT32' | 'INT64' | 'DOUBLE' | 'FLOAT' | 'BOOLEAN' | 'STRING'; of(text: string): unknown }
    >
  > = {
    Int32: { type: 'INT32', of: Number },
    Int64: { type: 'INT64', of: BigInt },
    Float64: { type: 'DOUBLE', of: Number },
    Float32: { type: 'FLOAT', of: Number },
    Bool: { type: 'BOOLEAN', of: (text) => text === 'true' },
    String: { type: 'STRING', of: (text) => text },
  };
  const way = ways[type.name];
  if (way === undefined) return null;
  const columnData = [
    { name: 'n', data: values.map((_, n) => n), type: 'INT32' as const, nullable: false },
    { name: columnOf('plain'), data: values.map(way.of), type: way.type },
  ];
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}
