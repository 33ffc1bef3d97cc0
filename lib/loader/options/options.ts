/** Reading of a command line against its list of options; the help is made of the same lists. */

import { ExitCode } from '../../errors.js';
import { didYouMean } from '../../util/did-you-mean.js';

export interface OptionSpec {
  readonly name: string;
  /** Null for a switch. */
  readonly value: string | null;
  readonly help: string;
}

export interface TableName {
  /** Null for the connection's database. */
  readonly database: string | null;
  readonly table: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Options of every command; they come last in each list. */
export const COMMON_OPTIONS: readonly OptionSpec[] = [{ name: 'help', value: null, help: 'show this help' }];

export type Parsed<Request> =
  | { readonly kind: 'help' }
  | { readonly kind: 'request'; readonly request: Request }
  | { readonly kind: 'invalid'; readonly exitCode: ExitCode; readonly reason: string };

/** Thrown by whatever reads an argument, and caught by `parse`. */
export class Invalid extends Error {
  readonly exitCode: ExitCode;

  constructor(reason: string, exitCode: ExitCode = ExitCode.usage) {
    super(reason);
    this.exitCode = exitCode;
  }
}

export type Given = ReadonlyMap<string, string>;

export function parse<Request>(
  args: readonly string[],
  options: readonly OptionSpec[],
  toRequest: (given: Given) => Request,
): Parsed<Request> {
  try {
    const given = readOptions(args, options);
    return given.has('help') ? { kind: 'help' } : { kind: 'request', request: toRequest(given) };
  } catch (error) {
    if (error instanceof Invalid) return { kind: 'invalid', exitCode: error.exitCode, reason: error.message };
    throw error;
  }
}

/** `--name value`, `--name=value` and switches; `-h` is `--help`. Node's own parser takes a millisecond to load. */
function readOptions(args: readonly string[], options: readonly OptionSpec[]): Given {
  const given = new Map<string, string>();
  for (let index = 0; index < args.length; index++) {
    const word = args[index] as string;
    if (!word.startsWith('-')) throw new Invalid(`unexpected argument '${word}'`);
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const spec = options.find((option) => name === `--${option.name}` || (name === '-h' && option.name === 'help'));
    if (spec === undefined) {
      const known = options.map((option) => `--${option.name}`);
      throw new Invalid(unknownWord('option', name, known));
    }
    const joined = equals < 0 ? null : word.slice(equals + 1);
    if (spec.value === null && joined !== null) throw new Invalid(`--${spec.name} takes no value`);
    const value = spec.value === null ? '' : (joined ?? args[++index]);
    if (value === undefined) throw new Invalid(`--${spec.name} needs a value`);
    given.set(spec.name, value);
  }
  return given;
}

/** `unknown option '--tabel-name' (did you mean '--table-name'?)` */
export function unknownWord(what: string, word: string, known: readonly string[]): string {
  const meant = didYouMean(word, known);
  return `unknown ${what} '${word}'${meant === null ? '' : ` (did you mean '${meant}'?)`}`;
}

export function required(given: Given, name: string): string {
  const value = given.get(name);
  if (value === undefined) throw new Invalid(`--${name} is missing`);
  if (value === '') throw new Invalid(`--${name} is empty`);
  return value;
}

export function tableName(value: string): TableName {
  const match = /^(?:([A-Za-z_][A-Za-z0-9_]*)\.)?([A-Za-z_][A-Za-z0-9_]*)$/.exec(value);
  if (!match?.[2]) {
    throw new Invalid(
      `--table-name '${value}' is not a table name (letters, digits and underscores, or database.table)`,
    );
  }
  return { database: match[1] ?? null, table: match[2] };
}

export function integer(source: string, value: string, min: number, max: number): number {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new Invalid(`${source} '${value}' is not a whole number from ${min} to ${max}`, exitCodeFor(source));
}

/** A wrong variable is the configuration's fault, a wrong argument the caller's. */
export function exitCodeFor(source: string): ExitCode {
  return source.startsWith('--') ? ExitCode.usage : ExitCode.configuration;
}

/** `--json`, or what a supervisor says by the environment. */
export function wantsJson(given: Given, env: Environment): boolean {
  return given.has('json') || env['ATD_OUTPUT'] === 'json';
}

/** 30 years. A time of expiry beyond 2106 would wrap around in ClickHouse's DateTime, and the rows be gone at once. */
const MAX_TTL_HOURS = 262_800;

/** Hours for which a created table keeps its rows; null for ever. */
export function ttlHours(given: Given, createTable: boolean): number | null {
  const value = given.get('ttl-hours');
  if (value === undefined) return null;
  if (!createTable) throw new Invalid('--ttl-hours needs --create-table: a table is never changed');
  return integer('--ttl-hours', value, 1, MAX_TTL_HOURS);
}
