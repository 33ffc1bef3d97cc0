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
  silenceMs = 60_000,
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
    ...{ connectMs: 60_000, silenceMs },
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
    assert.equal(await clickhouse.insert('INSERT é & x', bytes('1,2'), { a: 1, b: 'ü' }), 7);
    await clickhouse.execute('CREATE x');
  });
  const [insert, create] = seen;
  assert.deepEqual(Object.fromEntries(insert?.url.searchParams ?? []), {
    ...{ database: 'd b', a: '1', b: 'ü' },
    ...{ send_progress_in_http_headers: '1', http_headers_progress_interval_ms: '20000' },
  });
  assert.deepEqual([insert?.body, insert?.authorization, insert?.encoding], ['INSERT é & x\n1,2', 'ü:p:w', undefined]);
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
  ['facts of a server', (clickhouse) => clickhouse.facts('SELECT 1')],
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

/** Answers every request with this text, as ClickHouse. */
function always(text: string, status = 200, headers: Readonly<Record<string, string>> = OF_CLICKHOUSE) {
  return (_request: IncomingMessage, _body: string, response: ServerResponse): void => {
    response.writeHead(status, headers).end(text);
  };
}

test('the progress of an insert is told in bytes that went and in rows that ClickHouse has read', async () => {
  const parameters: URLSearchParams[] = [];
  const report = (request: IncomingMessage, _body: string, response: ServerResponse): void => {
    parameters.push(new URL(request.url ?? '', 'http://localhost').searchParams);
    response.setHeader('X-ClickHouse-Progress', ['{"read_rows":"3"}', '{"read_rows":"5","read_bytes":"9"}']);
    response.writeHead(200, { 'X-ClickHouse-Summary': '{"written_rows":"5"}' }).end();
  };
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('1,2');
    yield Buffer.from('3,4,5');
  }
  await serve(report, async (clickhouse) => {
    const told: unknown[] = [];
    assert.equal(await clickhouse.insert('I', pieces(), {}, { onProgress: (progress) => told.push(progress) }), 5);
    assert.deepEqual(told, [{ bytes: 3 }, { bytes: 8 }, { rows: 3 }, { rows: 5 }]);
    assert.equal(await clickhouse.insert('I', pieces(), {}), 5);
  });
  const [asked, unasked] = parameters;
  assert.deepEqual(
    [asked?.get('send_progress_in_http_headers'), asked?.get('http_headers_progress_interval_ms')],
    ['1', '200'],
  );
  assert.deepEqual(
    [unasked?.get('send_progress_in_http_headers'), unasked?.get('http_headers_progress_interval_ms')],
    ['1', '20000'],
    'something comes on the connection also where nobody looks, but seldom',
  );
});

const TOLD = 'Code: 27. DB::Exception: Cannot parse input: (at row 5). (CANNOT_PARSE_INPUT) (version 25.11.1.1)';
const TAG = 'PU1FNUFH98abcdef';
const TAGGED = { ...OF_CLICKHOUSE, 'X-ClickHouse-Exception-Tag': TAG };

/** As the versions write it, from 24.11 on. */
const FRAMES: readonly (readonly [what: string, headers: Readonly<Record<string, string>>, body: string])[] = [
  ['without a tag', OF_CLICKHOUSE, `\r\n__exception__\r\n${TOLD}\r\n`],
  ['with a tag', TAGGED, `\r\n__exception__\r\n${TAG}\r\n${TOLD}\n262 ${TAG}\r\n__exception__\r\n`],
  ['with a tag beside the mark', TAGGED, `__exception__${TAG}\n${TOLD}\n45 ${TAG}__exception__`],
];

for (const [what, headers, body] of FRAMES) {
  for (const [end, cut] of [
    ['ended', (response: ServerResponse) => response.end()],
    ['cut off', (response: ServerResponse) => response.destroy()],
  ] as const) {
    test(`a failure in the middle of an answer is read for its text: ${what}, ${end}`, async () => {
      const fail = (_request: IncomingMessage, _body: string, response: ServerResponse): void => {
        response.writeHead(200, { ...headers, 'Transfer-Encoding': 'chunked' });
        response.write(body, () => cut(response));
      };
      await serve(fail, async (clickhouse) => {
        await assert.rejects(clickhouse.insert('INSERT', bytes('x'), {}), (error) => {
          assert.ok(error instanceof ClickHouseError, String(error));
          assert.equal(error.code, '27');
          assert.equal(error.message, 'Cannot parse input: (at row 5).');
          assert.equal(explain(error, 'insert').exitCode, 65);
          return true;
        });
      });
    });
  }
}

test('a failure whose code comes behind the body alone is one', async () => {
  const fail = (_request: IncomingMessage, _body: string, response: ServerResponse): void => {
    response.writeHead(200, { ...OF_CLICKHOUSE, Trailer: 'X-ClickHouse-Exception-Code' });
    response.addTrailers({ 'X-ClickHouse-Exception-Code': '241' });
    response.end(' ');
  };
  await serve(fail, async (clickhouse) => {
    await assert.rejects(clickhouse.insert('INSERT', bytes('x'), {}), { code: '241' });
  });
});

test('an answer that is cut off without a failure in it asks for another try', async () => {
  const cut = (_request: IncomingMessage, _body: string, response: ServerResponse): void => {
    response.writeHead(200, { ...TAGGED, 'Transfer-Encoding': 'chunked' });
    response.write(' ', () => response.destroy());
  };
  await serve(cut, async (clickhouse) => {
    await assert.rejects(clickhouse.insert('INSERT', bytes('x'), {}), (error) => {
      assert.equal(explain(error, 'insert').exitCode, 75);
      return true;
    });
  });
});

test('an insert without a summary has written nothing', async () => {
  await serve(always(''), async (clickhouse) => {
    assert.equal(await clickhouse.insert('INSERT', bytes('x'), {}), 0);
  });
  await serve(always('', 200, { 'X-ClickHouse-Summary': '{}' }), async (clickhouse) => {
    assert.equal(await clickhouse.insert('INSERT', bytes('x'), {}), 0);
  });
});

test('white space after an insert is no error', async () => {
  await serve(always(' \n', 200, { 'X-ClickHouse-Summary': '{"written_rows":"5"}' }), async (clickhouse) => {
    assert.equal(await clickhouse.insert('INSERT', bytes('x'), {}), 5);
  });
});

test('a text that has an exception in it is an answer to who asked for a text', async () => {
  const text = 'Code: 27. DB::Exception: Cannot parse. (X)';
  await serve(always(text), async (clickhouse) => {
    assert.equal(await clickhouse.text('SELECT', {}), text);
  });
});

test('of an answer no more is kept than is worth the memory', async () => {
  const mebibyte = 1024 * 1024;
  await serve(always('x'.repeat(5 * mebibyte), 500, {}), async (clickhouse) => {
    await assert.rejects(clickhouse.insert('INSERT', bytes('x'), {}), ({ message }: Error) => {
      assert.equal(message.length, 'HTTP status 500: '.length + 4 * mebibyte);
      return true;
    });
  });
  await serve(always('x'.repeat(65 * mebibyte)), async (clickhouse) => {
    assert.equal((await clickhouse.text('SELECT', {})).length, 64 * mebibyte);
  });
});

test('a statement is given up when nothing comes for as long as it would be for an insert', {
  timeout: 25_000,
}, async () => {
  const silent = (): void => undefined;
  await serve(
    silent,
    (clickhouse) => assert.rejects(clickhouse.text('SELECT', {}), /timeout error: nothing was sent or received/),
    100,
  );
});

test('rows have numbers that are numbers, whatever ClickHouse quotes by itself', async () => {
  let parameters = new URLSearchParams();
  const answer = (request: IncomingMessage, _body: string, response: ServerResponse): void => {
    parameters = new URL(request.url ?? '', 'http://localhost').searchParams;
    response.writeHead(200, OF_CLICKHOUSE).end('{"n":1}\n\n{"n":2}\n');
  };
  await serve(answer, async (clickhouse) => {
    assert.deepEqual(await clickhouse.rows('SELECT'), [{ n: 1 }, { n: 2 }]);
  });
  assert.deepEqual(Object.fromEntries(parameters), {
    database: 'd b',
    wait_end_of_query: '1',
    default_format: 'JSONEachRow',
    output_format_json_quote_64bit_integers: '0',
  });
});

const SENTENCES: readonly (readonly [text: string, sentence: string])[] = [
  ['Code: 60. DB::Exception: No table. (UNKNOWN_TABLE) (version 26.7.1.1)\n', 'No table.'],
  ['Code: 60. DB::Exception: No table. (UNKNOWN_TABLE) (version 26.7.1.1 (official build))', 'No table.'],
  ['DB::Exception: No table.', 'No table.'],
  ['Poco::Exception: No route.', 'No route.'],
  ['Code: 1. DB::Exception: It said: Code: 2. DB::Exception: no. (OTHER)', 'It said: Code: 2. DB::Exception: no.'],
  ['Code: 1. DB::Exception: Of (A) and (version 1) only (B)', 'Of (A) and (version 1) only'],
];

for (const [text, sentence] of SENTENCES) {
  test(`of ${JSON.stringify(text)} people read the sentence`, () => {
    const error = new ClickHouseError(500, '60', text);
    assert.deepEqual([error.name, error.message], ['ClickHouseError', sentence]);
  });
}
