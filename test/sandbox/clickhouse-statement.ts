/**
 * Reads what the HTTP front must know of a statement, and rewrites an INSERT whose data came in the request's body.
 * chDB has no request body: it reads the data from a file, so `INSERT … FORMAT X` becomes `INSERT … FROM INFILE`, and
 * `input('…')` becomes `file(…)`. Both go through the same parsers and the same insert pipeline as in the server.
 */
import { type Token, tokens } from './clickhouse-lexer.js';

/** An INSERT that takes its data from the request's body. */
export interface InsertWithData {
  readonly kind: 'insert-with-data';
  readonly format: string;
  /** Where the data begins in the text that was read. */
  readonly dataStart: number;
  /** The statement that reads the same data from `file`. */
  rewrite(file: string, compression: Compression): string;
}

/** A statement that goes to the engine as it is. */
export interface PlainStatement {
  readonly kind: 'insert' | 'other';
  /** The statement's own FORMAT, or null. */
  readonly format: string | null;
  /** Whether a second statement follows, which the server refuses. */
  readonly multiple: boolean;
  readonly empty: boolean;
}

/** Names of `file()`'s and INFILE's compression argument. */
export type Compression = 'none' | 'gzip' | 'deflate' | 'br' | 'zstd' | 'xz' | 'lz4' | 'bz2' | 'snappy';

/** After these a word is the beginning of an expression, so `format` there is a column's name. */
const BEFORE_EXPRESSION = new Set(
  'SELECT DISTINCT WHERE PREWHERE AND OR NOT BY ON USING HAVING AS IN BETWEEN LIKE CASE WHEN THEN ELSE'.split(' '),
);

function is(token: Token | undefined, word: string): boolean {
  return token?.kind === 'word' && token.text.toUpperCase() === word;
}

function isFormatClause(previous: Token | undefined, token: Token, next: Token | undefined): boolean {
  if (token.depth !== 0 || !is(token, 'FORMAT') || next?.kind !== 'word' || previous === undefined) return false;
  if (previous.kind === 'symbol') return previous.text === ')' || previous.text === ']' || previous.text === '*';
  return previous.kind !== 'word' || !BEFORE_EXPRESSION.has(previous.text.toUpperCase());
}

/** A string literal in ClickHouse's syntax. */
export function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** An identifier in ClickHouse's syntax. */
export function identifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

/** Like the server: blanks and one line break after the format's name are not data. */
function dataStart(text: string, formatEnd: number): number {
  let at = formatEnd;
  while (at < text.length && ' \t\f'.includes(text[at] as string)) at += 1;
  if (text[at] === '\r' && text[at + 1] === '\n') return at + 2;
  return text[at] === '\n' ? at + 1 : at;
}

/** `FROM input(…)`: from `input` to its closing parenthesis, and the arguments' own text. */
interface InputCall {
  readonly start: number;
  readonly end: number;
  readonly args: string;
}

function findInputCall(seen: readonly Token[], text: string): InputCall | null {
  const at = seen.findIndex((token, i) => is(token, 'INPUT') && is(seen[i - 1], 'FROM') && seen[i + 1]?.text === '(');
  const open = seen[at + 1];
  if (at < 0 || open === undefined) return null;
  const close = seen.slice(at + 2).find((token) => token.text === ')' && token.depth === open.depth);
  if (close === undefined) return null;
  return { start: (seen[at] as Token).start, end: close.end, args: text.slice(open.end, close.start).trim() };
}

function fileCall(file: string, format: string, args: string, compression: Compression): string {
  const parts = [literal(file), literal(format), args || "'auto'"];
  return `file(${(compression === 'none' ? parts : [...parts, literal(compression)]).join(', ')})`;
}

/** What an INSERT with a FORMAT clause is, given its tokens before that clause. */
function insertWithData(text: string, seen: readonly Token[], clause: Token, name: Token): InsertWithData | null {
  const format = name.text;
  const fields = { kind: 'insert-with-data', format, dataStart: dataStart(text, name.end) } as const;
  const statement = text.slice(0, clause.start);
  const input = findInputCall(seen, text);
  if (input !== null) {
    const rewrite = (file: string, compression: Compression) =>
      statement.slice(0, input.start) + fileCall(file, format, input.args, compression) + statement.slice(input.end);
    return { ...fields, rewrite };
  }
  const fromElsewhere = seen.some(
    (token) => token.depth === 0 && ['SELECT', 'INFILE', 'WITH'].some((w) => is(token, w)),
  );
  if (fromElsewhere) return null;
  const settings = seen.find((token) => token.depth === 0 && is(token, 'SETTINGS'));
  const at = settings?.start ?? clause.start;
  const rewrite = (file: string, compression: Compression) =>
    `${text.slice(0, at)} FROM INFILE ${literal(file)} COMPRESSION ${literal(compression)} ` +
    `${text.slice(at, clause.start)} FORMAT ${format}`;
  return { ...fields, rewrite };
}

/**
 * Reads the beginning of `text`, which may go on with an INSERT's data. Every byte must be one character (latin1) where
 * positions are to be byte offsets.
 */
export function readStatement(text: string): InsertWithData | PlainStatement {
  const seen: Token[] = [];
  const scan = tokens(text);
  let format: string | null = null;
  let pending = scan.next();
  while (!pending.done) {
    const token = pending.value;
    pending = scan.next();
    const previous = seen.at(-1);
    if (token.text === ';' && token.kind === 'symbol') {
      const insert = is(seen[0], 'INSERT');
      return { kind: insert ? 'insert' : 'other', format, multiple: !pending.done, empty: seen.length === 0 };
    }
    if (is(token, 'VALUES') && token.depth === 0 && is(seen[0], 'INSERT')) break;
    if (isFormatClause(previous, token, pending.done ? undefined : pending.value)) {
      const name = pending.value as Token;
      if (is(seen[0], 'INSERT')) {
        const insert = insertWithData(text, seen, token, name);
        if (insert !== null) return insert;
      }
      format = name.text;
    }
    seen.push(token);
  }
  return { kind: is(seen[0], 'INSERT') ? 'insert' : 'other', format, multiple: false, empty: seen.length === 0 };
}
