/** What the documents say of a setting beside its own text. */
import { environmentName, type Setting } from '../../lib/config/schema.js';

/** The names of its variables, the one that wins first. */
export function variablesOf(key: string, { alias }: Setting): string[] {
  return [environmentName(key), ...(alias === undefined ? [] : [alias])];
}

/** What is allowed, `from 1 to 256`; empty when the text says it all. `quote` is for the values that may be written. */
export function limitsOf(setting: Setting, quote: (value: string) => string = (value) => value): string {
  const { min, max, choices, pattern, nullable, default: value } = setting;
  const limits = (): string => {
    if (choices !== undefined) return `one of ${choices.map(quote).join(', ')}`;
    if (pattern !== undefined) return `must match ${quote(pattern.source)}`;
    return min === undefined ? '' : `from ${min} to ${max}`;
  };
  const text = limits();
  if (text === '') return '';
  return `${Array.isArray(value) ? 'each ' : ''}${text}${nullable && value !== null ? ', or null' : ''}`;
}
