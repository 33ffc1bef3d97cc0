/** What the commands have in common before they do their own work: the configuration. */
import { type LoadedConfig, loadConfig } from '../config.js';
import type { ParsedOptions } from './options.js';

/** @throws AtdError ATD_CONFIG_INVALID */
export function loadSettings({ values }: ParsedOptions): LoadedConfig {
  const file = (values['config'] as string | undefined) ?? process.env['ATD_CONFIG'] ?? '';
  const args: Record<string, string> = {};
  if (values['topic'] !== undefined) args['kafka.topic'] = values['topic'] as string;
  return loadConfig({ file: file === '' ? null : file, env: process.env, args });
}
