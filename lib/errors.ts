/**
 * Errors that are thrown: broken boundaries and misuse. An expected failure is a value (`Outcome`, `Poison`, `Verdict`),
 * never one of these. Guards test `code`, never the class or the text.
 */

export const ERROR_CODES = [
  'ATD_USAGE',
  'ATD_CONFIG_INVALID',
  'ATD_EXECUTABLE_NOT_FOUND',
  'ATD_HTTP_BUSY',
  'ATD_HTTP_LISTEN',
  'ATD_KAFKA_CONNECT',
  'ATD_KAFKA_CONSUMER',
  'ATD_DEAD_LETTER',
  'ATD_CONTROL',
  'ATD_LOG_FILE',
  'ATD_POOL',
  'ATD_UNREACHABLE',
  'ATD_INTERNAL',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** Exit codes of the service (0 to 78, sysexits where one fits) and of the bundled loader. */
export const ExitCode = {
  ok: 0,
  crash: 1,
  unreachable: 2,
  usage: 64,
  dataError: 65,
  noInput: 66,
  unavailable: 69,
  internal: 70,
  ioError: 74,
  tryAgain: 75,
  notPermitted: 77,
  configuration: 78,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

const EXIT_CODE_OF: Readonly<Record<ErrorCode, ExitCode>> = {
  ATD_USAGE: ExitCode.usage,
  ATD_CONFIG_INVALID: ExitCode.configuration,
  ATD_EXECUTABLE_NOT_FOUND: ExitCode.configuration,
  ATD_HTTP_BUSY: ExitCode.crash,
  ATD_HTTP_LISTEN: ExitCode.configuration,
  ATD_LOG_FILE: ExitCode.configuration,
  ATD_KAFKA_CONNECT: ExitCode.crash,
  ATD_KAFKA_CONSUMER: ExitCode.crash,
  ATD_DEAD_LETTER: ExitCode.crash,
  ATD_CONTROL: ExitCode.crash,
  ATD_POOL: ExitCode.internal,
  ATD_UNREACHABLE: ExitCode.unreachable,
  ATD_INTERNAL: ExitCode.internal,
};

/** An error with a code from the closed list above; the message says what, where, why and what to do. */
export class AtdError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'AtdError';
    this.code = code;
  }
}

export function isAtdError(error: unknown): error is AtdError {
  return error instanceof Error && (ERROR_CODES as readonly unknown[]).includes((error as { code?: unknown }).code);
}

/** The exit code that a process ends with when `error` reaches its top level. */
export function exitCodeOf(error: unknown): ExitCode {
  return isAtdError(error) ? EXIT_CODE_OF[error.code] : ExitCode.internal;
}

/** What is compressed has more bytes than may be taken in; the data may be all right. */
export class TooLarge extends Error {
  constructor(most: number) {
    super(`it unpacks to more than ${most} bytes`);
  }
}
