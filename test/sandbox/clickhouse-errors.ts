/**
 * ClickHouse's errors as its HTTP interface sends them: a status, an exception code, and one text. The table follows
 * the server's own mapping of exception codes to HTTP statuses, as far as a loader can meet them.
 */

/** What the client is told when a request fails. */
export interface HttpError {
  readonly status: number;
  readonly code: number;
  readonly body: string;
}

/** An error that the front answers by itself, without asking the engine. */
export class ClickHouseError extends Error {
  readonly clickhouseCode: number;

  constructor(clickhouseCode: number, name: string, text: string) {
    super(`Code: ${clickhouseCode}. DB::Exception: ${text}. (${name})`);
    this.clickhouseCode = clickhouseCode;
  }
}

const STATUS_OF_CODES: readonly (readonly [status: number, codes: readonly number[]])[] = [
  [400, [6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441, 675, 676]],
  [401, [194]],
  [403, [192, 193, 497, 512, 516]],
  [404, [46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511]],
  [408, [159]],
  [413, [229]],
  [415, [779]],
  [501, [48]],
  [503, [76, 209, 439]],
];

const STATUS_OF_CODE: ReadonlyMap<number, number> = new Map(
  STATUS_OF_CODES.flatMap(([status, codes]) => codes.map((code) => [code, status] as const)),
);

/** Codes that no client should see from a healthy engine: an exception that did not come from ClickHouse. */
const UNKNOWN_EXCEPTION = 1002;

const CODE = /^Code: (\d+)\. /;
/** INFILE wraps the parser's exception in a second one of the same code. */
const WRAPPED =
  /^(Code: \d+\. DB::Exception: )Code: \d+\. DB::Exception: ([\s\S]*) \((\w+)\)(?: \(version [^)]*\))?\. \(\3\)$/;

/** The file in which the front kept the body: the client never heard of it. */
const UPLOAD = /: \(in file\/uri [^)]*\)/g;

export function httpErrorOf(error: unknown, version: string): HttpError {
  const message = error instanceof Error ? error.message : String(error);
  const found = CODE.exec(message)?.[1];
  const code = found === undefined ? UNKNOWN_EXCEPTION : Number(found);
  const text =
    found === undefined
      ? `Code: ${code}. DB::Exception: ${message}. (UNKNOWN_EXCEPTION)`
      : message.replace(WRAPPED, '$1$2 ($3)').replaceAll(UPLOAD, '');
  return { status: STATUS_OF_CODE.get(code) ?? 500, code, body: `${text} (version ${version})\n` };
}
