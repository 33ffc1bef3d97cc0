import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { type HttpAnswer, HttpConnection, type HttpRequest } from '../../../lib/loader/clickhouse/http-connection.js';
import { waitUntil } from '../../support/processes.js';

interface Served {
  readonly connection: HttpConnection;
  readonly sockets: Socket[];
}

/** A server on a port of its own, and a connection to it; both are gone afterwards. */
async function serve(
  onConnection: (socket: Socket) => void,
  use: (served: Served) => Promise<void>,
  tlsWithinMs: number | null = null,
): Promise<void> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const tls = tlsWithinMs === null ? null : { ca: null };
  const connection = new HttpConnection({ host: '127.0.0.1', port, tls, connectMs: tlsWithinMs ?? 60_000 });
  try {
    await use({ connection, sockets });
  } finally {
    connection.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

interface Asked extends HttpAnswer {
  readonly text: string;
}

async function ask(
  connection: HttpConnection,
  body: HttpRequest['body'] = 'SELECT 1',
  more: Partial<HttpRequest> = {},
): Promise<Asked> {
  let text = '';
  const answer = await connection.request({
    path: '/',
    headers: {},
    silenceMs: 60_000,
    body,
    onBody: (bytes) => {
      text += Buffer.from(bytes).toString();
    },
    ...more,
  });
  return { ...answer, text };
}

function answer(text: string, head = ''): string {
  return `HTTP/1.1 200 OK\r\n${head}Content-Length: ${text.length}\r\n\r\n${text}`;
}

async function* zeros(chunks: number, bytes: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < chunks; index++) yield Buffer.alloc(bytes);
}

test('one connection serves one request after another', async () => {
  const echo = (socket: Socket): void => {
    socket.on('data', (bytes) => socket.write(answer(String(bytes).split('\r\n\r\n')[1] ?? '')));
  };
  await serve(echo, async ({ connection, sockets }) => {
    for (const text of ['one', 'two', 'three']) assert.equal((await ask(connection, text)).text, text);
    assert.equal(sockets.length, 1);
  });
});

test('a statement goes again when the kept connection turns out to be closed, but only then', async () => {
  let requests = 0;
  const once = (socket: Socket): void => {
    socket.on('data', () => {
      requests++;
      // The first request of a connection is answered, the second is met by a reset.
      if (socket.bytesWritten === 0) socket.write(answer('ok'));
      else socket.resetAndDestroy();
    });
  };
  await serve(once, async ({ connection, sockets }) => {
    assert.equal((await ask(connection)).text, 'ok');
    assert.equal((await ask(connection)).text, 'ok');
    assert.deepEqual([sockets.length, requests], [2, 3]);
    await assert.rejects(ask(connection, zeros(1, 10)), { code: 'ECONNRESET' });
    assert.equal(sockets.length, 2, 'what was streamed is not there any more to be sent again');
  });
});

test('a statement whose answer began is not sent again, whatever ends the answer', async () => {
  let requests = 0;
  const breakOff = (socket: Socket): void => {
    socket.on('data', () => {
      requests++;
      if (requests === 1) socket.write(answer('ok'));
      else socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of');
    });
  };
  await serve(breakOff, async ({ connection, sockets }) => {
    assert.equal((await ask(connection)).text, 'ok');
    await assert.rejects(ask(connection, 'DROP TABLE t'), { code: 'ECONNRESET' });
    assert.deepEqual([sockets.length, requests], [1, 2], 'who began to answer may have done what it was told to');
  });
});

test('a statement that is met by silence is not sent again: it may be under way', async () => {
  let requests = 0;
  const fallSilent = (socket: Socket): void => {
    socket.on('data', () => {
      requests++;
      if (requests === 1) socket.write(answer('ok'));
    });
  };
  await serve(fallSilent, async ({ connection, sockets }) => {
    assert.equal((await ask(connection)).text, 'ok');
    await assert.rejects(ask(connection, 'DROP TABLE t', { silenceMs: 100 }), /timeout error/);
    // A busy machine may notice the silence before the server has read the request.
    await waitUntil(() => requests >= 2, 60_000, 'the request has come');
    assert.deepEqual([sockets.length, requests], [1, 2]);
  });
});

test('a new connection that is closed without an answer is an error', async () => {
  await serve(
    (socket) => socket.once('data', () => socket.end()),
    async ({ connection, sockets }) => {
      await assert.rejects(ask(connection), { code: 'ECONNRESET' });
      assert.equal(sockets.length, 1);
    },
  );
});

test('a body goes in chunks, whole, and its bytes are told', async () => {
  let received = '';
  const take = (socket: Socket): void => {
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
      if (received.endsWith('0\r\n\r\n')) socket.write(answer('done'));
    });
  };
  async function* body(): AsyncGenerator<Uint8Array> {
    for (const text of ['hello, ', '', 'world!']) yield Buffer.from(text);
  }
  await serve(take, async ({ connection }) => {
    let sent = 0;
    const onSent = (bytes: number): void => {
      sent += bytes;
    };
    assert.equal((await ask(connection, body(), { headers: { 'X-Y': 'z' }, onSent })).text, 'done');
    assert.equal(sent, 13);
    assert.match(
      received,
      /^POST \/ HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\nX-Y: z\r\nTransfer-Encoding: chunked\r\n\r\n/,
    );
    assert.ok(received.endsWith('\r\n\r\n7\r\nhello, \r\n6\r\nworld!\r\n0\r\n\r\n'), received);
  });
});

test('no more is taken from a body than a server that does not read lets through', async () => {
  const chunk = 256 * 1024;
  let taken = 0;
  async function* body(): AsyncGenerator<Uint8Array> {
    for (; taken < 1000; taken++) yield Buffer.alloc(chunk);
  }
  await serve(
    (socket) => socket.pause(),
    async ({ connection }) => {
      const request = ask(connection, body(), { silenceMs: 500 });
      await assert.rejects(request, /timeout error/);
      assert.ok(taken > 0 && taken < 100, `${taken} chunks were taken`);
    },
  );
});

test('an answer that comes while the body is still being sent ends the sending', async () => {
  let ended = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield Buffer.alloc(64 * 1024);
    } finally {
      ended = true;
    }
  }
  const refuse = (socket: Socket): void => {
    socket.once('data', () => {
      socket.write(answer('Code: 27').replace('200 OK', '400 Bad Request'));
      // Nothing more is read, so that the sender stands still with full buffers.
      socket.pause();
    });
  };
  await serve(refuse, async ({ connection, sockets }) => {
    const { status, text } = await ask(connection, endless());
    assert.deepEqual([status, text], [400, 'Code: 27']);
    await waitUntil(() => ended, 5_000, 'the body to be let go');
    // The rest of the body was never sent, so this connection is of no more use.
    sockets[0]?.resume();
    const next = ask(connection, 'SELECT 2');
    await waitUntil(() => sockets.length === 2, 5_000, 'another connection');
    assert.equal((await next).text, 'Code: 27');
  });
});

test('a body that fails takes the connection with it: what came is no whole body', async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('half');
    throw new Error('the disk is gone');
  }
  let received = '';
  let closed = false;
  const take = (socket: Socket): void => {
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
    });
    socket.on('close', () => {
      closed = true;
    });
  };
  await serve(take, async ({ connection }) => {
    await assert.rejects(ask(connection, broken()), /the disk is gone/);
    await waitUntil(() => closed, 5_000, 'the connection to end');
    assert.ok(!received.includes('0\r\n\r\n'), received);
  });
});

test('a server that says nothing is given up, and so is one that does not finish a TLS handshake', async () => {
  const silent = (): void => undefined;
  await serve(silent, async ({ connection }) => {
    await assert.rejects(ask(connection, 'SELECT 1', { silenceMs: 100 }), /timeout error/);
  });
  await serve(
    silent,
    async ({ connection }) => {
      await assert.rejects(ask(connection), { code: 'ETIMEDOUT' });
    },
    500,
  );
});
