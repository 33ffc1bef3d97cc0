import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerReader, NotHttpError } from '../../../lib/loader/clickhouse/http-answer.js';

interface Read {
  readonly reader: AnswerReader;
  readonly headers: (readonly [name: string, value: string])[];
  body: string;
}

/** Gives `text` to a reader in pieces of `size` bytes. */
function read(text: string, size: number): Read {
  const headers: [string, string][] = [];
  const result: Read = {
    reader: new AnswerReader({
      header: (name, value) => headers.push([name, value]),
      body: (bytes) => {
        result.body += Buffer.from(bytes).toString('latin1');
      },
    }),
    headers,
    body: '',
  };
  const bytes = Buffer.from(text, 'latin1');
  for (let start = 0; start < bytes.length; start += size) result.reader.push(bytes.subarray(start, start + size));
  return result;
}

const ANSWERS: readonly (readonly [what: string, text: string, body: string])[] = [
  ['of a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'hello'],
  ['without a body', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', ''],
  [
    'in chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\nA;x=y\r\nlo, world!\r\n0\r\n\r\n',
    'hello, world!',
  ],
  ['with trailers', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Late: 1\r\n\r\n', 'a'],
  ['after an interim answer', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na', 'a'],
  ['that may have no body', 'HTTP/1.1 204 No Content\r\n\r\n', ''],
  ['with bare line feeds', 'HTTP/1.1 200 OK\nContent-Length: 1\n\na', 'a'],
];

for (const [what, text, body] of ANSWERS) {
  test(`an answer ${what} is read, in whatever pieces it comes`, () => {
    for (let size = 1; size <= text.length; size++) {
      const answer = read(text, size);
      assert.ok(answer.reader.done, `in pieces of ${size}`);
      assert.ok(answer.reader.keepAlive);
      assert.equal(answer.body, body);
      assert.equal(answer.reader.status, what.includes('may have no') ? 204 : 200);
    }
  });
}

test('an answer without a length ends with its connection', () => {
  const { reader, ...answer } = read('HTTP/1.1 200 OK\r\n\r\nhello', 4);
  assert.ok(!reader.done);
  assert.ok(reader.end());
  assert.equal(answer.body, 'hello');
  assert.ok(!reader.keepAlive);
});

test('an answer that breaks off is not complete', () => {
  for (const text of ['', 'HTTP/1.1 20', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell']) {
    const { reader } = read(text, 100);
    assert.ok(!reader.end(), text);
    assert.equal(reader.begun, text !== '');
  }
});

test('a header is told when its line is there, before the head is complete', () => {
  const { reader, headers } = read('HTTP/1.1 200 OK\r\nX-ClickHouse-Progress:  {"a":"b:c"} \r\nX-Clic', 7);
  assert.deepEqual(headers, [['x-clickhouse-progress', '{"a":"b:c"}']]);
  assert.ok(reader.begun && !reader.done);
});

test('a connection is not used again where the server closes it or says more than was asked', () => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n';
  assert.ok(!read(`${head}Connection: close\r\n\r\n`, 100).reader.keepAlive);
  assert.ok(!read(`${head}\r\nHTTP/1.1 200 OK\r\n`, 100).reader.keepAlive);
  assert.ok(!read(`${head.replace('1.1', '1.0')}\r\n`, 100).reader.keepAlive);
});

const FOREIGN: readonly (readonly [what: string, text: string, code: string])[] = [
  ['another protocol', '\x02\x00\x00DB::Exception', 'NOT_HTTP'],
  ['a greeting', 'SSH-2.0-OpenSSH', 'NOT_HTTP'],
  ['another version', 'HTTP/2 200', 'NOT_HTTP'],
  ['a TLS alert', '\x15\x03\x01\x00\x02\x02\x46', 'TLS_EXPECTED'],
  ['a chunk without a size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n', 'NOT_HTTP'],
  ['a line without an end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(300_000)}`, 'NOT_HTTP'],
];

for (const [what, text, code] of FOREIGN) {
  test(`${what} is recognised as no answer`, () => {
    assert.throws(
      () => read(text, 1024),
      (error) => error instanceof NotHttpError && error.code === code,
    );
  });
}
