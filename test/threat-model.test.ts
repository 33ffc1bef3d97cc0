/** docs/security.md: each defence names the tests that show it, and they are there. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { read, section } from './support/documents.js';
import { PACKAGE_ROOT } from './support/package-root.js';

const DOCUMENT = 'docs/security.md';
const people = section(DOCUMENT, 'Who can do what').split('\n### ').slice(1);

/** Cells of the rows below the heads of tables. */
function rowsOf(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (?:-+|kept from|who) /.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
}

describe(DOCUMENT, () => {
  it('speaks of everybody who can reach something', () => {
    const all = people.map((text) => text.split('\n', 1)[0]).join('\n');
    for (const who of [
      'producer',
      'exporter',
      'tenant',
      'loader',
      'neighbour',
      'browser',
      'user of the machine',
      'package',
    ]) {
      assert.ok(all.includes(who), who);
    }
  });

  for (const text of people) {
    const [who = ''] = text.split('\n', 1);
    it(`names a test for each defence: ${who}`, () => {
      const rows = rowsOf(text);
      assert.ok(rows.length > 0, 'it has no table');
      for (const row of rows) {
        const files = [...(row.at(-1) ?? '').matchAll(/`([^`]+)`/g)].map(([, file = '']) => file);
        assert.ok(files.length > 0, `no test: ${row[0]}`);
        for (const file of files) {
          assert.match(file, /^test\/[\w/.-]+\.test\.ts$/);
          assert.ok(existsSync(join(PACKAGE_ROOT, file)), `there is no ${file}`);
        }
      }
    });
  }

  it('says what is not defended', () => {
    const list = section(DOCUMENT, 'What is not defended').match(/^- /gm) ?? [];
    assert.ok(list.length >= 3, 'a defence without gaps is not described to its end');
  });

  it('names no other test that is not there', () => {
    for (const [, path = ''] of read(DOCUMENT).matchAll(/`(test\/[^`]+)`/g)) {
      assert.ok(existsSync(join(PACKAGE_ROOT, path)), path);
    }
  });
});
