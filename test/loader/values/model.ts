/**
 * Values as people mean them, apart from how a file or a table writes them: what a file says, what a column can hold, and
 * whether what is read back is the same. It knows nothing of the loader, so that it can be a judge of it.
 */

export type Kind = 'number' | 'float' | 'float32' | 'time' | 'date' | 'bool' | 'text';

/** A value by its canonical text: `-12.50`, `1e300`, `2024-01-31 01:02:03.5`, `2024-01-31`, `true`, `any text`. */
export interface Value {
  readonly kind: Kind;
  readonly text: string;
}

export interface ColumnType {
  readonly name: string;
  readonly nullable?: boolean;
}

/** An exact number: digits times ten to the power of -scale. */
interface Exact {
  readonly digits: bigint;
  readonly scale: number;
}

export function exact(text: string): Exact | null {
  const found = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (found === null || (found[2] === '' && !found[3])) return null;
  const [, sign, whole = '', fraction = '', exponent = '0'] = found;
  let digits = BigInt(`${whole}${fraction}` || '0') * (sign === '-' ? -1n : 1n);
  let scale = fraction.length - Number(exponent);
  if (scale < 0) {
    digits *= 10n ** BigInt(-scale);
    scale = 0;
  }
  while (scale > 0 && digits % 10n === 0n) {
    digits /= 10n;
    scale--;
  }
  return { digits, scale };
}

function sameNumber(a: string, b: string): boolean {
  const [one, other] = [exact(a), exact(b)];
  if (one === null || other === null) return a.toLowerCase() === b.toLowerCase();
  return one.digits === other.digits && one.scale === other.scale;
}

const EPOCH = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:\.(\d+))?)?$/;

/** Nanoseconds since 1970; null for no instant, as 30 February is none. */
export function instant(text: string): bigint | null {
  const found = EPOCH.exec(text);
  if (found === null) return null;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = ''] = found;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return null;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null;
  const seconds = BigInt(date.getTime() / 1000) + BigInt(Number(hour) * 3600 + Number(minute) * 60 + Number(second));
  return seconds * 1_000_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9));
}

/** What stands in the table, as ClickHouse shows it, read by the column's type. */
export function stored(type: ColumnType, text: string): Value {
  const { name } = type;
  if (/^(U?Int|Decimal)/.test(name)) return { kind: 'number', text };
  if (/^Float/.test(name)) return { kind: name === 'Float32' ? 'float32' : 'float', text };
  if (/^DateTime/.test(name)) return { kind: 'time', text };
  if (/^Date/.test(name)) return { kind: 'date', text };
  if (name === 'Bool') return { kind: 'bool', text };
  return { kind: 'text', text: text.replace(/\0+$/, '') };
}

/**
 * Whether `read`, from a column of the type, is what was `written`. Text of the same value in another spelling is the same, between
 * text and other kinds.
 */
export function same(written: Value, read: Value, { name }: ColumnType): boolean {
  if (written.kind === 'text' && read.kind === 'text') return written.text === read.text;
  const kinds = new Set([written.kind, read.kind]);
  if (kinds.has('time') || kinds.has('date')) return sameTime(written, read);
  if (kinds.has('bool')) {
    const truth = (text: string): string =>
      text
        .toLowerCase()
        .replace(/^(1|yes|y|t|on)$/, 'true')
        .replace(/^(0|no|n|f|off)$/, 'false');
    return truth(written.text) === truth(read.text);
  }
  // A whole number is the exact value of the float, whose shortest text may be another one.
  if (written.kind.startsWith('float') && name in RANGES) return sameWhole(written, read.text);
  if (sameNumber(written.text, read.text)) return true;
  if (read.kind === 'float' && sameNumber(written.text, exactText(Number(read.text)))) return true;
  if (!written.kind.startsWith('float')) return read.kind === 'float32' && exactIn32(written.text, read.text);
  // A float is the number of its shortest text, and its exact value too.
  if (sameNumber(shortest(written), read.text)) return true;
  if (written.kind === 'float32' && read.kind === 'float')
    return Number(read.text) === Math.fround(Number(written.text));
  return (read.kind === 'float32' || written.kind === 'float32') && exactIn32(written.text, read.text);
}

function sameWhole({ kind, text }: Value, read: string): boolean {
  const float = kind === 'float32' ? Math.fround(Number(text)) : Number(text);
  return Number.isInteger(float) && sameNumber(read, String(BigInt(float)));
}

/** Shown by fewer digits, a Float32 is the number all the same. */
function exactIn32(written: string, read: string): boolean {
  const one = exact(written);
  const narrow = Math.fround(Number(read));
  return one !== null && Math.fround(Number(written)) === narrow && sameNumber(written, exactText(narrow));
}

/** A whole Float32 by its exact value, any other one as it is. */
function wholeIn32(text: string): string {
  const narrow = Math.fround(Number(text));
  return Number.isInteger(narrow) ? exactText(narrow) : text;
}

function exactText(number: number): string {
  return Number.isFinite(number) && Number.isInteger(number) ? String(BigInt(number)) : String(number);
}

function shortest({ kind, text }: Value): string {
  return kind === 'float32' ? shortest32(Number(text)) : String(Number(text));
}

function sameTime(written: Value, read: Value): boolean {
  const [one, other] = [nanoseconds(written, read), nanoseconds(read, written)];
  if (one === null || other === null) return written.text === read.text;
  return one === other;
}

/** A number stands for seconds, of a date for days; text of digits may be either, and a day without separators. */
function nanoseconds(value: Value, against: Value): bigint | null {
  const direct = instant(value.text);
  if (direct !== null) return direct;
  const number = exact(value.kind === 'float32' ? wholeIn32(value.text) : value.text);
  if (number === null || (value.kind === 'text' && against.kind === 'text')) return null;
  const compact = /^(\d{4})(\d\d)(\d\d)$/.exec(value.text);
  const other = instant(against.text);
  if (compact && !value.kind.startsWith('float')) {
    const day = instant(`${compact[1]}-${compact[2]}-${compact[3]}`);
    if (day !== null && day === other) return day;
  }
  if (against.kind === 'date' && number.scale === 0) {
    const days = number.digits * 86_400_000_000_000n;
    if (days === other) return days;
  }
  if (number.scale > 9) return null;
  const seconds = number.digits * 10n ** BigInt(9 - number.scale);
  // As text, an epoch of 13, 16 or 19 digits has its unit by its length.
  for (const unit of [1n, 1000n, 1_000_000n, 1_000_000_000n]) {
    if (
      value.text.length >= 13 &&
      seconds % unit === 0n &&
      seconds / unit === other &&
      unit > 1n &&
      !value.kind.startsWith('float')
    )
      return seconds / unit;
  }
  return seconds;
}

const RANGES: Readonly<Record<string, readonly [bigint, bigint]>> = Object.fromEntries(
  [8, 16, 32, 64, 128, 256].flatMap((bits) => [
    [`Int${bits}`, [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n]],
    [`UInt${bits}`, [0n, 2n ** BigInt(bits) - 1n]],
  ]),
);

/** Whether a column of the type has room for the value, so that a loader that refuses it refuses too much; null where people may differ. */
export function hasRoom({ kind, text }: Value, { name }: ColumnType): boolean | null {
  if (name === 'String') return true;
  const fixed = /^FixedString\((\d+)\)$/.exec(name);
  if (fixed) return kind === 'text' ? Buffer.byteLength(text) <= Number(fixed[1]) : null;
  if (kind === 'number' || kind === 'float' || kind === 'float32') return roomForNumber(text, kind, name);
  if (kind === 'bool') return name === 'Bool' ? true : null;
  if (kind === 'time' || kind === 'date') return roomForTime(text, name);
  const number = exact(text);
  if (number !== null && /^(U?Int|Decimal|Float)/.test(name)) return roomForNumber(text, 'number', name);
  return instant(text) !== null && /^Date/.test(name)
    ? roomForTime(text, name)
    : /^(Date|Bool)/.test(name) && number !== null
      ? null
      : false;
}

function roomForNumber(text: string, kind: Kind, name: string): boolean | null {
  const range = RANGES[name];
  const number = exact(range && kind === 'float32' ? exactText(Math.fround(Number(text))) : text);
  if (range)
    return (
      number !== null &&
      number.scale === 0 &&
      number.digits >= range[0] &&
      number.digits <= range[1] &&
      !(kind !== 'number' && Math.abs(Number(text)) > 2 ** 53)
    );
  const decimal = /^Decimal\((\d+), (\d+)\)$/.exec(name);
  if (decimal) {
    const [precision, scale] = [Number(decimal[1]), Number(decimal[2])];
    if (number === null || number.scale > scale) return false;
    const digits = number.digits < 0n ? -number.digits : number.digits;
    return digits * 10n ** BigInt(scale - number.scale) < 10n ** BigInt(precision);
  }
  if (name === 'Float64') return kind !== 'number' || sameNumber(text, String(Number(text)));
  if (name === 'Float32') {
    const short = shortest32(Number(text));
    return (
      Number.isFinite(Math.fround(Number(text))) &&
      (sameNumber(text, short) || (kind !== 'number' && Math.fround(Number(text)) === Number(text)))
    );
  }
  // A number may be days or seconds, or neither.
  return null;
}

function shortest32(number: number): string {
  const narrow = Math.fround(number);
  for (let digits = 1; digits <= 9; digits++) {
    const text = narrow.toPrecision(digits);
    if (Math.fround(Number(text)) === narrow) return text;
  }
  return String(narrow);
}

const DAY = 86_400_000_000_000n;

function roomForTime(text: string, name: string): boolean | null {
  const at = instant(text);
  if (at === null) return false;
  const between = (low: string, high: string): boolean => at >= (instant(low) ?? 0n) && at <= (instant(high) ?? 0n);
  if (name === 'Date') return at % DAY === 0n && between('1970-01-01', '2149-06-06');
  if (name === 'Date32') return at % DAY === 0n && between('1900-01-01', '2299-12-31');
  if (name.startsWith('DateTime64')) {
    const scale = Number(/\d+/.exec(name.slice('DateTime64'.length))?.[0]);
    const range = scale === 9 ? between('1900-01-01', '2262-04-10') : between('1900-01-01', '2299-12-31');
    // Newer versions have more years.
    return at % 10n ** BigInt(9 - scale) === 0n ? range || null : false;
  }
  if (name.startsWith('DateTime')) return at % 1_000_000_000n === 0n && between('1970-01-01', '2106-02-07 06:28:15');
  return null;
}
