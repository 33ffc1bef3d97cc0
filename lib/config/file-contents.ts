/** What stands in files that settings name. Nothing of it is quoted: it may be another file, with a secret. */

/** @throws Error that says why the loader could make no table by it */
export function requireSchema(text: string): void {
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch (error) {
    const [where] = /at position \d+(?: \(line \d+ column \d+\))?/.exec((error as Error).message) ?? [];
    throw new Error(`it is no JSON${where === undefined ? '' : ` (${where})`}`);
  }
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
    throw new Error('it is no JSON object of column name -> ClickHouse type');
  }
  const columns = Object.entries(schema);
  if (columns.length === 0) throw new Error('it names no column');
  for (const [name, type] of columns) {
    if (name === '') throw new Error('a column of it has an empty name');
    if (typeof type !== 'string' || type.trim() === '') {
      throw new Error(`its column ${JSON.stringify(name)} has no text as its type`);
    }
  }
}

/** @throws Error that says why no request could show it */
export function requireToken(text: string): void {
  const token = text.trim();
  if (token === '') throw new Error('it is empty');
  if (/\s/.test(token)) throw new Error('it holds more than one word');
  if (!/^[!-~]+$/.test(token)) throw new Error('it holds characters that no header can carry');
}
