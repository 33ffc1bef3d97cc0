/** What the commands have in common: one table of options each, errors that suggest what was meant, the configuration. */
import { parseArgs } from 'node:util';
import { type LoadedConfig, loadConfig } from '../config/load.js';
import { AtdError } from '../errors.js';
import { didYouMean } from '../util/did-you-mean.js';
import { wrap } from '../util/plain-text.js';

export interface OptionDefinition {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  /** What the value is called in the help; empty for a switch. */
  readonly value?: string;
  readonly help: string;
}

export interface ParsedOptions {
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
}

/** Options that every command takes. */
export const COMMON_OPTIONS = {
  config: { type: 'string', short: 'c', value: 'FILE', help: 'settings file (also ATD_CONFIG)' },
  topic: { type: 'string', value: 'NAME', help: 'topic that announces the files (kafka.topic)' },
  help: { type: 'boolean', short: 'h', help: 'show this help' },
} as const satisfies Readonly<Record<string, OptionDefinition>>;

/** @throws AtdError ATD_USAGE */
export function parseOptions(
  args: readonly string[],
  definitions: Readonly<Record<string, OptionDefinition>>,
  allowPositionals: boolean,
): ParsedOptions {
  const options = Object.fromEntries(
    Object.entries(definitions).map(([name, { type, short }]) => [
      name,
      short === undefined ? { type } : { type, short },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals, strict: true });
    return { values: values as ParsedOptions['values'], positionals };
  } catch (cause) {
    throw new AtdError('ATD_USAGE', explain(cause as Error & { code?: string }, Object.keys(definitions)), { cause });
  }
}

function explain(error: Error & { code?: string }, known: readonly string[]): string {
  const unknown = error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' ? /'--?([^']+)'/.exec(error.message)?.[1] : undefined;
  if (unknown === undefined) return error.message.split('\n', 1)[0] as string;
  const meant = didYouMean(unknown, known);
  return `unknown option --${unknown}${meant === null ? '' : `; did you mean --${meant}?`}`;
}

/** Where the help of an option begins, behind its name. */
const HELP_AT = 28;

/** @param columns of the terminal; what does not fit goes on below itself */
export function renderOptions(definitions: Readonly<Record<string, OptionDefinition>>, columns: number): string {
  const rows = Object.entries(definitions).map(([name, { short, value, help }]) => {
    const left = `${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
    return renderRow(left, help, columns);
  });
  return rows.join('\n');
}

/** A name and what is said of it, for a list of those. */
export function renderRow(name: string, help: string, columns: number, helpAt = HELP_AT): string {
  const lines = wrap(help, columns - helpAt);
  const head = `  ${name}`;
  const isLong = head.length >= helpAt;
  const [first = ''] = lines;
  const rest = (isLong ? lines : lines.slice(1)).map((line) => ' '.repeat(helpAt) + line);
  return [isLong ? head : head.padEnd(helpAt) + first, ...rest].join('\n');
}

/** @throws AtdError ATD_CONFIG_INVALID */
export function loadSettings({ values }: ParsedOptions): LoadedConfig {
  const file = (values['config'] as string | undefined) ?? process.env['ATD_CONFIG'] ?? '';
  const args: Record<string, string> = {};
  if (values['topic'] !== undefined) args['kafka.topic'] = values['topic'] as string;
  return loadConfig({ file: file === '' ? null : file, env: process.env, args });
}

/**
 * What an option that takes one of these names was given; null where it was not.
 *
 * @param option as people write it: `--group-by`
 * @throws AtdError ATD_USAGE
 */
export function oneOf<Name extends string>(
  option: string,
  text: string | boolean | undefined,
  names: readonly Name[],
): Name | null {
  if (text === undefined) return null;
  const name = names.find((each) => each === text);
  if (name !== undefined) return name;
  const meant = didYouMean(String(text), names);
  const hint = meant === null ? `one of ${names.join(', ')}` : `did you mean ${meant}?`;
  throw new AtdError('ATD_USAGE', `${option} ${text} is not known; ${hint}`);
}
