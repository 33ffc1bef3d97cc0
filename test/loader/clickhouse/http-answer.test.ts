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
        assert.ok(bytes.length > 0);
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
  [
    'in a chunk whose length has two digits',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10 \r\n0123456789abcdef\r\n0\r\n\r\n',
    '0123456789abcdef',
  ],
  [
    'in chunks and of a length',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\nContent-Length: 9\r\n\r\n1\r\na\r\n0\r\n\r\n',
    'a',
  ],
  [
    'of a connection that is kept',
    'HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nX: close\r\nContent-Length: 1\r\n\r\na',
    'a',
  ],
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

test('an answer that has no body is complete with its head, whatever length that has', () => {
  for (const status of [204, 304]) {
    const { reader, body } = read(`HTTP/1.1 ${status}\r\nContent-Length: 5\r\n\r\n`, 100);
    assert.deepEqual([reader.done, reader.status, reader.keepAlive, body], [true, status, true, '']);
  }
});

test('an answer goes up to the end of its connection where no header says a length of it that can be read', () => {
  const HEADS = [
    'HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: x2\r\n',
    'HTTP/1.1 200 OK\r\nX: 2\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n',
    'HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\nHTTP/1.1 200 OK\r\n',
    'HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\n',
  ];
  for (const head of HEADS) {
    const answer = read(`${head}\r\n1\r\na\r\n0\r\n\r\n`, 100);
    assert.ok(!answer.reader.done, head);
    assert.equal(answer.body, '1\r\na\r\n0\r\n\r\n', head);
    assert.ok(answer.reader.end(), head);
  }
});

test('of headers and trailers each is told by its name, and what has none is passed over', () => {
  const lines = 'x:1\r\nAb: 2:3 \r\n: nameless\r\nno colon\r\n';
  const told = [
    ['x', '1'],
    ['ab', '2:3'],
  ];
  const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n';
  const { reader, headers } = read(`${head}${lines}\r\n0\r\n${lines}\r\n`, 100);
  assert.ok(reader.done);
  assert.deepEqual(headers, [['transfer-encoding', 'chunked'], ...told, ...told]);
});

test('an answer has begun with its first byte', () => {
  const { reader } = read('', 1);
  assert.deepEqual([reader.begun, reader.done, reader.status, reader.keepAlive], [false, false, 0, true]);
  for (const text of ['H', 'HTTP/1.1 200 OK\r\n']) assert.ok(read(text, 100).reader.begun, text);
});

test('one byte behind an answer is enough for its connection not to be used again', () => {
  assert.ok(!read('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab', 100).reader.keepAlive);
});

test('a line may have 256 KiB', () => {
  const limit = 256 * 1024;
  const ofLine = (length: number) => read(`HTTP/1.1 200 OK\r\n${'x'.repeat(length)}`, limit + 100);
  assert.ok(!ofLine(limit).reader.done);
  assert.throws(() => ofLine(limit + 1), NotHttpError);
});

const FOREIGN: readonly (readonly [what: string, text: string, code: string])[] = [
  ['another protocol', '\x02\x00\x00DB::Exception', 'NOT_HTTP'],
  ['a greeting', 'SSH-2.0-OpenSSH', 'NOT_HTTP'],
  ['another version', 'HTTP/2 200', 'NOT_HTTP'],
  ['a TLS alert', '\x15\x03\x01\x00\x02\x02\x46', 'TLS_EXPECTED'],
  ['a status of two digits', 'HTTP/1.1 20\r\n', 'NOT_HTTP'],
  ['a status of four digits', 'HTTP/1.1 2000\r\n', 'NOT_HTTP'],
  ['a TLS alert of which one byte came', '\x15', 'TLS_EXPECTED'],
  ['what begins as a TLS alert does', '\x15\x04', 'NOT_HTTP'],
  ['what goes on as a TLS alert does', '\x16\x03', 'NOT_HTTP'],
  ['a chunk whose size ends well', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxa\r\n', 'NOT_HTTP'],
  ['a chunk whose size begins well', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nax\r\n', 'NOT_HTTP'],
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

test('what is no answer is shown from its beginning, as far as a line goes', () => {
  const text = `SSH-2.0 ${'x'.repeat(100)}`;
  assert.throws(() => read(text, 1_000), {
    name: 'NotHttpError',
    message: `the answer is not HTTP: "${text.slice(0, 40)}"`,
  });
});
