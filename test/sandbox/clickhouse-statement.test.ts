import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tokens } from './clickhouse-lexer.js';
import { identifier, literal, readStatement } from './clickhouse-statement.js';

/** The statement that the engine gets for an INSERT with CSV in the body, and the data that is left. */
function rewritten(text: string): { statement: string; data: string } {
  const insert = readStatement(text);
  assert.ok(insert.kind === 'insert-with-data', `${text} is ${insert.kind}`);
  return { statement: insert.rewrite('/f', 'none').replaceAll(/\s+/g, ' '), data: text.slice(insert.dataStart) };
}

describe('tokens()', () => {
  it('skips comments and keeps quoted text whole', () => {
    const sql = "SELECT 'it''s \\' (' -- (\n, `a``b`, /* ( */ \"c\" + 1.5e3";
    const texts = [...tokens(sql)].map((token) => token.text);
    assert.deepEqual(texts, ['SELECT', "'it''s \\' ('", ',', '`a``b`', ',', '"c"', '+', '1.5e3']);
  });

  it('counts what is open around a token', () => {
    const depths = [...tokens('a(b[c])d')].map(({ text, depth }) => `${text}${depth}`);
    assert.deepEqual(depths, ['a0', '(0', 'b1', '[1', 'c2', ']1', ')0', 'd0']);
  });
});

describe('readStatement()', () => {
  it('has the engine read the data of an INSERT from a file', () => {
    assert.deepEqual(rewritten('INSERT INTO t (a, b) FORMAT CSV\n1,2\n'), {
      statement: "INSERT INTO t (a, b) FROM INFILE '/f' COMPRESSION 'none' FORMAT CSV",
      data: '1,2\n',
    });
  });

  it('keeps the settings of an INSERT', () => {
    const { statement } = rewritten('INSERT INTO t SETTINGS max_threads = 1 FORMAT CSV');
    assert.equal(statement, "INSERT INTO t FROM INFILE '/f' COMPRESSION 'none' SETTINGS max_threads = 1 FORMAT CSV");
  });

  it('turns input() into file(), whatever its case and quoting', () => {
    const sql =
      "insert into t (`a.b`) select x from INPUT( 'x String, y Array(UInt8)' ) where x != ') FORMAT X' format CSV\nz";
    assert.deepEqual(rewritten(sql), {
      statement:
        "insert into t (`a.b`) select x from file('/f', 'CSV', 'x String, y Array(UInt8)') where x != ') FORMAT X' ",
      data: 'z',
    });
  });

  it('finds input() in a subquery and leaves a column of that name alone', () => {
    const sql = "INSERT INTO t SELECT input FROM (SELECT * FROM input('input String')) SETTINGS a = 1 FORMAT CSV ";
    const { statement } = rewritten(sql);
    assert.equal(
      statement,
      "INSERT INTO t SELECT input FROM (SELECT * FROM file('/f', 'CSV', 'input String')) SETTINGS a = 1 ",
    );
  });

  it('names the compression of the data', () => {
    const insert = readStatement("INSERT INTO t SELECT * FROM input('a Int8') FORMAT CSV");
    assert.ok(insert.kind === 'insert-with-data');
    assert.match(insert.rewrite("/it's", 'zstd'), /file\('\/it\\'s', 'CSV', 'a Int8', 'zstd'\)/);
  });

  it('takes the FORMAT of a SELECT, not a column of that name', () => {
    assert.equal(readStatement('SELECT format FROM t FORMAT JSON').kind, 'other');
    const read = readStatement('SELECT a, format, b FROM t FORMAT JSON;');
    assert.ok(read.kind === 'other' && read.format === 'JSON' && !read.multiple);
  });

  it('leaves an INSERT without data in the body as it is', () => {
    for (const sql of [
      "INSERT INTO t VALUES (1, ';')",
      'INSERT INTO t SELECT * FROM s',
      "INSERT INTO t FROM INFILE 'x' FORMAT CSV",
    ]) {
      const read = readStatement(sql);
      assert.ok(read.kind === 'insert' && !read.multiple, sql);
    }
  });

  it('tells a second statement from a semicolon at the end', () => {
    const multiple = (sql: string) => {
      const read = readStatement(sql);
      return read.kind !== 'insert-with-data' && read.multiple;
    };
    assert.equal(multiple('SELECT 1; SELECT 2'), true);
    assert.equal(multiple("SELECT ';' ; -- end"), false);
  });
});

describe('quoting', () => {
  it('lets nothing out of a literal or an identifier', () => {
    assert.equal(literal("a\\'b"), "'a\\\\\\'b'");
    assert.equal(identifier('a`b'), '`a\\`b`');
  });
});
