/**
 * The formats of settings: how a value from a YAML file, an environment variable or an argument is read, and what is said
 * when it will not do. convict's own number formats read `5x` as 5 and `1e3` as 1, so none of them is used.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { LOG_LEVELS, type LogLevel } from '../types.js';

/** Bounds and choices that a setting's entry in the schema may carry for its format. */
export interface FormatOptions {
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  readonly pattern?: RegExp;
}

interface Format {
  /** Throws an Error whose message completes the sentence "<key> …". */
  readonly validate: (value: unknown, options: FormatOptions) => void;
  /** Turns text into the format's type where it can; anything else is left for `validate` to refuse. */
  readonly coerce: (value: unknown) => unknown;
}

const AUTO = 'auto';
const DECIMAL = /^[+-]?(\d+)(\.\d+)?$/;
const FLAGS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  1: true,
  false: false,
  no: false,
  off: false,
  0: false,
};
/** Python's names, which existing files use. */
const LEVEL_ALIASES: Readonly<Record<string, LogLevel>> = {
  warning: 'warn',
  critical: 'error',
  fatal: 'error',
  notset: 'debug',
};

export const FORMATS = {
  text: { coerce: (value) => value, validate: validateText },
  whole: {
    coerce: toNumber,
    validate: (value, options) => {
      if (!Number.isSafeInteger(value)) throw new Error('must be a whole number');
      validateBounds(value as number, options);
    },
  },
  wholeOrAuto: {
    coerce: (value) => (typeof value === 'string' && value.trim().toLowerCase() === AUTO ? AUTO : toNumber(value)),
    validate: (value, options) => {
      if (value === AUTO) return;
      if (!Number.isSafeInteger(value)) throw new Error(`must be a whole number, or ${AUTO}`);
      validateBounds(value as number, options);
    },
  },
  number: {
    coerce: toNumber,
    validate: (value, options) => {
      if (typeof value !== 'number' || !Number.isFinite(value)) throw new Error('must be a number');
      validateBounds(value, options);
    },
  },
  flag: {
    coerce: (value) => (typeof value === 'string' ? (FLAGS[value.trim().toLowerCase()] ?? value) : value),
    validate: (value) => {
      if (typeof value !== 'boolean') throw new Error('must be true or false');
    },
  },
  flagOrAuto: {
    coerce: (value) => {
      const name = typeof value === 'string' ? value.trim().toLowerCase() : value;
      return typeof name === 'string' ? (FLAGS[name] ?? name) : name;
    },
    validate: (value) => {
      if (typeof value !== 'boolean' && value !== AUTO) throw new Error(`must be true, false or ${AUTO}`);
    },
  },
  choice: {
    coerce: (value) => value,
    validate: (value, { choices = [] }) => {
      if (!choices.includes(value as string)) throw new Error(`must be one of ${choices.join(', ')}`);
    },
  },
  level: {
    coerce: (value) => {
      const name = typeof value === 'string' ? value.trim().toLowerCase() : value;
      return typeof name === 'string' ? (LEVEL_ALIASES[name] ?? name) : name;
    },
    validate: (value) => {
      if (!LOG_LEVELS.includes(value as LogLevel))
        throw new Error(`must be one of ${LOG_LEVELS.join(', ')} (or a Python level name)`);
    },
  },
  texts: {
    coerce: toList,
    validate: (value, options) => {
      if (!Array.isArray(value)) throw new Error('must be a list of texts');
      for (const item of value) validateText(item, options);
    },
  },
  brokers: {
    coerce: toList,
    validate: (value) => {
      if (!Array.isArray(value)) throw new Error('must be a list of host:port');
      if (value.length === 0) throw new Error('must name at least one broker');
      for (const item of value) validateBroker(item);
    },
  },
  wholes: {
    coerce: (value) => {
      const list = toList(value);
      return Array.isArray(list) ? list.map(toNumber) : list;
    },
    validate: (value, options) => {
      if (!Array.isArray(value) || !value.every(Number.isSafeInteger))
        throw new Error('must be a list of whole numbers');
      for (const item of value) validateBounds(item as number, options);
    },
  },
} as const satisfies Readonly<Record<string, Format>>;

export type FormatName = keyof typeof FORMATS;

function validateText(value: unknown, { pattern }: FormatOptions): void {
  if (value === null || value === undefined || value === '') throw new Error('must not be empty');
  if (typeof value !== 'string') throw new Error('must be a text');
  if (value.includes('\0')) throw new Error('must not contain a NUL');
  if (pattern !== undefined && !pattern.test(value)) throw new Error(`must match ${pattern.source}`);
}

/** A name or an address; an IPv6 address in brackets. */
const BROKER = /^(?:\[([^\]]+)\]|([^\s[\]:,/]+)):(\d{1,5})$/;
const NAME = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\.?$/i;

/** Whether it is a name or an address alone, without scheme, brackets and port. */
export function isHost(text: string): boolean {
  // Digits and dots are an address, and no name that any server knows.
  return isIPv6(text) || (/^[\d.]+$/.test(text) ? isIPv4(text) : NAME.test(text));
}

function validateBroker(value: unknown): void {
  const shown = JSON.stringify(value);
  if (typeof value !== 'string') throw new Error(`must be a list of host:port; ${shown} is no text`);
  if (/^[a-z_+]+:\/\//i.test(value)) throw new Error(`must be a list of host:port; leave out the scheme of ${shown}`);
  const [, inBrackets, host, port] = BROKER.exec(value) ?? [];
  const isNamed = inBrackets === undefined ? isHost(host ?? '') : isIPv6(inBrackets);
  if (isNamed && Number(port) >= 1 && Number(port) <= 65_535) return;
  if (/^[^\s:,/]+$/.test(value)) throw new Error(`must be a list of host:port; ${shown} has no port (often 9092)`);
  throw new Error(`must be a list of host:port, an IPv6 address in brackets; ${shown} is none`);
}

function validateBounds(value: number, { min = -Infinity, max = Infinity }: FormatOptions): void {
  if (value >= min && value <= max) return;
  throw new Error(max === Infinity ? `must be at least ${min}` : `must be from ${min} to ${max}`);
}

function toNumber(value: unknown): unknown {
  return typeof value === 'string' && DECIMAL.test(value.trim()) ? Number(value) : value;
}

/** A list as YAML gives it, or written in one text: as JSON, else separated by commas. */
function toList(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  // An IPv6 address stands in brackets too.
  if (value.trim().startsWith('[') && !/^\s*\[[^\]"]*\]:/.test(value)) {
    try {
      return JSON.parse(value);
    } catch {
      return value;
    }
  }
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
