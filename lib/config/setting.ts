/** What a setting is, and how each kind of one is written down in `schema.ts`. */
import { LOG_LEVELS, type LogLevel } from '../types.js';
import type { FormatName, FormatOptions } from './formats.js';

export interface Setting<Value = unknown> extends FormatOptions {
  readonly format: FormatName;
  readonly default: Value;
  readonly doc: string;
  /** Whether null is allowed: the setting is then not set. */
  readonly nullable: boolean;
  /** A secret: never shown. Its twin `<key>_file` names a file that holds it. */
  readonly sensitive?: boolean;
  /** A file that must be readable when the service starts. */
  readonly readable?: boolean;
  /** Whether a reload takes another value over; all other settings hold until the next start. */
  readonly reloadable?: boolean;
  /** The name that the variable had in the service this one replaces; `ATD_…` wins over it. */
  readonly alias?: string;
}

type More = FormatOptions & Pick<Setting, 'sensitive' | 'readable' | 'alias'>;

function setting<Value>(format: FormatName, value: Value, doc: string, more: More = {}): Setting<Value> {
  return { format, default: value, doc, nullable: value === null, ...more };
}

export function text<Value extends string | null>(
  value: Value,
  doc: string,
  more?: More,
): Setting<string | (Value & null)> {
  return setting<string | (Value & null)>('text', value as never, doc, more);
}

export function readableFile(doc: string): Setting<string | null> {
  return text(null, doc, { readable: true });
}

export function choice<Value extends string | null, Choice extends string>(
  value: Value,
  choices: readonly Choice[],
  doc: string,
): Setting<Choice | (Value & null)> {
  return setting<Choice | (Value & null)>('choice', value as never, doc, { choices });
}

export function whole(value: number, min: number, max: number, doc: string): Setting<number> {
  return setting('whole', value, doc, { min, max });
}

export function wholeOrAuto(value: number, min: number, max: number, doc: string): Setting<number | 'auto'> {
  return setting<number | 'auto'>('wholeOrAuto', value, doc, { min, max });
}

/** `auto` unless it says otherwise. */
export function maybeWholeOrAuto(min: number, max: number, doc: string): Setting<number | 'auto' | null> {
  return { ...setting<number | 'auto'>('wholeOrAuto', 'auto', doc, { min, max }), nullable: true };
}

export function maybeWhole(value: number | null, min: number, max: number, doc: string): Setting<number | null> {
  return { ...setting('whole', value, doc, { min, max }), nullable: true };
}

export function number(value: number, min: number, max: number, doc: string): Setting<number> {
  return setting('number', value, doc, { min, max });
}

export function level(value: LogLevel, doc: string, more?: More): Setting<LogLevel> {
  return setting('level', value, doc, { choices: LOG_LEVELS, ...more });
}

export function flag(value: boolean, doc: string): Setting<boolean> {
  return setting('flag', value, doc);
}

export function flagOrAuto(value: boolean | 'auto', doc: string): Setting<boolean | 'auto'> {
  return setting<boolean | 'auto'>('flagOrAuto', value, doc);
}

export function texts(value: readonly string[], doc: string, more?: More): Setting<readonly string[]> {
  return setting('texts', value, doc, more);
}

export function brokers(value: readonly string[], doc: string): Setting<readonly string[]> {
  return setting('brokers', value, doc);
}

export function exitCodes(value: readonly number[], doc: string): Setting<readonly number[]> {
  return setting('wholes', value, doc, { min: 1, max: 255 });
}

/** The kinds of settings that a reload takes over. */
export const reloadable = {
  text: (...given: Parameters<typeof text<null>>) => marked(text(...given)),
  readableFile: (...given: Parameters<typeof readableFile>) => marked(readableFile(...given)),
  whole: (...given: Parameters<typeof whole>) => marked(whole(...given)),
  wholeOrAuto: (...given: Parameters<typeof wholeOrAuto>) => marked(wholeOrAuto(...given)),
  maybeWhole: (...given: Parameters<typeof maybeWhole>) => marked(maybeWhole(...given)),
  number: (...given: Parameters<typeof number>) => marked(number(...given)),
  level: (...given: Parameters<typeof level>) => marked(level(...given)),
  flag: (...given: Parameters<typeof flag>) => marked(flag(...given)),
  texts: (...given: Parameters<typeof texts>) => marked(texts(...given)),
  exitCodes: (...given: Parameters<typeof exitCodes>) => marked(exitCodes(...given)),
};

function marked<Value>(setting: Setting<Value>): Setting<Value> {
  return { ...setting, reloadable: true };
}
