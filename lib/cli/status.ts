/** `atd-ingestion status`: asks a service how it is, once or again and again. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/load.js';
import { AtdError, ExitCode } from '../errors.js';
import { wrap } from '../util/plain-text.js';
import { loadSettings, type ParsedOptions } from './options.js';
import { isHealthy, type Report, renderStatus } from './status-view.js';
import { hasColours, terminalColumns } from './terminal.js';

const ANSWER_MS = 5_000;
const EVERY_MS = 2_000;
/** Home, and erase what follows: what stood there before goes without a flicker. */
const REDRAW = '\u001b[H\u001b[J';
const CLEAR = '\u001b[2J';

export async function status(options: ParsedOptions): Promise<ExitCode> {
  const { url, json, watch } = options.values;
  const base = typeof url === 'string' ? baseOf(url) : ownUrl(loadSettings(options).config);
  if (watch !== true) {
    const report = await ask(base);
    process.stdout.write(json === true ? `${JSON.stringify(report)}\n` : render(report, base));
    return isHealthy(report) ? ExitCode.ok : ExitCode.crash;
  }
  return watchOver(base, json === true);
}

/** Ends with a signal alone, by which the process ends. */
async function watchOver(base: string, asJson: boolean): Promise<never> {
  const onTerminal = process.stdout.isTTY === true;
  if (onTerminal && !asJson) process.stdout.write(CLEAR);
  for (;;) {
    const text = await ask(base).then(
      (report) => (asJson ? `${JSON.stringify(report)}\n` : render(report, base)),
      ({ message }: Error) =>
        asJson ? `${JSON.stringify({ error: message })}\n` : `${wrap(message, terminalColumns()).join('\n')}\n`,
    );
    if (asJson) process.stdout.write(text);
    else process.stdout.write(onTerminal ? `${REDRAW}${text}` : `${text}\n`);
    await delay(EVERY_MS);
  }
}

function render(report: Report, base: string): string {
  try {
    return renderStatus(report, base, { columns: terminalColumns(), colours: hasColours() });
  } catch (cause) {
    const why = `it is another version (${String((report as { version?: unknown }).version)}), whose answer is another`;
    throw new AtdError('ATD_UNREACHABLE', `${base} cannot be shown: ${why}; --json shows it as it is`, { cause });
  }
}

async function ask(base: string): Promise<Report> {
  let answer: Response;
  try {
    answer = await fetch(`${base}/api/status`, { signal: AbortSignal.timeout(ANSWER_MS) });
  } catch (error) {
    const { cause, message } = error as Error;
    throw unreachable(base, cause instanceof Error ? cause.message || String(cause) : message);
  }
  if (!answer.ok) throw unreachable(base, `it answers ${answer.status}: ${(await answer.text()).trim()}`);
  try {
    return (await answer.json()) as Report;
  } catch {
    throw unreachable(base, 'what answers there is no atd-ingestion');
  }
}

function unreachable(base: string, why: string): AtdError {
  const remedy = 'does the service run, and is this its address (http.host, http.port, or --url)?';
  return new AtdError('ATD_UNREACHABLE', `no status from ${base}: ${why}; ${remedy}`);
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
