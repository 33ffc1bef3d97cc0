/** Names and texts as parts of a statement. */

export function quoteIdentifier(name: string): string {
  return `\`${escapeBackslashes(name).replaceAll('`', '\\`')}\``;
}

export function quoteString(text: string): string {
  return `'${escapeBackslashes(text).replaceAll("'", "\\'")}'`;
}

function escapeBackslashes(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\0', '\\0');
}
