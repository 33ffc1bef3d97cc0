/**
 * Splits ClickHouse SQL into tokens, lazily: an INSERT's text may be followed by megabytes of data that are no SQL, and
 * a caller that stops at FORMAT never looks at them. Comments and white space are skipped.
 */

export interface Token {
  readonly kind: 'word' | 'quoted' | 'number' | 'symbol';
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** How many parentheses, brackets or braces are open around the token; a closing one counts as outside. */
  readonly depth: number;
}

const BLANK = /(?:\s|--[^\n]*|#[ !][^\n]*|\/\*[\s\S]*?\*\/)+/y;
const WORD = /[A-Za-z_][\w$]*/y;
const NUMBER = /\d[\w.]*/y;
const QUOTES = new Set(["'", '"', '`']);

function matchEnd(pattern: RegExp, sql: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(sql) ? pattern.lastIndex : at;
}

/** The position after a quoted string, name or identifier; a backslash or a doubled quote does not end it. */
function quotedEnd(sql: string, start: number): number {
  const quote = sql[start];
  for (let at = start + 1; at < sql.length; at += 1) {
    if (sql[at] === '\\') at += 1;
    else if (sql[at] === quote) {
      if (sql[at + 1] !== quote) return at + 1;
      at += 1;
    }
  }
  return sql.length;
}

export function* tokens(sql: string): Generator<Token> {
  let depth = 0;
  let at = matchEnd(BLANK, sql, 0);
  while (at < sql.length) {
    const start = at;
    const first = sql[start] as string;
    let kind: Token['kind'] = 'symbol';
    if (QUOTES.has(first)) {
      kind = 'quoted';
      at = quotedEnd(sql, start);
    } else {
      at = matchEnd(WORD, sql, start);
      if (at > start) kind = 'word';
      else {
        at = matchEnd(NUMBER, sql, start);
        if (at > start) kind = 'number';
        else at = start + 1;
      }
    }
    if (kind === 'symbol' && ')]}'.includes(first)) depth -= 1;
    yield { kind, text: sql.slice(start, at), start, end: at, depth };
    if (kind === 'symbol' && '([{'.includes(first)) depth += 1;
    at = matchEnd(BLANK, sql, at);
  }
}
