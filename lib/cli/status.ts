/** `atd-ingestion status`: asks a service how it is, once or again and again. */
import { setTimeout as delay } from 'node:timers/promises';
import { AtdError, ExitCode } from '../errors.js';
import { withoutControl, wrap } from '../util/plain-text.js';
import type { ParsedOptions } from './options.js';
import { addressOf, answeredBy, call, unreachable } from './remote.js';
import { isHealthy, type Report, renderStatus } from './status-view.js';
import { hasColours, terminalColumns } from './terminal.js';

const EVERY_MS = 2_000;
/** Home, and erase what follows: what stood there before goes without a flicker. */
const REDRAW = '\u001b[H\u001b[J';
const CLEAR = '\u001b[2J';

export async function status(options: ParsedOptions): Promise<ExitCode> {
  const { json, watch } = options.values;
  const base = addressOf(options);
  if (watch !== true) {
    const report = await ask(base);
    process.stdout.write(json === true ? `${JSON.stringify(report)}\n` : render(report, base));
    return isHealthy(report) ? ExitCode.ok : ExitCode.crash;
  }
  return watchOver(base, json === true);
}

/** Ends with a signal, by which the process ends, or when nobody reads it any more. */
async function watchOver(base: string, asJson: boolean): Promise<ExitCode> {
  let isRead = true;
  process.stdout.on('error', () => {
    isRead = false;
  });
  const onTerminal = process.stdout.isTTY === true;
  if (onTerminal && !asJson) process.stdout.write(CLEAR);
  while (isRead) {
    // An answer of another version, too: the service may be upgraded meanwhile.
    const text = await ask(base)
      .then((report) => (asJson ? `${JSON.stringify(report)}\n` : render(report, base)))
      .catch(({ message }: Error) =>
        asJson
          ? `${JSON.stringify({ error: message })}\n`
          : `${wrap(withoutControl(message), terminalColumns()).join('\n')}\n`,
      );
    if (asJson) process.stdout.write(text);
    else process.stdout.write(onTerminal ? `${REDRAW}${fitting(text)}` : `${text}\n`);
    await delay(EVERY_MS);
  }
  // The shell goes on below.
  if (onTerminal && !asJson) process.stdout.write('\n');
  return ExitCode.ok;
}

/** A line more than the screen has would move its beginning out of sight. */
function fitting(text: string): string {
  const rows = process.stdout.rows || 24;
  return text
    .split('\n')
    .slice(0, rows - 1)
    .map((line) => `${line}\n`)
    .join('')
    .trimEnd();
}

export function render(report: Report, base: string): string {
  try {
    return renderStatus(report, base, { columns: terminalColumns(), colours: hasColours() });
  } catch (cause) {
    const why = `it is another version (${String((report as { version?: unknown }).version)}), whose answer is another`;
    throw new AtdError('ATD_UNREACHABLE', `${base} cannot be shown: ${why}; --json shows it as it is`, { cause });
  }
}

export async function ask(base: string): Promise<Report> {
  const { status: code, text } = await call(base, '/api/status');
  if (code !== 200) throw answeredBy(base, { status: code, text });
  try {
    return JSON.parse(text) as Report;
  } catch {
    throw unreachable(base, 'what answers there is no atd-ingestion');
  }
}
