/**
 * What ends a load, as an exit code of sysexits and one line for people. The retry policy of a supervisor rests on these
 * codes: 65, 66, 77 and 78 will fail again however often they are tried, 69 and 75 will not.
 * A file that cannot be read is 66 also when permission is what it lacks: sysexits(3) reserves 77 for other permissions.
 */
import { ExitCode } from '../errors.js';
import { shorten } from '../util/safe-text.js';
import type { Connection } from './options/connection-options.js';

/** What was being done when the failure came; it decides between readings of the same error. */
export type Stage =
  | 'describe-table'
  | 'create-table'
  | 'inspect-file'
  | 'insert'
  | 'list-tables'
  | 'delete-table'
  | 'view';

/**
 * What else fails in the same way: every file (`connection`: who logs in where, and how this program is set up), every file
 * for the same table, or no other one.
 */
export type Scope = 'connection' | 'table' | 'file';

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

const UNKNOWN_DATABASE = 81;
const CHECK_USER = "check --db-user, CLICKHOUSE_PASSWORD and the user's grants";

interface KnownCodes {
  readonly exitCode: ExitCode;
  readonly scope: Scope | null;
  readonly codes: readonly number[];
  readonly remedy: string;
}

const CLICKHOUSE_CODES: readonly KnownCodes[] = [
  {
    exitCode: ExitCode.dataError,
    scope: 'file',
    // Parsing, conversion, corrupt compression and checksums, constraints, a structure that cannot be extracted, and
    // 1001: what the Parquet reader's libraries throw.
    codes: [
      3, 6, 7, 8, 10, 16, 19, 20, 25, 26, 27, 32, 33, 38, 40, 41, 53, 69, 70, 72, 92, 108, 117, 120, 122, 128, 130, 131,
      190, 246, 271, 321, 349, 354, 376, 386, 407, 441, 467, 469, 561, 563, 618, 632, 636, 638, 645, 652, 675, 676, 691,
      723, 748, 760, 1001,
    ],
    remedy: 'check the file against the table',
  },
  {
    exitCode: ExitCode.tryAgain,
    scope: null,
    // Time, memory, disk and numbers of queries, parts and connections; what a server that starts, stops or has lost its
    // Keeper, its replicas or its object storage answers.
    codes: [
      95, 96, 159, 160, 173, 198, 201, 202, 203, 209, 210, 216, 225, 236, 241, 242, 243, 252, 254, 265, 279, 285, 286,
      290, 297, 319, 364, 369, 373, 394, 410, 425, 439, 473, 499, 500, 519, 529, 568, 574, 677, 692, 700, 722, 733, 735,
      745, 749, 762, 776, 777, 778, 904, 999, 1000,
    ],
    remedy: 'try again later',
  },
  // Who logs in: an unknown or expired user, a wrong password, an address, a role or a profile that is not allowed.
  {
    exitCode: ExitCode.notPermitted,
    scope: 'connection',
    codes: [164, 192, 193, 194, 195, 392, 452, 472, 481, 482, 511, 512, 516, 620, 673, 720, 767, 774],
    remedy: CHECK_USER,
  },
  // What the user may do, and where.
  { exitCode: ExitCode.notPermitted, scope: 'table', codes: [291, 497], remedy: CHECK_USER },
  {
    exitCode: ExitCode.notPermitted,
    scope: 'table',
    codes: [359],
    remedy: 'raise max_table_size_to_drop on the server',
  },
  {
    exitCode: ExitCode.configuration,
    scope: 'connection',
    codes: [UNKNOWN_DATABASE],
    remedy: 'create the database or correct --db-database',
  },
  {
    exitCode: ExitCode.configuration,
    scope: 'table',
    codes: [60, 218],
    remedy: 'create the table or give --create-table',
  },
  { exitCode: ExitCode.configuration, scope: 'connection', codes: [115], remedy: 'use ClickHouse 24.3 or newer' },
  { exitCode: ExitCode.configuration, scope: 'table', codes: [724, 725], remedy: 'raise the limit on the server' },
];

const TLS_CODE = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_|HOSTNAME_MISMATCH)/;
const UNREACHABLE = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT'];
const CUT_OFF = ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ECONNABORTED'];
/** The HTTP status of ClickHouse, or of what stands before it, for more requests than it takes. */
const TOO_MANY_REQUESTS = 429;

/** Reads an error of the client, the socket or ClickHouse itself. An error that it does not know is 70. */
export function explain(error: unknown, stage: Stage): Explanation {
  const code = codeOf(error);
  const text = oneLine(messageOf(error));
  if (/^\d+$/.test(code)) return explainClickHouse(Number(code), text, stage, statusOf(error));
  if (UNREACHABLE.includes(code)) {
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
  // 36, 43, 44, 50, 62, 549: a type or a name that ClickHouse does not take.
  if (stage === 'create-table' && [36, 43, 44, 50, 62, 549].includes(code)) {
    return { ...misconfigured(why, 'correct the types in the schema file'), scope: 'file' };
  }
  // 43: no conversion leads from the type of the file to that of the table.
  if (stage === 'insert' && code === 43) {
    return { exitCode: ExitCode.dataError, scope: 'file', why, remedy: 'check the file against the table' };
  }
  const known = CLICKHOUSE_CODES.find((entry) => entry.codes.includes(code));
  if (known) return { exitCode: known.exitCode, scope: known.scope, why, remedy: known.remedy };
  if (status === TOO_MANY_REQUESTS) return { exitCode: ExitCode.tryAgain, scope: null, why, remedy: 'try again later' };
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
  if (status === TOO_MANY_REQUESTS)
    return { exitCode: ExitCode.tryAgain, scope: null, why: `too many requests: ${text}`, remedy: 'try again later' };
  if ([502, 503, 504].includes(status))
    return unavailable(`the gateway before it answered: ${text}`, 'try again later');
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

/** `what` could not be done: `cannot read table default.atd_acme`. */
export function serverFailure(error: unknown, stage: Stage, what: string, { host, port }: Connection): LoadError {
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
