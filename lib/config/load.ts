/**
 * Settings from their four sources (default < file < environment < argument) to one frozen `Config`. All that is wrong is
 * reported at once; every complaint names the key, what is allowed, and the source that the value came from.
 */
import { readFileSync } from 'node:fs';
import convict from 'convict';
import { parse as parseYaml } from 'yaml';
import { AtdError } from '../errors.js';
import { didYouMean } from '../util/did-you-mean.js';
import { readSecret } from '../util/file-text.js';
import { checkTogether, isInjected, warningsFor, warnOfVariables } from './checks.js';
import { checkCombinations } from './combinations.js';
import { checkFiles, requireFile } from './files.js';
import { FORMATS } from './formats.js';
import { type Config, environmentName, listSettings, SETTINGS, type Setting } from './schema.js';
import { shownArguments, withoutCredentials } from './shown-arguments.js';

export type { Config } from './schema.js';

export interface ConfigSources {
  /** Path of a YAML file, or null for none. */
  readonly file: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Values of arguments by the key of their setting. */
  readonly args: Readonly<Record<string, string>>;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Accepted settings that an operator should know of. */
  readonly warnings: readonly string[];
  /** Of each setting, by its key. */
  readonly origins: ReadonlyMap<string, Source>;
}

/** Where a value came from: which file, variable or argument, or an order to a service that runs. */
export interface Source {
  readonly kind: 'default' | 'file' | 'environment' | 'argument' | 'order';
  readonly name: string;
}

/** A setting for people to look at. */
export interface ShownSetting {
  readonly name: string;
  /** As `check-config` shows it: of a secret, whether it is set. */
  readonly value: unknown;
  readonly origin: Source['kind'];
  /** The file, the variable, the argument or the order; empty for the default. */
  readonly from: string;
}

const ARGUMENTS: string = 'as_cli.additional_args';

/** @throws AtdError ATD_CONFIG_INVALID with one line per complaint */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const settings = new Map(listSettings());
  const environment = selectEnvironment(settings, sources.env);
  const fromFile = sources.file === null ? new Map<string, unknown>() : listEntries(readYaml(sources.file), settings);
  const complaints = [...fromFile.keys()]
    .filter((key) => !settings.has(key))
    .map((key) => complainAboutUnknown(key, [...settings.keys()], sources.file ?? ''));
  const sourceOf = (key: string): Source => {
    if (Object.hasOwn(sources.args, key)) return { kind: 'argument', name: `--${key.split('.').at(-1)}` };
    const variable = environment.get(key);
    if (variable !== undefined) return { kind: 'environment', name: variable.name };
    if (fromFile.has(key)) return { kind: 'file', name: sources.file ?? '' };
    return { kind: 'default', name: 'the default' };
  };
  const values = createConvict();
  for (const [key, value] of fromFile) if (settings.has(key)) values.set(key, value);
  for (const [key, { value }] of environment) values.set(key, coerce(settings.get(key), value));
  for (const [key, value] of Object.entries(sources.args)) values.set(key, coerce(settings.get(key), value));
  const invalid = validate(values, settings, sourceOf);
  complaints.push(...invalid, ...readSecrets(values), ...checkFiles((key) => values.get(key as never)));
  // Of values that are wrong by themselves nothing can be said together.
  if (invalid.length === 0) {
    const together = values.getProperties() as unknown as Config;
    complaints.push(...checkTogether(together), ...checkCombinations(together));
  }
  if (complaints.length > 0) throw invalidConfig(complaints);
  const config = deepFreeze(values.getProperties() as unknown as Config);
  // A secret that a file holds came from where that file is named.
  const isFromFile = (key: string) =>
    settings.get(key)?.sensitive && typeof values.get(`${key}_file` as never) === 'string';
  const origins = new Map([...settings.keys()].map((key) => [key, sourceOf(isFromFile(key) ? `${key}_file` : key)]));
  return { config, warnings: [...warningsFor(config), ...warnOfVariables(sources.env)], origins };
}

export function invalidConfig(complaints: readonly string[]): AtdError {
  const lines = complaints.map((line) => `  ${line}`);
  return new AtdError('ATD_CONFIG_INVALID', `the configuration is not valid:\n${lines.join('\n')}`);
}

/** The settings for people to read. A secret shows whether it is set, and nothing else. */
export function describeConfig(config: Config): Record<string, unknown> {
  const values = createConvict();
  values.load(config);
  for (const [key, { sensitive }] of listSettings()) {
    if (sensitive) values.set(key, values.get(key as never) === null ? null : '(set)');
  }
  values.set(ARGUMENTS, shownArguments(config.as_cli.additional_args));
  if (config.clickhouse.host !== null)
    values.set('clickhouse.host' as string, withoutCredentials(config.clickhouse.host));
  return values.getProperties();
}

/** All settings one by one, with where they came from. */
export function shownSettings(config: Config, origins: LoadedConfig['origins']): ShownSetting[] {
  const described = describeConfig(config);
  return listSettings().map(([name]) => {
    const value = name.split('.').reduce<unknown>((group, key) => (group as Record<string, unknown>)[key], described);
    const { kind, name: from } = origins.get(name) ?? { kind: 'default', name: '' };
    return { name, value, origin: kind, from: kind === 'default' ? '' : from };
  });
}

type Values = convict.Config<Record<string, unknown>>;

function createConvict(): Values {
  for (const [name, { validate: check, coerce: read }] of Object.entries(FORMATS)) {
    convict.addFormat({
      name,
      validate: (value: unknown, schema: unknown) => check(value, schema as Setting),
      coerce: read,
    });
  }
  // convict writes into the schema it is given; env and args are applied by `loadConfig`, which knows their sources.
  return convict<Record<string, unknown>>(structuredClone(SETTINGS) as never, { env: {}, args: [] });
}

function coerce(setting: Setting | undefined, value: string): unknown {
  return setting === undefined ? value : FORMATS[setting.format].coerce(value);
}

function validate(values: Values, settings: Map<string, Setting>, sourceOf: (key: string) => Source): string[] {
  const complaints: string[] = [];
  for (const [key, setting] of settings) {
    const value = values.get(key as never) as unknown;
    if ((value === null || value === '') && setting.nullable) {
      // An empty password in an old file means none.
      values.set(key, null);
      continue;
    }
    try {
      FORMATS[setting.format].validate(value, setting);
    } catch (error) {
      const { kind, name } = sourceOf(key);
      const visible = key === ARGUMENTS ? shownArguments(value) : value;
      const shown = setting.sensitive ? 'a secret' : (JSON.stringify(visible) ?? 'nothing');
      const where = kind === 'default' ? name : `${kind} ${name}`;
      complaints.push(`${key} ${(error as Error).message}; it is ${shown} (from ${where})`);
    }
  }
  return complaints;
}

/** The variables that are set, by key; an empty one counts as not set, as `${NAME:-}` in a compose file leaves it. */
function selectEnvironment(
  settings: Map<string, Setting>,
  env: ConfigSources['env'],
): Map<string, { name: string; value: string }> {
  const selected = new Map<string, { name: string; value: string }>();
  for (const [key, { alias }] of settings) {
    for (const name of [environmentName(key), ...(alias === undefined ? [] : [alias])]) {
      const value = env[name];
      if (value === undefined || value === '' || isInjected(name, value)) continue;
      if (!selected.has(key)) selected.set(key, { name, value });
    }
  }
  return selected;
}

function readYaml(file: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = parseYaml(readFileSync(file, 'utf8'));
  } catch (cause) {
    const why = withoutContent((cause as Error).message);
    throw new AtdError('ATD_CONFIG_INVALID', `cannot read the configuration file ${file}: ${why}`, { cause });
  }
  if (parsed === null || parsed === undefined) return {};
  if (typeof parsed !== 'object' || Array.isArray(parsed)) {
    throw new AtdError(
      'ATD_CONFIG_INVALID',
      `the configuration file ${file} holds no settings: it must be a YAML mapping`,
    );
  }
  return parsed as Record<string, unknown>;
}

/** What a YAML error says, without the piece of the file that it shows or names: that may be a password. */
function withoutContent(message: string): string {
  const [first = ''] = message.split('\n', 1);
  return first.replace(/^(Unresolved alias[^:]*):.*/, '$1').replace(/:$/, '');
}

/** The leaves of a file by their dotted keys; what stands where a group belongs shows up as a key that is unknown. */
function listEntries(
  group: Record<string, unknown>,
  settings: Map<string, Setting>,
  prefix = '',
): Map<string, unknown> {
  const entries = new Map<string, unknown>();
  for (const [name, value] of Object.entries(group)) {
    const key = `${prefix}${name}`;
    // A group without entries: all of it is commented out.
    if (value === null && [...settings.keys()].some((known) => known.startsWith(`${key}.`))) continue;
    const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value) && !settings.has(key);
    if (!isGroup) entries.set(key, value);
    else
      for (const [inner, leaf] of listEntries(value as Record<string, unknown>, settings, `${key}.`))
        entries.set(inner, leaf);
  }
  return entries;
}

function complainAboutUnknown(key: string, known: readonly string[], file: string): string {
  if (known.some((name) => name.startsWith(`${key}.`)))
    return `${key} must be a mapping of settings (from file ${file})`;
  const meant = didYouMean(key, known);
  return `${key} is not a setting (from file ${file})${meant === null ? '' : `; did you mean ${meant}?`}`;
}

function readSecrets(values: Values): string[] {
  const complaints: string[] = [];
  for (const [key, { sensitive }] of listSettings()) {
    const file = sensitive ? (values.get(`${key}_file` as never) as unknown) : null;
    if (typeof file !== 'string') continue;
    try {
      requireFile(file);
      const secret = readSecret(file);
      FORMATS.text.validate(secret, {});
      values.set(key, secret);
    } catch (error) {
      const why = (error as Error).message;
      complaints.push(`${key}_file cannot be used: ${file}: ${why}; name a file that holds the password alone`);
    }
  }
  return complaints;
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
