/** What the loader makes of answers that a server gives and the sandbox cannot: Node's HTTP server gives them here. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { type ClickHouse, ClickHouseError, connect } from '../../../lib/loader/clickhouse/client.js';
import { explain } from '../../../lib/loader/failures.js';

const OF_CLICKHOUSE = { 'X-ClickHouse-Query-Id': 'q' };

async function serve(
  answer: (request: IncomingMessage, body: string, response: ServerResponse) => void,
  use: (clickhouse: ClickHouse) => Promise<void>,
): Promise<void> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    answer(request, body, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const clickhouse = connect({
    ...{ host: '127.0.0.1', port, secure: false, ca: null, database: 'd b', user: 'ü', password: 'p:w' },
    ...{ connectMs: 60_000, silenceMs: 60_000 },
  });
  try {
    await use(clickhouse);
  } finally {
    await clickhouse.close();
    server.close();
  }
}

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

test('a request carries who asks, the database, the settings, the statement and the data', async () => {
  const seen: { url: URL; body: string; authorization: string; encoding: string | undefined }[] = [];
  const note = (request: IncomingMessage, body: string, response: ServerResponse): void => {
    const authorization = Buffer.from(
      (request.headers.authorization ?? '').slice('Basic '.length),
      'base64',
    ).toString();
    const url = new URL(request.url ?? '', 'http://localhost');
    seen.push({ url, body, authorization, encoding: request.headers['content-encoding'] });
    response.writeHead(200, { ...OF_CLICKHOUSE, 'X-ClickHouse-Summary': '{"read_rows":"9","written_rows":"7"}' }).end();
  };
  await serve(note, async (clickhouse) => {
    assert.equal(await clickhouse.insert('INSERT é & x', bytes('1,2'), { a: 1, b: 'ü' }, { encoding: 'gzip' }), 7);
    await clickhouse.execute('CREATE x');
  });
  const [insert, create] = seen;
  assert.deepEqual(Object.fromEntries(insert?.url.searchParams ?? []), {
    ...{ database: 'd b', query: 'INSERT é & x', a: '1', b: 'ü' },
  });
  assert.deepEqual([insert?.body, insert?.authorization, insert?.encoding], ['1,2', 'ü:p:w', 'gzip']);
  assert.deepEqual(Object.fromEntries(create?.url.searchParams ?? []), { database: 'd b', wait_end_of_query: '1' });
  assert.deepEqual([create?.body, create?.encoding], ['CREATE x', undefined]);
});

const MEMORY =
  'Code: 241. DB::Exception: Memory limit exceeded: would use 5 GiB. (MEMORY_LIMIT_EXCEEDED) (version 26.7.2.1)\n';

const REFUSALS: readonly (readonly [
  what: string,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
  code: string | undefined,
  message: RegExp,
  exitCode: number,
])[] = [
  [
    'with its code in the header',
    ...[500, { 'X-ClickHouse-Exception-Code': '241' }, MEMORY, '241'],
    ...[/^Memory limit exceeded: would use 5 GiB\.$/, 75],
  ],
  ['with its code in the text alone', 500, OF_CLICKHOUSE, MEMORY, '241', /^Memory limit exceeded/, 75],
  ['that came after the status', 200, OF_CLICKHOUSE, MEMORY, '241', /^Memory limit exceeded/, 75],
  [
    'in a header that came after the status',
    ...[200, { 'X-ClickHouse-Exception-Code': '27' }, 'Code: 27. DB::Exception: Cannot parse. (X)', '27'],
    ...[/^Cannot parse\.$/, 65],
  ],
  ['of a gateway', 503, {}, 'no healthy upstream', undefined, /^HTTP status 503: no healthy upstream$/, 69],
  ['of a gateway with too much to do', 429, {}, 'slow down', undefined, /^HTTP status 429: slow down$/, 75],
  [
    'of ClickHouse with too much to do, under a number that the loader does not know',
    ...[429, { 'X-ClickHouse-Exception-Code': '9999' }, 'Code: 9999. DB::Exception: Slow down. (X)', '9999'],
    ...[/^Slow down\.$/, 75],
  ],
  ['of a proxy that answers everything', 200, {}, '<html>', undefined, /^HTTP status 200: <html>$/, 75],
  ['of a proxy that answers everything with nothing', 200, {}, '', undefined, /^HTTP status 200: $/, 75],
  ['of a proxy that has nothing to say', 204, {}, '', undefined, /^HTTP status 204: $/, 75],
  ['of a web server', 404, {}, 'Not Found', undefined, /^HTTP status 404: Not Found$/, 78],
] as typeof REFUSALS;

for (const [what, status, headers, body, code, message, exitCode] of REFUSALS) {
  test(`a refusal ${what} is understood`, async () => {
    const refuse = (_request: IncomingMessage, _body: string, response: ServerResponse): void => {
      response.writeHead(status, headers).end(body);
    };
    await serve(refuse, async (clickhouse) => {
      await assert.rejects(clickhouse.insert('INSERT', bytes('x'), {}), (error) => {
        assert.ok(error instanceof ClickHouseError);
        assert.equal(error.code, code);
        assert.match(error.message, message);
        assert.equal(explain(error, 'insert').exitCode, exitCode);
        return true;
      });
    });
  });
}

const STATEMENTS: readonly (readonly [what: string, ask: (clickhouse: ClickHouse) => Promise<unknown>])[] = [
  ['the columns of a table', (clickhouse) => clickhouse.columns('DESCRIBE', {})],
  ['the columns of a sample', (clickhouse) => clickhouse.inspect('DESCRIBE', {})],
  ['the definition of a table', (clickhouse) => clickhouse.definition('SHOW')],
  ['rows', (clickhouse) => clickhouse.rows('SELECT')],
  ['a text', (clickhouse) => clickhouse.text('SELECT', {})],
  ['a statement without a result', (clickhouse) => clickhouse.execute('CREATE')],
];

for (const [what, ask] of STATEMENTS) {
  test(`an empty success without a header of ClickHouse is no answer to ${what}`, async () => {
    const succeed = (_request: IncomingMessage, _body: string, response: ServerResponse): void => {
      response.writeHead(200).end();
    };
    await serve(succeed, async (clickhouse) => {
      await assert.rejects(ask(clickhouse), (error) => {
        assert.ok(error instanceof ClickHouseError);
        assert.equal(explain(error, 'describe-table').exitCode, 78);
        return true;
      });
    });
  });
}

test('rows are read line by line, whatever pieces the answer comes in', async () => {
  const answer = (_request: IncomingMessage, _body: string, response: ServerResponse): void => {
    response.writeHead(200, OF_CLICKHOUSE);
    response.write('{"name":"a","ty');
    setImmediate(() => response.end('pe":"Int8","default_type":"DEFAULT"}\n{"name":"é","type":"String"}\n'));
  };
  await serve(answer, async (clickhouse) => {
    assert.deepEqual(await clickhouse.columns('DESCRIBE', {}), [
      { name: 'a', type: 'Int8', kind: 'DEFAULT' },
      { name: 'é', type: 'String', kind: '' },
    ]);
  });
});
