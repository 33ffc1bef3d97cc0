/** The table of faults in docs/delivery.md is the list of what is tested: it is checked here, and what is not is printed. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { read, section } from '../support/documents.js';
import { PACKAGE_ROOT } from '../support/package-root.js';

/** As many rows as there were once; more may come, with numbers of their own, and none may go. */
const ROWS = 57;
const DOCUMENT = 'docs/delivery.md';

test('every row of the table of faults is tested where it says, or says why it is not', (t) => {
  const text = section(DOCUMENT, 'Faults');
  const rows = [...text.matchAll(/^\| (\d+) +\| (.*?) +\| (.*?) +\|$/gm)].map(([, row, fault, where]) => ({
    row: Number(row),
    fault: fault as string,
    where: where as string,
  }));
  const numbers = rows.map(({ row }) => row);
  assert.ok(numbers.length > ROWS, `${numbers.length} rows`);
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index + 1),
  );
  const leftOut = rows.filter(({ where }) => where.startsWith('left out: '));
  for (const { row, where } of rows.filter((entry) => !leftOut.includes(entry))) {
    const files = [...where.matchAll(/`(test\/[^`]+)`/g)].map((match) => match[1] as string);
    assert.ok(files.length > 0, `row ${row} names no test`);
    for (const file of files) {
      assert.ok(existsSync(join(PACKAGE_ROOT, file)), `row ${row}: there is no ${file}`);
      if (!file.startsWith('test/faults/')) continue;
      const names = [...read(file).matchAll(/^\s*(?:test\(|const name =)\s*['`]rows? ([\d and]+):/gm)].map((match) =>
        match[1]?.split(' and '),
      );
      assert.ok(names.flat().includes(String(row)), `${file} has no test named row ${row}`);
    }
  }
  for (const { row, fault, where } of leftOut) t.diagnostic(`row ${row}, ${fault}: ${where}`);
});

test('every test that the document names is there', () => {
  for (const [, file] of read(DOCUMENT).matchAll(/`(test\/[^`]+)`/g)) {
    assert.ok(existsSync(join(PACKAGE_ROOT, file as string)), `there is no ${file}`);
  }
});
