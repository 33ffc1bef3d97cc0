/** `atd-ingestion pause`, `resume`, `drain`, `scale` and `reload`: what a person changes in a service that runs, by its HTTP side. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { AtdError, ExitCode } from '../errors.js';
import { secretIn } from '../util/file-text.js';
import { withoutControl } from '../util/plain-text.js';
import { loadSettings, type ParsedOptions } from './options.js';
import { addressOf, answeredBy, call } from './remote.js';
import { spanMs } from './span.js';
import { whoAsks } from './who.js';

/** The messages without a tenant, as `/api/v1` names them. */
const NONE = '-';
/** How often it is asked whether an instance has left its group. */
const EVERY_MS = 500;

const DRAINING = 'what runs is finished; then the instance leaves its group and stays up, until it is resumed';
const DRAINED = 'the instance has left its group; `atd-ingestion resume` ends that';

export async function pause(options: ParsedOptions): Promise<ExitCode> {
  const { values } = options;
  const tenant = tenantOf(options, 'pause');
  const ms = values['for'] === undefined ? null : spanMs(String(values['for']));
  if (values['for'] !== undefined && ms === null) {
    throw new AtdError('ATD_USAGE', `--for ${values['for']} is no time; it looks like 90s, 30m, 1h or 2d`);
  }
  const seconds = ms === null ? {} : { seconds: ms / 1_000 };
  return change(
    options,
    `/api/v1/tenants/${encodeURIComponent(tenant)}/pause`,
    { ...wishOf(options), ...seconds },
    (answer) => {
      const { until } = answer as { readonly until: number | null };
      const end = until === null ? 'until somebody resumes it' : `until ${new Date(until).toISOString()}`;
      return `${nameOf(tenant)} is paused ${end}, in all instances of the group`;
    },
  );
}

export async function resume(options: ParsedOptions): Promise<ExitCode> {
  if (options.positionals.length === 0) return join(options);
  const tenant = tenantOf(options, 'resume');
  const path = `/api/v1/tenants/${encodeURIComponent(tenant)}/resume`;
  return change(options, path, wishOf(options), () => `${nameOf(tenant)} goes on, in all instances of the group`);
}

export async function reload(options: ParsedOptions): Promise<ExitCode> {
  return change(options, '/api/v1/reload', wishOf(options), (answer) => {
    const { changed, needRestart } = answer as { readonly changed: string[]; readonly needRestart: string[] };
    const now = changed.length === 0 ? 'no setting has changed' : `changed:\n  ${changed.join('\n  ')}`;
    return needRestart.length === 0 ? now : `${now}\nneed a restart:\n  ${needRestart.join('\n  ')}`;
  });
}

function join(options: ParsedOptions): Promise<ExitCode> {
  return change(options, '/api/v1/resume', wishOf(options), (answer) => {
    if ((answer as { readonly wasDrained: boolean }).wasDrained) return 'the instance joins its group again';
    return 'nothing was to be done: the instance is not drained; to resume a tenant, name it';
  });
}

export async function scale(options: ParsedOptions): Promise<ExitCode> {
  const [text = '', ...more] = options.positionals;
  if (!/^\d{1,9}$/.test(text) || more.length > 0) {
    throw new AtdError('ATD_USAGE', 'scale needs one number: how many files may be loaded at the same time');
  }
  return change(options, '/api/v1/scale', { ...wishOf(options), slots: Number(text) }, (answer) => {
    const { slots, before, configured } = answer as Readonly<Record<string, number>>;
    const end =
      slots === configured
        ? 'as thread_pool_size says'
        : `thread_pool_size (${configured}) holds again after a restart`;
    return `${slots} slots, ${before === slots ? 'as before' : `${before} before`}; ${end}`;
  });
}

export async function drain(options: ParsedOptions): Promise<ExitCode> {
  const { wait, json } = options.values;
  const words = wait === true && json !== true ? 'what runs is finished …' : DRAINING;
  let isSaid = false;
  const code = await change(options, '/api/v1/drain', wishOf(options), ({ state }) => {
    isSaid = state === 'drained';
    return isSaid ? DRAINED : words;
  });
  return code === ExitCode.ok && wait === true && !isSaid ? waitUntilDrained(addressOf(options), json === true) : code;
}

async function waitUntilDrained(base: string, isQuiet: boolean): Promise<ExitCode> {
  for (;;) {
    const { status, text } = await call(base, '/api/v1/status');
    if (status !== 200) throw answeredBy(base, { status, text });
    const { state, drain: order } = JSON.parse(text) as { readonly state: string; readonly drain: unknown };
    if (state === 'drained') {
      if (!isQuiet) process.stdout.write(`${DRAINED}\n`);
      return ExitCode.ok;
    }
    if (order === null) {
      process.stderr.write(
        'atd-ingestion: the instance is not drained: somebody has resumed it, or it was restarted\n',
      );
      return ExitCode.tryAgain;
    }
    await delay(EVERY_MS);
  }
}

function wishOf({ values }: ParsedOptions): { readonly by: string; readonly reason: string } {
  return { by: whoAsks(), reason: (values['reason'] as string | undefined) ?? '' };
}

async function change(
  options: ParsedOptions,
  path: string,
  body: object,
  say: (answer: Readonly<Record<string, unknown>>) => string,
): Promise<ExitCode> {
  const token = tokenOf(options);
  const { status, answer } = await order(addressOf(options), token, path, body);
  if (status !== 200) {
    process.stderr.write(`atd-ingestion: nothing was changed: ${withoutControl(String(answer['error']))}\n`);
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
    throw answeredBy(base, { status, text });
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
