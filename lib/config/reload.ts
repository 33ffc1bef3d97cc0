/**
 * What a reload comes to: of the settings that were read anew those that may change while the service runs hold from now on,
 * and the others stay what they are until the next start. Nothing is read and nothing is changed here.
 */
import { AtdError } from '../errors.js';
import { shorten } from '../util/safe-text.js';
import { checkTogether } from './checks.js';
import { checkCombinations } from './combinations.js';
import { type Config, listSettings } from './schema.js';

export interface Reload {
  /** What holds from now on. */
  readonly config: Config;
  /** One text for each setting that is another one now, `log_level: "info" -> "debug"`; of a secret no value. */
  readonly changed: readonly string[];
  /** The settings that read otherwise than what the service runs with, until it is started anew. */
  readonly needRestart: readonly string[];
}

const MAX_VALUE_CHARACTERS = 200;

/**
 * @param running what the service runs with
 * @param read what was read anew, valid as a whole
 * @throws AtdError ATD_CONFIG_INVALID where the new settings do not go together with those that have to stay
 */
export function planReload(running: Config, read: Config): Reload {
  const different = listSettings().filter(([key]) => textOf(running, key) !== textOf(read, key));
  const taken = different.filter(([, { reloadable }]) => reloadable);
  const needRestart = different.filter(([, { reloadable }]) => !reloadable).map(([key]) => key);
  const keys = new Set(taken.map(([key]) => key));
  const config = withTaken(running, read, keys, '') as Config;
  const complaints = [...checkTogether(config), ...checkCombinations(config)];
  if (complaints.length > 0) {
    throw new AtdError(
      'ATD_CONFIG_INVALID',
      `the configuration is valid for a start, but not beside ${needRestart.join(', ')} as the service has it, which only ` +
        `a restart changes:\n${complaints.map((line) => `  ${line}`).join('\n')}`,
    );
  }
  const changed = taken.map(([key, { sensitive }]) => {
    if (sensitive) return `${key}: changed`;
    return `${key}: ${shown(textOf(running, key))} -> ${shown(textOf(read, key))}`;
  });
  return { config, changed, needRestart };
}

/**
 * The same with so many slots.
 *
 * @throws AtdError ATD_CONFIG_INVALID where that setting, or those beside it, do not allow it
 */
export function planScale(running: Config, slots: number): Config {
  const refuse = (why: string): never => {
    throw new AtdError('ATD_CONFIG_INVALID', why);
  };
  if (running.thread_pool_size === 'auto') {
    refuse(
      'the number of slots is found out by the service itself (thread_pool_size: auto); set a number to set it by hand',
    );
  }
  const { min = 1, max = slots } = listSettings().find(([key]) => key === 'thread_pool_size')?.[1] ?? {};
  if (!Number.isSafeInteger(slots) || slots < min || slots > max) {
    refuse(`slots must be a whole number from ${min} to ${max} (as thread_pool_size), not ${slots}`);
  }
  const config = Object.freeze({ ...running, thread_pool_size: slots });
  const complaints = [...checkTogether(config), ...checkCombinations(config)];
  if (complaints.length > 0) refuse(`${slots} slots do not go together with other settings: ${complaints.join('; ')}`);
  return config;
}

/** The running settings, with those of `keys` as they were read. */
function withTaken(running: unknown, read: unknown, keys: ReadonlySet<string>, key: string): unknown {
  if (keys.has(key)) return read;
  if (typeof running !== 'object' || running === null || Array.isArray(running)) return running;
  const entries = Object.entries(running).map(([name, value]) => {
    const inner = key === '' ? name : `${key}.${name}`;
    return [name, withTaken(value, (read as Record<string, unknown>)[name], keys, inner)];
  });
  return Object.freeze(Object.fromEntries(entries));
}

function textOf(config: Config, key: string): string {
  const value = key.split('.').reduce<unknown>((group, name) => (group as Record<string, unknown>)[name], config);
  return JSON.stringify(value);
}

function shown(text: string): string {
  return shorten(text, MAX_VALUE_CHARACTERS);
}
