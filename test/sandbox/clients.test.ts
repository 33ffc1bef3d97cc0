/** The official clients' ordinary calls with their defaults, against the stand-in server as they would meet a real one. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { compress as compressLz4 } from 'lz4js';
import { connectionVariables } from '../loader/as-cli.js';
import { fixture } from '../support/commands.js';
import { installPackages } from '../support/venv.js';
import { execute, queryRows, requestClickHouse } from './clickhouse-client.js';
import { type ClickHouseSandbox, startClickHouse } from './sandbox.js';

const python = installPackages('clickhouse-connect-1.12.0', 'python3', ['clickhouse-connect==1.12.0']);

describe('clients of the sandbox ClickHouse', { timeout: 600_000 }, () => {
  let ch: ClickHouseSandbox;
  before(async () => {
    ch = await startClickHouse();
  });
  after(() => ch.stop());

  it('are clickhouse-connect', 'unreachable' in python ? { skip: python.unreachable } : {}, async () => {
    assert.ok('python' in python);
    const script = fixture('official-client.py');
    const env = { ...process.env, ...connectionVariables(ch) };
    const child = spawn(python.python, [script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const [code] = await once(child, 'close');
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), {
      ping: true,
      rows: [
        [1, 2, null],
        [2, 5000, null],
        [3, 1, null],
      ],
      parameters: [[5]],
      streamed: 100_000,
      session: [[7]],
      settings: [[3]],
      packed: 3,
      error: true,
    });
  });

  it('are @clickhouse/client, with a session and compressed both ways', async () => {
    const client = createClient({
      ...{ url: ch.url, username: ch.user, password: ch.password, database: ch.database },
      ...{ session_id: 'of node', compression: { request: true, response: true } },
      log: { level: ClickHouseLogLevel.OFF },
    });
    try {
      await client.command({ query: 'CREATE TEMPORARY TABLE kept (id UInt8)' });
      await client.insert({ table: 'kept', values: [{ id: 7 }], format: 'JSONEachRow' });
      const rows = await client.query({ query: 'SELECT id FROM kept', format: 'JSONEachRow' });
      assert.deepEqual(await rows.json(), [{ id: 7 }]);
      await client.command({ query: 'SELECT 1', clickhouse_settings: { max_threads: 3 } });
      const query = "SELECT getSetting('max_threads') = 3 AS same";
      const kept = await client.query({ query, format: 'JSONEachRow' });
      assert.deepEqual(await kept.json(), [{ same: 0 }], 'a setting of a request is of that request');
      // A server answers the same to a role that it does not have.
      await assert.rejects(client.query({ query: 'SELECT 1', role: 'nobody' }), { type: 'UNKNOWN_ROLE' });
    } finally {
      await client.close();
    }
  });

  it('share a session, one after the other', async () => {
    const inSession = (query: string, parameters: Readonly<Record<string, string>> = {}): Promise<Response> =>
      requestClickHouse(ch, { query, parameters: { session_id: 'shared', ...parameters } });
    const missing = await inSession('SELECT 1', { session_check: '1' });
    assert.equal(missing.headers.get('X-ClickHouse-Exception-Code'), '372', await missing.text());
    await (await inSession('SET max_threads = 5')).text();
    assert.equal(await (await inSession("SELECT getSetting('max_threads')", { session_check: '1' })).text(), '5\n');
    const [slow, other] = await Promise.all([inSession('SELECT sleep(3)'), inSession('SELECT sleep(3)')]);
    const codes = [slow, other].map(({ headers }) => headers.get('X-ClickHouse-Exception-Code')).sort();
    await Promise.all([slow.text(), other.text()]);
    assert.deepEqual(codes, ['373', null], 'two at once are refused');
  });

  it('send data in the blocks of the native protocol', async () => {
    await execute(ch, 'DROP TABLE IF EXISTS blocks');
    await execute(ch, 'CREATE TABLE blocks (a UInt64) ENGINE = MergeTree ORDER BY a');
    const block = (method: number, data: Uint8Array, size: number): Buffer => {
      const head = Buffer.alloc(25);
      head[16] = method;
      head.writeUInt32LE(9 + data.length, 17);
      head.writeUInt32LE(size, 21);
      return Buffer.concat([head, data]);
    };
    const text = Buffer.from('1\n'.repeat(1_000));
    const lz4 = rawBlock(Buffer.from(compressLz4(text)));
    const body = Buffer.concat([block(0x02, Buffer.from('2\n'), 2), block(0x82, lz4, text.length)]);
    const query = 'INSERT INTO blocks FORMAT CSV';
    await execute(ch, query, { body, parameters: { decompress: '1' } });
    assert.deepEqual(await queryRows(ch, 'SELECT a, count() AS n FROM blocks GROUP BY a ORDER BY a'), [
      { a: 1, n: 1_000 },
      { a: 2, n: 1 },
    ]);
  });

  it('learn of a failure behind the status by a frame with the tag', async () => {
    const parameters = { send_progress_in_http_headers: '1', http_headers_progress_interval_ms: '0' };
    const fine = await requestClickHouse(ch, { query: 'SELECT 1', parameters });
    assert.equal(await fine.text(), '1\n');
    assert.match(fine.headers.get('X-ClickHouse-Progress') ?? '', /read_rows/);
    const failed = await requestClickHouse(ch, { query: 'SELECT nothing', parameters });
    assert.equal(failed.status, 200);
    const tag = failed.headers.get('X-ClickHouse-Exception-Tag') ?? '';
    const { message, length } = framed(await told(failed), tag);
    assert.match(message, /^Code: 47\. DB::Exception: /);
    assert.equal(length, Buffer.byteLength(message));
  });
});

/** What came until the connection was cut. */
async function told({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const chunk of body ?? []) text += decoder.decode(chunk, { stream: true });
  } catch {
    // The answer has no proper end.
  }
  return text;
}

function framed(text: string, tag: string): { readonly message: string; readonly length: number } {
  const frame = `^\\r\\n__exception__\\r\\n${tag}\\r\\n(.*)\\n(\\d+) ${tag}\\r\\n__exception__\\r\\n$`;
  const [, message = '', length] = new RegExp(frame, 's').exec(text) ?? [];
  return { message, length: Number(length) };
}

/** The one block in an lz4 frame as lz4js writes it: behind magic number, descriptor and length. */
function rawBlock(frame: Buffer): Buffer {
  const at = 7;
  const length = frame.readUInt32LE(at) & 0x7fffffff;
  return frame.subarray(at + 4, at + 4 + length);
}
