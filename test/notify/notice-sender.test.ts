/** Notices to servers that are slow, refuse, hang, redirect or are not there. None is ever told where the others are. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { NoticeSender } from '../../lib/notify/notice-sender.js';
import { waitUntil } from '../support/processes.js';

const SECRET = 'T0000/B0000/not-to-be-seen';
const DEADLINE_MS = 60_000;

const until = (condition: () => boolean, what: string) => waitUntil(condition, DEADLINE_MS, what);

async function serve(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/${SECRET}`;
}

function sender(t: TestContext, webhook: () => string | null) {
  const results: string[] = [];
  const lines: { readonly event: string; readonly fields: Record<string, unknown> }[] = [];
  let now = 1_000_000;
  let lag = 0;
  const sending = new NoticeSender({
    settings: () => ({ webhook: webhook(), max_lag: 10 }),
    from: 'atd',
    lag: () => lag,
    now: () => now,
    onResult: (result) => results.push(result),
    log: (_, event, fields) => lines.push({ event, fields }),
  });
  t.after(() => {
    sending.close();
    assert.doesNotMatch(JSON.stringify(lines), /not-to-be-seen/);
  });
  return {
    ...{ sending, results, lines },
    /** What waits is due. */
    hurry: (): true => {
      now += 400_000;
      sending.lookAtLag();
      return true;
    },
    late: (messages: number) => {
      lag = messages;
      sending.lookAtLag();
    },
  };
}

async function read(request: AsyncIterable<Buffer>): Promise<unknown> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  return JSON.parse(Buffer.concat(pieces).toString());
}

test('each kind is posted as Slack takes it, and said in the log', async (t) => {
  const bodies: unknown[] = [];
  const webhook = await serve(t, async (request, response) => {
    bodies.push(await read(request));
    response.end('ok');
  });
  const { sending, results, lines, late } = sender(t, () => webhook);
  sending.observe({ type: 'tick' }, [{ type: 'breaker-changed', state: 'open', reason: 'away' }]);
  sending.observe({ type: 'tick' }, [
    { type: 'dead-letter', letterId: 1, letter: { disposition: 'file-missing' } as never },
  ]);
  sending.observe({ type: 'dead-lettered', letterId: 1 }, []);
  late(11);
  sending.reloadRefused('kafka.topic must not be empty');
  await until(() => results.length === 4, 'four notices');
  assert.deepEqual(bodies, [
    { text: '*atd*: All loads are held back, one is tried now and then: away' },
    { text: '*atd*: A message was given up (1 file-missing). Look: atd-ingestion dead-letters' },
    { text: '*atd*: 11 messages are not done, more than notify.max_lag (10)' },
    {
      text: '*atd*: The settings were not taken over, those from before hold: kafka.topic must not be empty',
    },
  ]);
  assert.deepEqual(
    lines.map(({ event, fields }) => [event, fields['about']]),
    ['breaker', 'letters', 'lag', 'reload'].map((kind) => ['notice.sent', kind]),
  );
});

for (const [what, answer, reason] of [
  ['refuses for good', 404, /^it answers 404$/],
  ['sends on elsewhere', 302, /^it answers 302 and sends on elsewhere; name that place$/],
] as const) {
  test(`a server that ${what}: the notice is lost at once, and nobody else is asked`, async (t) => {
    let elsewhere = 0;
    const other = await serve(t, (_, response) => {
      elsewhere += 1;
      response.end();
    });
    let asked = 0;
    const webhook = await serve(t, (_, response) => {
      asked += 1;
      response.writeHead(answer, { Location: other }).end();
    });
    const { sending, results, lines } = sender(t, () => webhook);
    sending.reloadRefused('wrong');
    await until(() => results.length === 1, 'the end of the notice');
    assert.deepEqual([results, asked, elsewhere], [['lost'], 1, 0]);
    assert.equal(lines[0]?.event, 'notice.lost');
    assert.match(String(lines[0]?.fields['reason']), reason);
  });
}

test('a server that is busy, cuts connections and is away: the notice waits, and comes with what came meanwhile', async (t) => {
  const ends: RequestListener[] = [
    (_, response) => response.writeHead(503).end(),
    (_, response) => response.writeHead(429).end(),
    (request) => request.socket.destroy(),
  ];
  let asked = 0;
  const bodies: unknown[] = [];
  const webhook = await serve(t, async (request, response) => {
    const body = await read(request);
    const end = ends[asked++];
    if (end !== undefined) return end(request, response);
    bodies.push(body);
    response.end();
  });
  const { sending, results, hurry } = sender(t, () => webhook);
  const told = () =>
    (JSON.stringify(bodies).match(/\d+(?= attempts-exhausted)/g) ?? []).reduce((sum, n) => sum + Number(n), 0);
  for (let letterId = 0; letterId < 3; letterId++) {
    const letter = { disposition: 'attempts-exhausted' } as never;
    sending.observe({ type: 'tick' }, [{ type: 'dead-letter', letterId, letter }]);
    sending.observe({ type: 'dead-lettered', letterId }, []);
    await until(() => hurry() && asked > letterId, 'the next attempt');
  }
  await until(() => hurry() && told() >= 3 && results.length > 0, 'all three letters to be told of');
  assert.equal(told(), 3);
  assert.ok(results.length > 0 && results.every((result) => result === 'sent'), results.join());
});

test('a server that never answers holds nothing: all returns at once, and the end does not wait for it', async (t) => {
  let connected = 0;
  const webhook = await serve(t, () => {
    connected += 1;
  });
  const { sending, results, lines } = sender(t, () => webhook);
  sending.reloadRefused('wrong');
  await until(() => connected === 1, 'the connection');
  for (let n = 0; n < 10_000; n++) sending.reloadRefused(`wrong ${n}`);
  sending.close();
  assert.deepEqual(results, ['lost']);
  assert.deepEqual([lines[0]?.event, lines[0]?.fields['reason']], ['notice.lost', 'the service ends']);
  assert.equal(connected, 1);
});

test('nothing listens: the reason names no address', async (t) => {
  const webhook = await new Promise<string>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(`http://127.0.0.1:${port}/${SECRET}`));
    });
  });
  const { post } = await import('../../lib/notify/webhook.js');
  assert.deepEqual(await post(webhook, '{}', new AbortController().signal), {
    kind: 'refused',
    reason: 'no connection (ECONNREFUSED)',
    isForGood: false,
  });
  assert.deepEqual(await post(`http://[${SECRET}`, '{}', new AbortController().signal), {
    kind: 'refused',
    reason: 'no connection (ERR_INVALID_URL)',
    isForGood: false,
  });
  const { sending, lines } = sender(t, () => null);
  sending.reloadRefused('wrong');
  assert.deepEqual(lines, []);
});
