/** A service that runs, as the commands reach it: by HTTP, at the address of its settings or of `--url`. */
import type { Config } from '../config/load.js';
import { AtdError } from '../errors.js';
import { shorten, stripControl } from '../util/safe-text.js';
import { loadSettings, type OptionDefinition, type ParsedOptions } from './options.js';

/** As long as a broker may take for an order (`/api/v1`). */
const ANSWER_MS = 20_000;
const MAX_SHOWN = 500;

/** Of each command that asks a service. */
export const URL_OPTION = {
  url: { type: 'string', value: 'URL', help: "the service's address; default: that of its settings" },
} as const satisfies Readonly<Record<string, OptionDefinition>>;

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** @throws AtdError ATD_CONFIG_INVALID, or ATD_USAGE where `--url` is no address */
export function addressOf(options: ParsedOptions): string {
  const { url } = options.values;
  return typeof url === 'string' ? baseOf(url) : ownUrl(loadSettings(options).config);
}

/** @throws AtdError ATD_UNREACHABLE when nothing answers */
export async function call(base: string, path: string, request: RequestInit = {}): Promise<Answer> {
  try {
    const answer = await fetch(`${base}${path}`, { ...request, signal: AbortSignal.timeout(ANSWER_MS) });
    return { status: answer.status, text: await answer.text() };
  } catch (error) {
    const { cause, message } = error as Error;
    throw unreachable(base, cause instanceof Error ? cause.message || String(cause) : message);
  }
}

/** What answered there otherwise than a service does: another program, of whose page the beginning says enough. */
export function answeredBy(base: string, { status, text }: Answer): AtdError {
  return unreachable(base, `it answers ${status}: ${shorten(stripControl(text.trim()), MAX_SHOWN)}`);
}

export function unreachable(base: string, why: string): AtdError {
  const remedy = 'does the service run, and is this its address (http.host, http.port, or --url)?';
  return new AtdError('ATD_UNREACHABLE', `no answer of a service from ${base}: ${why}; ${remedy}`);
}

/** The address of the service that has this configuration, as seen from its own machine. */
export function ownUrl({ http: { host, port } }: Pick<Config, 'http'>): string {
  const reached = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return `http://${reached.includes(':') ? `[${reached}]` : reached}:${port}`;
}

function baseOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new AtdError('ATD_USAGE', `--url ${text} is no address; it looks like http://localhost:9464`);
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
