/** What no client of HTTP would send: each is answered once or cut off, taken for nothing else, and keeps nobody from an answer. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { keepFew } from '../../lib/http/connections.js';
import { type HttpAdapter, startHttp } from '../../lib/http/server.js';
import { waitUntil } from '../support/processes.js';

const HANDLERS = {
  metrics: async () => ({ contentType: 'text/plain', body: 'atd_slots 4\n' }),
  live: () => ({ ok: true, reasons: [] }),
  ready: () => ({ ok: true, reasons: [] }),
  status: () => ({ state: 'running' }),
  events: () => () => undefined,
};
const DEADLINE_MS = 120_000;

/** Also tells which tenants somebody had paused. */
async function start(t: TestContext, body = 'atd_slots 4\n') {
  const paused: string[] = [];
  const pause = async (tenant: string | null) => {
    paused.push(String(tenant));
    return { tenant };
  };
  const reload = async () => ({ status: 200, body: { paused: paused.push('a reload') } });
  const nothing = () => ({ status: 200, body: {} });
  const api = {
    ...{ token: () => 'token', tenants: () => ({ tenants: [] }), settings: () => ({}), loads: nothing, load: nothing },
    ...{ pause, resume: pause, reload, scale: reload, replay: reload, discard: reload, letters: nothing },
    ...{ drain: () => nothing(), join: () => nothing() },
  };
  const http = await startHttp(
    { host: '127.0.0.1', port: 0, names: [], onWaiting: () => undefined, signal: AbortSignal.abort() },
    { ...HANDLERS, metrics: async () => ({ contentType: 'text/plain', body }), api },
  );
  t.after(() => http.close());
  return { http, paused };
}

function open(t: TestContext, http: Pick<HttpAdapter, 'url'>): Socket {
  const socket = connect(Number(new URL(http.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  t.after(() => socket.destroy());
  return socket;
}

function readable(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('readable', resolve));
}

/** In order or not: `events.once` would reject where the server has cut it off. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the server has not ended the connection')), DEADLINE_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** The status codes of all answers until the server ends the connection. */
async function send(t: TestContext, http: Pick<HttpAdapter, 'url'>, bytes: string | Uint8Array): Promise<number[]> {
  const socket = open(t, http);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(bytes);
  await closed(socket);
  const answers = Buffer.concat(chunks).toString('latin1');
  return [...answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}

async function expectLife(http: Pick<HttpAdapter, 'url'>): Promise<void> {
  const answer = await fetch(`${http.url}/livez`, { signal: AbortSignal.timeout(DEADLINE_MS) });
  assert.deepEqual([answer.status, await answer.text()], [200, 'ok\n']);
}

const HOST = 'Host: localhost\r\n';
const LAST = `GET /livez HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
const PAUSE = `POST /api/v1/tenants/acme/pause HTTP/1.1\r\n${HOST}Authorization: Bearer token\r\n`;
const INNER = `${PAUSE}Content-Length: 0\r\n\r\n`;
const CHUNK = `${INNER.length.toString(16)}\r\n${INNER}\r\n`;

describe('a request with two ends', () => {
  /** Behind each stands a request that nobody has asked for: a proxy took it for a part of the body. */
  const CASES: readonly (readonly [what: string, head: string, body: string])[] = [
    [
      'a length and chunks',
      `Content-Length: ${INNER.length + 5}\r\nTransfer-Encoding: chunked\r\n`,
      `0\r\n\r\n${INNER}`,
    ],
    ['chunks and a length', `Transfer-Encoding: chunked\r\nContent-Length: 5\r\n`, `0\r\n\r\n${INNER}`],
    ['two lengths', `Content-Length: ${INNER.length}\r\nContent-Length: 0\r\n`, INNER],
    ['two lengths in one line', `Content-Length: ${INNER.length}, 0\r\n`, INNER],
    ['a length with a sign', 'Content-Length: +0\r\n', INNER],
    ['a length in hexadecimal', 'Content-Length: 0x0\r\n', INNER],
    ['a length beyond all numbers', `Content-Length: ${'9'.repeat(30)}\r\n`, INNER],
    ['chunks that are not the last coding', 'Transfer-Encoding: chunked, identity\r\n', INNER],
    ['a coding that is not known', 'Transfer-Encoding: xchunked\r\n', `0\r\n\r\n${INNER}`],
    ['a blank before the colon', `Content-Length : ${INNER.length}\r\n`, INNER],
    [
      'a header that goes on in a second line',
      `Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n`,
      `0\r\n\r\n${INNER}`,
    ],
    ['a line that ends without a carriage return', `Content-Length: 0\nX: y\n`, INNER],
  ];
  for (const method of ['GET', 'POST']) {
    for (const [what, head, body] of CASES) {
      it(`by ${what} ends the connection, and what stands behind it is no request (${method})`, async (t) => {
        const { http, paused } = await start(t);
        const path = method === 'GET' ? '/livez' : '/api/v1/tenants/other/pause';
        const statuses = await send(t, http, `${method} ${path} HTTP/1.1\r\n${HOST}${head}\r\n${body}${LAST}`);
        // A request without a body to wait for may be answered before the rest is read.
        assert.deepEqual([statuses.slice(1).filter((status) => status !== 400), paused], [[], []]);
        if (method === 'POST') assert.ok(!statuses.includes(200), String(statuses));
        await expectLife(http);
      });
    }
  }

  it('is none where its body is a request: that is read as a body, by length or by chunks, whatever their extensions', async (t) => {
    const { http, paused } = await start(t);
    for (const [head, body] of [
      [`Content-Length: ${INNER.length}\r\n`, INNER],
      ['Transfer-Encoding: chunked\r\n', `${CHUNK}0\r\n\r\n`],
      ['Transfer-Encoding: chunked\r\n', `${CHUNK.replace('\r\n', ';x="0";y\r\n')}0;z\r\n\r\n`],
    ] as const) {
      const statuses = await send(t, http, `GET /livez HTTP/1.1\r\n${HOST}${head}\r\n${body}${LAST}`);
      assert.deepEqual([statuses, paused], [[200, 200], []], head);
    }
  });

  it('is not waited for without end: extensions of chunks are bounded', async (t) => {
    const { http, paused } = await start(t);
    const chunk = `1;${'x'.repeat(100_000)}\r\nx\r\n`;
    const statuses = await send(t, http, `${PAUSE}Transfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n${LAST}`);
    assert.ok(!statuses.includes(200), String(statuses));
    assert.deepEqual(paused, []);
    await expectLife(http);
  });
});

describe('headers of 70 KB', () => {
  for (const [what, headers] of [
    ['in one line', `X: ${'x'.repeat(70_000)}\r\n`],
    ['in many lines', 'X: y\r\n'.repeat(12_000)],
    ['in a path', ''],
  ] as const) {
    it(`${what} are refused, and the connection is closed`, async (t) => {
      const { http } = await start(t);
      const path = headers === '' ? `/${'x'.repeat(70_000)}` : '/livez';
      assert.deepEqual(await send(t, http, `GET ${path} HTTP/1.1\r\n${HOST}${headers}\r\n${LAST}`), [431]);
      await expectLife(http);
    });
  }
});

describe('another protocol', () => {
  for (const [what, bytes, statuses] of [
    ['WebSocket', `GET /livez HTTP/1.1\r\n${HOST}Connection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n`, [200]],
    [
      'HTTP/2 by an upgrade',
      `GET /livez HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n\r\n`,
      [200],
    ],
    ['HTTP/2 at once', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400]],
    ['a tunnel', `CONNECT kafka:9092 HTTP/1.1\r\n${HOST}\r\n${LAST}`, []],
    ['a request to a proxy', `GET http://evil.example/api/status HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, [404]],
    ['TLS', Buffer.from('16030100c8010000c40303'.padEnd(200, '0'), 'hex'), [400]],
    ['Kafka', Buffer.from('00000014001200030000000100046b6361740000', 'hex'), [400]],
  ] as const) {
    it(`is not spoken: ${what}`, async (t) => {
      const { http } = await start(t);
      assert.deepEqual(await send(t, http, bytes), statuses);
      await expectLife(http);
    });
  }
});

/** A server of few connections, with an answer that takes its time to be read. */
async function startFew(t: TestContext, most: number) {
  const large = Buffer.alloc(32 * 1024 * 1024);
  const server = createServer((request, response) => response.end(request.url === '/large' ? large : 'ok\n'));
  keepFew(server, most);
  /** The numbers of connections, in the order in which they have ended here. */
  const ended: number[] = [];
  let opened = 0;
  server.on('connection', (socket: Socket) => {
    const number = opened;
    opened += 1;
    socket.once('close', () => ended.push(number));
  });
  // A pause between two requests is no end.
  server.keepAliveTimeout = DEADLINE_MS;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { http: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }, ended };
}

describe('who does not read', () => {
  it('gives way to who comes later, the one that was heard of first before the others', async (t) => {
    const { http, ended } = await startFew(t, 4);
    for (let each = 0; each < 8; each += 1) {
      const socket = open(t, http).pause();
      socket.write(`GET /large HTTP/1.1\r\n${HOST}\r\n`);
      await readable(socket);
    }
    assert.deepEqual(await send(t, http, LAST), [200]);
    await waitUntil(() => ended.length >= 6, DEADLINE_MS, 'as many have ended as were too many');
    assert.deepEqual(ended.slice(0, 5), [0, 1, 2, 3, 4]);
  });

  it('asks again, and is heard of last', async (t) => {
    const { http, ended } = await startFew(t, 2);
    const [first, second] = [open(t, http), open(t, http)];
    for (const socket of [first, second, first]) {
      const answer = readable(socket);
      socket.write(`GET /livez HTTP/1.1\r\n${HOST}\r\n`);
      await answer;
      socket.read();
    }
    assert.deepEqual(await send(t, http, LAST), [200]);
    await waitUntil(() => ended.length >= 2, DEADLINE_MS, 'one has ended for the third, and the third by itself');
    assert.deepEqual(ended, [1, 2]);
  });

  it('a body without end is not read to its end', async (t) => {
    const { http, paused } = await start(t);
    const socket = open(t, http);
    socket.resume();
    socket.write(`${PAUSE}Content-Length: 1000000000\r\n\r\n`);
    const piece = Buffer.alloc(64 * 1024, 'x');
    const more = (): void => {
      while (!socket.destroyed && socket.write(piece));
    };
    socket.on('drain', more);
    more();
    await closed(socket);
    assert.ok(socket.bytesWritten < 100_000_000, `${socket.bytesWritten} bytes were taken`);
    assert.deepEqual(paused, []);
    await expectLife(http);
  });
});
