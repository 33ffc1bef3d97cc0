/** Streams of events over real connections, and their bounds. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { MAX_STREAMS, type Watch } from '../../lib/http/event-streams.js';
import { startHttp } from '../../lib/http/server.js';
import { waitUntil } from '../support/processes.js';
import { HANDLERS } from './handlers.js';

const DEADLINE_MS = 60_000;

type Take = Parameters<Watch>[0];

async function start(t: TestContext) {
  const watchers = new Set<Take>();
  const events: Watch = (take) => {
    watchers.add(take);
    return () => watchers.delete(take);
  };
  const http = await startHttp(
    { host: '127.0.0.1', port: 0, names: [], onWaiting: () => undefined, signal: AbortSignal.abort() },
    { ...HANDLERS, events },
  );
  t.after(() => http.close());
  const open = async (headers: Readonly<Record<string, string>> = {}, method = 'GET') => {
    const request = httpRequest(`${http.url}/api/v1/events`, { agent: false, headers, method });
    request.on('error', () => undefined);
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.on('error', () => undefined);
    t.after(() => response.destroy());
    return response;
  };
  return { http, watchers, open };
}

describe('a stream of events', () => {
  it('is one that browsers understand, and ends with its client', async (t) => {
    const { watchers, open } = await start(t);
    const response = await open();
    const { 'content-type': type, 'cache-control': cache } = response.headers;
    assert.deepEqual([response.statusCode, type, cache], [200, 'text/event-stream', 'no-store']);
    let text = '';
    response.on('data', (chunk) => (text += String(chunk)));
    const [take] = watchers;
    assert.equal(
      take?.(() => Buffer.from('event: status\ndata: {}\n\n')),
      true,
    );
    await waitUntil(() => text.endsWith('data: {}\n\n'), DEADLINE_MS, 'what was sent');
    assert.match(text, /^retry: \d+\n\n/);
    response.destroy();
    await waitUntil(() => watchers.size === 0, DEADLINE_MS, 'nobody watches');
    assert.equal(
      take?.(() => Buffer.from('x')),
      false,
    );
  });

  it('is not begun by HEAD, and not by a page of another site', async (t) => {
    const { watchers, open } = await start(t);
    assert.equal((await open({}, 'HEAD')).statusCode, 200);
    assert.equal((await open({ Origin: 'http://evil.example' })).statusCode, 403);
    assert.equal((await open({ Host: 'evil.example' })).statusCode, 421);
    assert.equal((await open({}, 'POST')).statusCode, 405);
    assert.equal(watchers.size, 0);
  });

  it('is none behind a request on the same connection that is not answered yet', async (t) => {
    const { http, watchers } = await start(t);
    const socket = connect(Number(new URL(http.url).port), '127.0.0.1');
    t.after(() => socket.destroy());
    const wanted = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    socket.write(wanted('/api/v1/events').repeat(50));
    await waitUntil(() => watchers.size > 0, DEADLINE_MS, 'the first stream');
    socket.destroy();
    await waitUntil(() => watchers.size === 0, DEADLINE_MS, 'nobody watches');
  });

  it('keeps little of what its client does not read', async (t) => {
    const { watchers, open } = await start(t);
    const response = await open();
    response.pause();
    const [take] = watchers;
    const piece = Buffer.alloc(64 * 1024, 'x');
    let taken = 0;
    // The system's own buffers take some megabytes.
    while (taken < 1_000 && take?.(() => piece)) taken += 1;
    assert.ok(taken < 1_000, `${taken} pieces were kept`);
    response.resume();
    await waitUntil(() => take?.(() => piece) === true, DEADLINE_MS, 'the client reads again');
  });

  it('gives way to later ones where there are many', async (t) => {
    const { watchers, open } = await start(t);
    const first = await open();
    const closed = new Promise((resolve) => first.resume().once('close', resolve));
    for (let more = 1; more <= MAX_STREAMS; more += 1) await open();
    await closed;
    await waitUntil(() => watchers.size === MAX_STREAMS, DEADLINE_MS, `${MAX_STREAMS} streams`);
  });
});
