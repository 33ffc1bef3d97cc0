import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { isAtdError } from '../../lib/errors.js';
import { type HttpAdapter, type HttpHandlers, type HttpOptions, mayPass, startHttp } from '../../lib/http/server.js';
import { HANDLERS } from './handlers.js';

/** A server that does not wait for an address that it cannot have, unless it is asked to. */
function startAt(host: string, port: number, changes: Partial<HttpHandlers & HttpOptions> = {}): Promise<HttpAdapter> {
  const { names = [], onWaiting = () => undefined, signal = AbortSignal.abort(), ...handlers } = changes;
  return startHttp({ host, port, names, onWaiting, signal }, { ...HANDLERS, ...handlers });
}

async function start(t: TestContext, changes: Partial<HttpHandlers> = {}): Promise<HttpAdapter> {
  const http = await startAt('127.0.0.1', 0, changes);
  t.after(() => http.close());
  return http;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

async function ask(http: HttpAdapter, path: string, method = 'GET'): Promise<Answer> {
  const request = httpRequest(`${http.url}${path}`, { method, agent: false });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode, headers: response.headers, body };
}

describe('the HTTP side', () => {
  it('names the port that it really took', async (t) => {
    const { url } = await start(t);
    assert.match(url, /^http:\/\/127\.0\.0\.1:[1-9]\d+$/);
  });

  it('serves the metrics with their own type', async (t) => {
    const { status, headers, body } = await ask(await start(t), '/metrics');
    assert.deepEqual([status, headers['content-type'], body], [200, 'text/plain; version=0.0.4', 'atd_slots 4\n']);
  });

  it('answers a probe with 200 when it holds, and with 503 and the reasons when it does not', async (t) => {
    const http = await start(t, { ready: () => ({ ok: false, reasons: ['not joined', 'no pool'] }) });
    const live = await ask(http, '/livez');
    assert.deepEqual([live.status, live.body], [200, 'ok\n']);
    const ready = await ask(http, '/readyz');
    assert.deepEqual([ready.status, ready.body], [503, 'not joined\nno pool\n']);
  });

  it('shows the status as JSON, which nobody may keep', async (t) => {
    const { headers, body } = await ask(await start(t), '/api/status');
    assert.deepEqual(JSON.parse(body), { state: 'running' });
    assert.deepEqual([headers['content-type'], headers['cache-control']], ['application/json', 'no-store']);
  });

  it('takes no notice of a query', async (t) => {
    assert.equal((await ask(await start(t), '/livez?verbose')).status, 200);
  });

  it('answers HEAD without a body', async (t) => {
    const { status, body } = await ask(await start(t), '/metrics', 'HEAD');
    assert.deepEqual([status, body], [200, '']);
  });

  it('says where to look instead of an unknown path', async (t) => {
    for (const path of ['/nope', '/livez/', '//livez']) {
      const { status, body } = await ask(await start(t), path);
      assert.equal(status, 404, path);
      assert.match(body, /try \/metrics/);
    }
  });

  it('changes nothing for anyone: every other method is refused', async (t) => {
    const http = await start(t);
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const { status, headers } = await ask(http, '/api/status', method);
      assert.deepEqual([status, headers.allow], [405, 'GET, HEAD'], method);
    }
  });

  it('answers 500 when a handler fails, and goes on', async (t) => {
    const http = await start(t, {
      metrics: () => Promise.reject(new Error('no metrics today')),
      live: () => {
        throw new Error('no life today');
      },
    });
    for (const [path, why] of [
      ['/metrics', 'no metrics today\n'],
      ['/livez', 'no life today\n'],
    ] as const) {
      const { status, body } = await ask(http, path);
      assert.deepEqual([status, body], [500, why]);
    }
    assert.equal((await ask(http, '/readyz')).status, 200);
  });

  it('says of a taken port which one and what to do', async (t) => {
    const { url } = await start(t);
    const port = Number(new URL(url).port);
    await assert.rejects(startAt('127.0.0.1', port), (error: unknown) => {
      assert.ok(isAtdError(error));
      assert.equal(error.code, 'ATD_HTTP_BUSY');
      assert.match(
        error.message,
        new RegExp(`127\\.0\\.0\\.1:${port} \\(http\\.host, http\\.port\\): another program`),
      );
      return true;
    });
  });

  it('waits for a port that is taken, says so once, and takes it when it is free', async (t) => {
    const first = await startAt('127.0.0.1', 0);
    const reasons: string[] = [];
    const second = startAt('127.0.0.1', Number(new URL(first.url).port), {
      signal: new AbortController().signal,
      onWaiting: (reason) => {
        reasons.push(reason);
        void first.close();
      },
    });
    t.after(async () => (await second).close());
    assert.equal((await second).url, first.url);
    assert.match(
      reasons.join('\n'),
      /^cannot listen on 127\.0\.0\.1:\d+ \(http\.host, http\.port\): another program listens there$/,
    );
  });

  it('may get an address later that this machine does not have yet', async () => {
    await assert.rejects(startAt('192.0.2.1', 0), { code: 'ATD_HTTP_BUSY' });
  });

  it('waits for a name server and for what the machine lacks, and for nothing that no wait gives', () => {
    for (const code of ['EAI_AGAIN', 'EMFILE', 'ENOBUFS']) assert.ok(mayPass(code), code);
    for (const code of ['ENOTFOUND', 'EACCES', 'EINVAL', undefined]) assert.ok(!mayPass(code), code);
  });

  it('refuses for good what can never be an address here, and names the setting', async () => {
    for (const host of ['[::1]', 'no such host']) {
      await assert.rejects(startAt(host, 0), (error: unknown) => {
        assert.ok(isAtdError(error));
        assert.equal(error.code, 'ATD_HTTP_LISTEN', host);
        assert.match(error.message, /set http\.host to an address of this machine/);
        return true;
      });
    }
  });

  it('answers many scrapers at once, and others beside one that does not read', async (t) => {
    const body = 'atd_slots 4\n'.repeat(1_000_000);
    const http = await start(t, { metrics: async () => ({ contentType: 'text/plain', body }) });
    const slow = connect(Number(new URL(http.url).port), '127.0.0.1');
    t.after(() => slow.destroy());
    slow.pause();
    slow.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(slow, 'readable');
    const answers = await Promise.all(Array.from({ length: 200 }, () => ask(http, '/livez')));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.ok(slow.bytesRead < body.length, 'the slow one is still being answered');
  });

  it('drops what is more than it serves at once, and serves the next', async (t) => {
    const http = await start(t);
    const many = await Promise.allSettled(Array.from({ length: 2_000 }, () => ask(http, '/livez')));
    const served = many.filter((one) => one.status === 'fulfilled' && one.value.status === 200).length;
    assert.ok(served >= 200, `${served} of ${many.length} were served`);
    assert.equal((await ask(http, '/livez')).status, 200);
  });

  it('closes although clients keep their connections open', async () => {
    const http = await startAt('127.0.0.1', 0);
    const socket = connect(Number(new URL(http.url).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    const closed = once(socket, 'close');
    socket.on('error', () => undefined);
    await http.close();
    await closed;
  });
});

describe('what people may change', () => {
  const post = (http: HttpAdapter, path: string, body: string, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${http.url}${path}`, {
      method: 'POST',
      body,
      headers: { Connection: 'close', authorization: 'Bearer token', ...headers },
    });

  it('is changed by POST with the token, and answered as JSON', async (t) => {
    const http = await start(t);
    const answer = await post(http, '/api/v1/tenants/acme/pause', '{"reason":"x"}');
    assert.deepEqual([answer.status, await answer.json()], [200, { tenant: 'acme' }]);
    assert.equal((await post(http, '/api/v1/tenants/acme/pause', '', { authorization: '' })).status, 401);
    assert.equal((await post(http, '/api/status', '')).status, 405);
  });

  it('is not read beyond a bound', async (t) => {
    const http = await start(t);
    const answer = await post(http, '/api/v1/tenants/acme/pause', JSON.stringify({ reason: 'x'.repeat(5_000) }));
    assert.deepEqual([answer.status, await answer.json()], [413, { error: 'the body may have 4096 bytes' }]);
  });

  it('is neither shown nor changed for a name or a page that is not ours; metrics and probes are', async (t) => {
    const http = await start(t);
    const askFor = async (path: string, headers: Readonly<Record<string, string>>, method = 'GET') => {
      const request = httpRequest(`${http.url}${path}`, { method, agent: false, headers });
      request.end();
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      response.resume();
      return response.statusCode;
    };
    const { host } = new URL(http.url);
    for (const path of ['/', '/api', '/api/status', '/api/v1/tenants', '/nope']) {
      assert.equal(await askFor(path, { host: 'evil.example' }), 421, path);
      assert.equal(await askFor(path, { host, origin: 'http://evil.example' }), 403, path);
    }
    const pause = '/api/v1/tenants/acme/pause';
    assert.equal(await askFor(pause, { host: 'evil.example', authorization: 'Bearer token' }, 'POST'), 421);
    assert.equal(await askFor(pause, { host, origin: 'null', authorization: 'Bearer token' }, 'POST'), 403);
    assert.equal(await askFor(pause, { host, origin: http.url, authorization: 'Bearer token' }, 'POST'), 200);
    assert.equal(await askFor('/api/status', { host: 'localhost:1' }), 200);
    for (const path of ['/metrics', '/livez', '/readyz']) {
      assert.equal(await askFor(path, { host: 'evil.example', origin: 'http://evil.example' }), 200, path);
    }
  });
});

describe('who asks for too much', () => {
  it('has opened thousands of connections, and keeps nobody else out', async (t) => {
    const http = await start(t);
    const { port } = new URL(http.url);
    const sockets = Array.from({ length: 2_000 }, () => {
      const socket = connect(Number(port), '127.0.0.1', () => socket.write('GET /livez HTTP/1.1\r\nHost: x'));
      socket.on('error', () => undefined);
      return socket;
    });
    t.after(() => {
      for (const socket of sockets) socket.destroy();
    });
    for (let probe = 0; probe < 20; probe += 1) assert.equal((await ask(http, '/livez')).status, 200);
    await Promise.all(
      sockets.map(async (socket) => socket.connecting && once(socket, 'connect').catch(() => undefined)),
    );
    for (let probe = 0; probe < 20; probe += 1) assert.equal((await ask(http, '/livez')).status, 200);
  });

  it('has sent thousands of requests in one go, and has one rendered, and the connection closed', async (t) => {
    let renders = 0;
    const body = 'x'.repeat(50_000);
    const metrics = async () => {
      renders += 1;
      return { contentType: 'text/plain', body };
    };
    const http = await start(t, { metrics });
    const { port } = new URL(http.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20_000));
    for (let probe = 0; probe < 20; probe += 1) assert.equal((await ask(http, '/livez')).status, 200);
    const answers: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => answers.push(chunk));
    if (!socket.destroyed) await once(socket, 'close');
    const text = Buffer.concat(answers).toString('latin1');
    assert.ok(text.split('HTTP/1.1 200').length - 1 <= 101, 'no more are answered');
    assert.ok(renders <= 30, `${renders} renders`);
  });
});
