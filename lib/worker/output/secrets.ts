/**
 * Keeps the secrets that a loader was given out of what is kept of its output: log, status, dead letter. A loader may print
 * its command line, its environment or an address with the password in it.
 */
import type { Command } from '../../types.js';

export type Mask = (text: string) => string;

const MASKED = '***';
/** Shorter ones would be found everywhere. */
const MIN_LENGTH = 4;
const SECRET_VARIABLE = /(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY)$/i;
/** Tells one load from another, and is no secret. */
const NO_SECRETS: ReadonlySet<string> = new Set(['ATD_DEDUP_TOKEN']);
/** With its value, where that is joined. */
const SECRET_OPTION = /^--?[\w-]*(?:password|passwd|secret|token|api[-_]?key)(?:[=:\s](.*))?$/is;
/** Of an address with a user. */
const PASSWORD_IN_ADDRESS = /:\/\/[^\s/?#:@]*:([^\s/?#]+)@/;

/** What the command gives its child that nobody else is to know. */
export function secretsOf({ args, env }: Pick<Command, 'args' | 'env'>): string[] {
  const secrets = Object.entries(env)
    .filter(([name]) => SECRET_VARIABLE.test(name) && !NO_SECRETS.has(name))
    .map(([, value]) => value);
  for (const [index, argument] of args.entries()) {
    const option = SECRET_OPTION.exec(argument);
    if (option !== null) secrets.push(option[1] ?? args[index + 1] ?? '');
    else secrets.push(PASSWORD_IN_ADDRESS.exec(argument)?.[1] ?? '');
  }
  return [...new Set(secrets)].filter((secret) => secret.length >= MIN_LENGTH);
}

/** Replaces the secrets, also as an address or JSON would have them, and what is left of one at the ends of a text that was cut. */
export function maskOf(secrets: readonly string[]): Mask {
  const written = secrets.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
  ]);
  // A secret that is a part of another one comes after it.
  const forms = [...new Set(written)].sort((a, b) => b.length - a.length);
  if (forms.length === 0) return (text) => text;
  return (text) => {
    let masked = text;
    for (const form of forms) if (masked.includes(form)) masked = masked.replaceAll(form, MASKED);
    for (const form of forms) masked = maskEnds(masked, form);
    return masked;
  };
}

/** The mask of a command. Most loads print nothing, so that its secrets are looked for with the first text. */
export function maskFor(command: Pick<Command, 'args' | 'env'>): Mask {
  let mask: Mask | null = null;
  return (text) => {
    if (text === '') return text;
    mask ??= maskOf(secretsOf(command));
    return mask(text);
  };
}

function maskEnds(text: string, secret: string): string {
  let masked = text;
  for (let length = secret.length - 1; length >= MIN_LENGTH; length -= 1) {
    if (masked.startsWith(secret.slice(-length))) masked = MASKED + masked.slice(length);
    if (masked.endsWith(secret.slice(0, length))) masked = masked.slice(0, -length) + MASKED;
  }
  return masked;
}
