/** The project's documents as the tests read them: text, table rows, sections. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from './package-root.js';

/** A file of the project. */
export function read(path: string): string {
  return readFileSync(join(PACKAGE_ROOT, path), 'utf8');
}

/** The cells of all table rows whose first cell is one name in backticks, in the file or in one section of it. */
export function tableRows(path: string, heading?: string): string[][] {
  return (heading === undefined ? read(path) : section(path, heading))
    .split('\n')
    .filter((line) => /^\| `[^`]+` *\|/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
}

/** The name in a row's first cell. */
export function nameOf(row: readonly string[]): string {
  return row[0]?.slice(1, -1) ?? '';
}

/** Dotted keys of a parsed YAML file with their values; a list is a value, a group without entries has null. */
export function flatten(group: object, prefix = ''): [key: string, value: unknown][] {
  return Object.entries(group).flatMap(([name, value]): [string, unknown][] => {
    const key = `${prefix}${name}`;
    const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isGroup ? flatten(value, `${key}.`) : [[key, value]];
  });
}

/** The rows of one section, which ends at the next heading. */
export function section(path: string, heading: string): string {
  const text = read(path).split(`\n## ${heading}\n`)[1];
  assert.ok(text !== undefined, `${path} has no section ${heading}`);
  return text.split('\n## ', 1)[0] as string;
}

/** First cells of a section's table rows. */
export function namesInSection(path: string, heading: string): string[] {
  return [...section(path, heading).matchAll(/^\| `([^`]+)` *\|/gm)].map((match) => match[1] as string);
}
