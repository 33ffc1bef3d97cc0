/** `atd-ingestion pause`, `resume` and `reload`: what a person changes in a service that runs, by its HTTP side. */
import { readFileSync } from 'node:fs';
import { AtdError, ExitCode } from '../errors.js';
import { secretIn } from '../util/file-text.js';
import { withoutControl } from '../util/plain-text.js';
import { loadSettings, type ParsedOptions } from './options.js';
import { addressOf, call, unreachable } from './remote.js';
import { spanMs } from './span.js';
import { whoAsks } from './who.js';

/** The messages without a tenant, as `/api/v1` names them. */
const NONE = '-';

export async function pause(options: ParsedOptions): Promise<ExitCode> {
  const { values } = options;
  const tenant = tenantOf(options, 'pause');
  const ms = values['for'] === undefined ? null : spanMs(String(values['for']));
  if (values['for'] !== undefined && ms === null) {
    throw new AtdError('ATD_USAGE', `--for ${values['for']} is no time; it looks like 90s, 30m, 1h or 2d`);
  }
  const wish = { by: whoAsks(), reason: (values['reason'] as string | undefined) ?? '' };
  const seconds = ms === null ? {} : { seconds: ms / 1_000 };
  return change(options, `/api/v1/tenants/${encodeURIComponent(tenant)}/pause`, { ...wish, ...seconds }, (answer) => {
    const { until } = answer as { readonly until: number | null };
    const end = until === null ? 'until somebody resumes it' : `until ${new Date(until).toISOString()}`;
    return `${nameOf(tenant)} is paused ${end}, in all instances of the group`;
  });
}

export async function resume(options: ParsedOptions): Promise<ExitCode> {
  const tenant = tenantOf(options, 'resume');
  const path = `/api/v1/tenants/${encodeURIComponent(tenant)}/resume`;
  return change(options, path, { by: whoAsks() }, () => `${nameOf(tenant)} goes on, in all instances of the group`);
}

export async function reload(options: ParsedOptions): Promise<ExitCode> {
  return change(options, '/api/v1/reload', {}, (answer) => {
    const { changed, needRestart } = answer as { readonly changed: string[]; readonly needRestart: string[] };
    const now = changed.length === 0 ? 'no setting has changed' : `changed:\n  ${changed.join('\n  ')}`;
    return needRestart.length === 0 ? now : `${now}\nneed a restart:\n  ${needRestart.join('\n  ')}`;
  });
}

async function change(
  options: ParsedOptions,
  path: string,
  body: object,
  say: (answer: unknown) => string,
): Promise<ExitCode> {
  const token = tokenOf(options);
  const { status, answer } = await order(addressOf(options), token, path, body);
  if (status !== 200) {
    process.stderr.write(`atd-ingestion: nothing was changed: ${withoutControl(String(answer.error))}\n`);
    return exitCodeFor(status);
  }
  process.stdout.write(
    options.values['json'] === true ? `${JSON.stringify(answer)}\n` : `${withoutControl(say(answer))}\n`,
  );
  return ExitCode.ok;
}

interface Answer {
  readonly status: number;
  readonly answer: { readonly error?: unknown };
}

/** @throws AtdError ATD_UNREACHABLE */
async function order(base: string, token: string, path: string, body: object): Promise<Answer> {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  const { status, text } = await call(base, path, { method: 'POST', headers, body: JSON.stringify(body) });
  try {
    return { status, answer: JSON.parse(text) as Answer['answer'] };
  } catch {
    throw unreachable(base, `it answers ${status}: ${text.trim()}`);
  }
}

/**
 * Has the files of a tenant wait or go on, in all instances. Returns what to tell the person who wanted it.
 *
 * @param tenant null for the messages without one
 * @throws AtdError ATD_UNREACHABLE
 */
export async function setPaused(base: string, token: string, tenant: string | null, pauses: boolean): Promise<string> {
  const name = tenant ?? NONE;
  const path = `/api/v1/tenants/${encodeURIComponent(name)}/${pauses ? 'pause' : 'resume'}`;
  const { status, answer } = await order(base, token, path, { by: whoAsks(), ...(pauses ? { reason: 'by top' } : {}) });
  if (status !== 200) return `nothing was changed: ${String(answer.error)}`;
  return pauses ? `${nameOf(name)} is paused until somebody resumes it` : `${nameOf(name)} goes on`;
}

/** As errors of the same kind end the service. */
function exitCodeFor(status: number): ExitCode {
  switch (status) {
    case 400:
    case 404:
      return ExitCode.usage;
    case 401:
    case 403:
      return ExitCode.notPermitted;
    case 422:
      return ExitCode.configuration;
    default:
      return ExitCode.tryAgain;
  }
}

/** @throws AtdError ATD_USAGE, or ATD_CONFIG_INVALID where the file cannot be read */
function tokenOf(options: ParsedOptions): string {
  const token = tokenIfGiven(options);
  if (token === null) {
    const remedy = 'name the file that has it by --token-file, or by http.token_file in the settings';
    throw new AtdError('ATD_USAGE', `who changes something needs the token of the service; ${remedy}`);
  }
  return token;
}

/**
 * Null where nothing names one.
 *
 * @throws AtdError ATD_CONFIG_INVALID where the file cannot be read
 */
export function tokenIfGiven(options: ParsedOptions): string | null {
  const given = options.values['token-file'] as string | undefined;
  const file = given ?? (options.values['url'] === undefined ? loadSettings(options).config.http.token_file : null);
  if (file === null) return null;
  try {
    return secretIn(readFileSync(file, 'utf8')).trim();
  } catch (cause) {
    throw new AtdError('ATD_CONFIG_INVALID', `the token cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function tenantOf({ positionals }: ParsedOptions, command: string): string {
  const [tenant, ...more] = positionals;
  if (tenant !== undefined && more.length === 0) return tenant;
  throw new AtdError('ATD_USAGE', `${command} needs one tenant, or ${NONE} for the messages without one`);
}

function nameOf(tenant: string): string {
  return tenant === NONE ? 'what has no tenant' : tenant;
}
