/**
 * What ends a load, as an exit code of sysexits and one line for people. The retry policy of a supervisor rests on these
 * codes: 65, 66, 77 and 78 will fail again however often they are tried, 69 and 75 will not.
 * A file that cannot be read is 66 also when permission is what it lacks: sysexits(3) reserves 77 for other permissions.
 */
import { ExitCode } from '../errors.js';
import { shorten } from '../util/safe-text.js';
import { knownAnswer, knownStatus, type Scope, type Stage, UNKNOWN_DATABASE } from './known-answers.js';

export type { Scope, Stage } from './known-answers.js';

export interface Explanation {
  readonly exitCode: ExitCode;
  /** Null where that is not known, or passes by itself. */
  readonly scope: Scope | null;
  readonly why: string;
  readonly remedy: string;
}

/** An expected end of a load. `message` is the whole line without the program's name. */
export class LoadError extends Error {
  readonly exitCode: ExitCode;
  readonly scope: Scope | null;

  constructor(
    exitCode: ExitCode,
    message: string,
    options: { readonly cause?: unknown; readonly scope?: Scope | null } = {},
  ) {
    super(message, options);
    this.name = 'LoadError';
    this.exitCode = exitCode;
    this.scope = options.scope === undefined ? 'file' : options.scope;
  }
}

const TLS_CODE = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_|HOSTNAME_MISMATCH)/;
const UNREACHABLE = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
].concat(['ENETDOWN', 'EHOSTDOWN', 'ENETRESET', 'EADDRNOTAVAIL']);
/** What fails there fails before a byte was sent: a firewall, ports or descriptors that are used up, a lack of memory. */
const BEFORE_THE_CONNECTION = ['connect', 'getaddrinfo', 'socket'];
const CUT_OFF = ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ECONNABORTED'];
/** The HTTP status of ClickHouse, or of what stands before it, for more requests than it takes. */
const TOO_MANY_REQUESTS = 429;

/** Reads an error of the client, the socket or ClickHouse itself. An error that it does not know is 70. */
export function explain(error: unknown, stage: Stage): Explanation {
  const code = codeOf(error);
  const text = oneLine(messageOf(error));
  if (/^\d+$/.test(code)) return explainClickHouse(Number(code), text, stage, statusOf(error));
  if (UNREACHABLE.includes(code) || BEFORE_THE_CONNECTION.includes(syscallOf(error))) {
    return unavailable(`cannot be reached (${code})`, 'check --db-host and --db-port and that ClickHouse runs');
  }
  if (CUT_OFF.includes(code) || /^socket hang up/.test(text)) {
    if (stage !== 'insert')
      return unavailable(
        `the connection was closed (${code || text})`,
        'check that --db-port is the HTTP port and whether it wants --db-secure, and try again later',
      );
    return {
      exitCode: ExitCode.tryAgain,
      scope: null,
      why: `the connection was closed during the insert (${code || text})`,
      remedy: 'try again: the same ATD_DEDUP_TOKEN adds no row twice',
    };
  }
  return explainProtocol(code) ?? explainText(text, stage);
}

/** Two sides that do not speak the same protocol, or do not trust each other; null for any other error. */
function explainProtocol(code: string): Explanation | null {
  const distrusted = `its certificate is not trusted (${code})`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'HOSTNAME_MISMATCH')
    return misconfigured(distrusted, 'give the --db-host that it was made for');
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') return misconfigured(distrusted, 'have it renewed');
  if (TLS_CODE.test(code)) return misconfigured(distrusted, 'name its authority by --db-ca-file');
  if (code === 'NOT_HTTP')
    return misconfigured('what answers is not HTTP: this looks like the native port', 'use the HTTP port 8123');
  if (code === 'TLS_EXPECTED')
    return misconfigured('it speaks TLS on this port', 'give --db-secure or use the HTTP port 8123');
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    const remedy = 'leave out --db-secure or use the HTTPS port 8443';
    return misconfigured(`it does not speak TLS on this port, or none that is accepted (${code})`, remedy);
  }
  return null;
}

function explainClickHouse(code: number, text: string, stage: Stage, status: number | null): Explanation {
  const why = `ClickHouse error ${code}: ${text}`;
  const known = knownAnswer(code, text, stage) ?? (status === TOO_MANY_REQUESTS ? knownStatus(status) : null);
  if (known !== null) return { exitCode: known.exitCode, scope: known.scope, why, remedy: known.remedy };
  return { exitCode: ExitCode.internal, scope: null, why, remedy: 'see the log of ClickHouse' };
}

/** Answers that carry no code of ClickHouse: the client passes on only their status and text. */
function explainText(text: string, stage: Stage): Explanation {
  if (/port \d+ is for clickhouse-client/i.test(text)) {
    return misconfigured('this looks like the native port', 'use the HTTP port 8123');
  }
  if (/^timeout error|aborted|timed? ?out/i.test(text))
    return unavailable('it did not answer in time', 'try again later');
  const status = Number(/^HTTP status (\d+)/.exec(text)?.[1] ?? Number.NaN);
  if (Number.isNaN(status))
    return { exitCode: ExitCode.internal, scope: null, why: text, remedy: 'report this as a bug' };
  const known = knownStatus(status);
  if (known !== null)
    return { exitCode: known.exitCode, scope: known.scope, why: `${known.what}: ${text}`, remedy: known.remedy };
  // ClickHouse has just described the table, so the address is right: what took this one request was on the way to it.
  if (stage === 'insert' && status >= 200 && status < 300)
    return {
      exitCode: ExitCode.tryAgain,
      scope: null,
      why: `it is not known whether the rows arrived: a proxy answered the insert, not ClickHouse: ${text}`,
      remedy: 'look at that proxy and try again: the same ATD_DEDUP_TOKEN adds no row twice',
    };
  const misled = misconfigured(`a web server answered, not ClickHouse: ${text}`, 'check --db-host and --db-port');
  // A proxy may refuse one file, as one that is too large for it.
  return stage === 'insert' ? { ...misled, scope: null } : misled;
}

/** What a message names of ClickHouse's address. */
interface Server {
  readonly host: string;
  readonly port: number;
}

/** `what` could not be done: `cannot read table default.atd_acme`. */
export function serverFailure(error: unknown, stage: Stage, what: string, { host, port }: Server): LoadError {
  if (error instanceof LoadError) return error;
  const { exitCode, scope, why, remedy } = explain(error, stage);
  return new LoadError(exitCode, `${what} on ${host}:${port}: ${why}; ${remedy}`, { cause: error, scope });
}

/** Whether ClickHouse does not know the database. */
export function isUnknownDatabase(error: unknown): boolean {
  return codeOf(error) === String(UNKNOWN_DATABASE);
}

/** A file that could not be opened or read; a lack of the machine's resources is worth another try. */
export function explainFileError(error: unknown): Omit<Explanation, 'scope'> {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return { exitCode: ExitCode.noInput, why: 'no such file', remedy: 'check the path' };
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return { exitCode: ExitCode.noInput, why: 'permission denied', remedy: 'let this user read it' };
  }
  if (code === 'ENXIO' || code === 'ENODEV') {
    const why = `it is a socket, or a device that is not there (${code}), not a regular file`;
    return { exitCode: ExitCode.noInput, why, remedy: 'name a file of data' };
  }
  if (code === 'ELOOP' || code === 'ENAMETOOLONG') {
    return { exitCode: ExitCode.noInput, why: `the path cannot be resolved (${code})`, remedy: 'check the path' };
  }
  return { exitCode: ExitCode.tryAgain, why: oneLine(messageOf(error)), remedy: 'try again later' };
}

const LINE_LIMIT = 400;

/** Any text as one line of at most `limit` characters, without control characters and version notes. */
export function oneLine(text: string, limit = LINE_LIMIT): string {
  const line = text
    .replace(/\(version [^()]*(\([^()]*\))?\)/g, '')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours begin with one
    .replace(/\u001b\[[0-9;]*[A-Za-z]/g, '')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be removed
    .replace(/[\u0000-\u001f\u007f-\u009f\s]+/g, ' ')
    .trim()
    .replace(/[.:;,]+$/, '');
  return shorten(line, limit);
}

/** Takes every occurrence of the password out of `text`. */
export function redact(text: string, password: string): string {
  return password === '' ? text : text.replaceAll(password, '***');
}

function unavailable(why: string, remedy: string): Explanation {
  return { exitCode: ExitCode.unavailable, scope: 'connection', why, remedy };
}

function misconfigured(why: string, remedy: string): Explanation {
  return { exitCode: ExitCode.configuration, scope: 'connection', why, remedy };
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' || typeof code === 'number' ? String(code) : '';
}

function syscallOf(error: unknown): string {
  return String((error as { syscall?: unknown } | null)?.syscall ?? '');
}

/** The HTTP status of an answer; null where the error is not one. */
function statusOf(error: unknown): number | null {
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status === 'number' ? status : null;
}

/** An AggregateError of refused addresses (localhost is two) has no message of its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}
