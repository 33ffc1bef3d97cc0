/** What may be said of how a table is made. It becomes a part of a statement, and may not end its place there; ClickHouse judges the rest. */

/** The MergeTree family alone remembers what was inserted. */
export function isEngine(text: string): boolean {
  return /^[A-Za-z]*MergeTree\s*(\(.*\))?$/s.test(text) && isExpression(text);
}

/** Columns and expressions, with commas between them. */
export function isExpression(text: string): boolean {
  const unquoted = text.replace(/'(?:[^'\\]|\\.)*'/gs, "''").replace(/`(?:[^`\\]|\\.)*`/gs, 'name');
  let depth = 0;
  for (const character of unquoted) {
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (depth < 0) return false;
  }
  return (
    text.trim() !== '' && depth === 0 && !/["`;#]|--|\/\*/.test(unquoted) && !/'/.test(unquoted.replaceAll("''", ''))
  );
}

/** A name, or a macro of the server such as `{cluster}`. */
export function isCluster(text: string): boolean {
  return /^([\w.-]+|\{\w+\})$/.test(text);
}
