import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { waitUntil } from '../support/processes.js';
import { type ClickHouseRequest, execute, queryRows, requestClickHouse } from './clickhouse-client.js';
import { type ClickHouseSandbox, clickHouseUrl, startClickHouse } from './sandbox.js';

describe('the sandbox ClickHouse', { timeout: 600_000 }, () => {
  let ch: ClickHouseSandbox;
  before(async () => {
    ch = await startClickHouse();
  });
  after(() => ch.stop());

  /** A fresh table `(a UInt64, b String)` that recognises repeated inserts. */
  async function newTable(): Promise<string> {
    const table = `t_${randomUUID().replaceAll('-', '')}`;
    const settings = 'SETTINGS non_replicated_deduplication_window = 1000';
    await execute(ch, `CREATE TABLE ${table} (a UInt64, b String) ENGINE = MergeTree ORDER BY a ${settings}`);
    return table;
  }

  async function rowsOf(table: string): Promise<string[]> {
    const rows = await queryRows<{ a: number; b: string }>(ch, `SELECT a, b FROM ${table} ORDER BY a`);
    return rows.map(({ a, b }) => `${a}=${b}`);
  }

  async function count(table: string): Promise<number> {
    return (await queryRows<{ n: number }>(ch, `SELECT count() AS n FROM ${table}`))[0]?.n ?? -1;
  }

  async function parquet(sql: string): Promise<Uint8Array> {
    const response = await requestClickHouse(ch, { query: `${sql} FORMAT Parquet` });
    assert.equal(response.status, 200);
    return new Uint8Array(await response.arrayBuffer());
  }

  async function errorOf(request: ClickHouseRequest): Promise<{ status: number; code: string | null; text: string }> {
    const response = await requestClickHouse(ch, request);
    const code = response.headers.get('X-ClickHouse-Exception-Code');
    return { status: response.status, code, text: await response.text() };
  }

  it('answers a ping without a password', async () => {
    const response = await fetch(`${ch.url}/ping`, { headers: { Connection: 'close' } });
    assert.equal(await response.text(), 'Ok.\n');
  });

  it('takes user, password and database from its own URL', () => {
    const url = new URL(clickHouseUrl(ch));
    assert.equal(decodeURIComponent(url.password), ch.password);
    assert.equal(url.pathname, `/${ch.database}`);
  });

  it('selects with parameters, settings and the default format of the request', async () => {
    const query = 'SELECT {n:UInt32} AS n, {s:String} AS s, {l:Array(String)} AS l';
    const parameters = { param_n: '7', param_s: "a\\tb'", param_l: "['x','y']", default_format: 'JSONEachRow' };
    const response = await requestClickHouse(ch, { query, parameters });
    assert.deepEqual(JSON.parse(await response.text()), { n: 7, s: "a\tb'", l: ['x', 'y'] });
    assert.equal(response.headers.get('X-ClickHouse-Format'), 'JSONEachRow');
  });

  it('inserts CSV, JSON lines and Parquet from the body and counts the rows', async () => {
    const table = await newTable();
    const bodies: Record<string, Uint8Array | string> = {
      CSV: '1,a\n2,"b,\nb"\n',
      JSONEachRow: '{"a":3,"b":"ü"}\n',
      Parquet: await parquet("SELECT toUInt64(4) AS a, 'p' AS b"),
    };
    const written = [];
    for (const [format, body] of Object.entries(bodies)) {
      const response = await requestClickHouse(ch, { query: `INSERT INTO ${table} FORMAT ${format}`, body });
      assert.equal(response.status, 200, await response.text());
      written.push(JSON.parse(response.headers.get('X-ClickHouse-Summary') ?? '{}').written_rows);
    }
    assert.deepEqual(written, ['2', '1', '1']);
    assert.deepEqual(await rowsOf(table), ['1=a', '2=b,\nb', '3=ü', '4=p']);
  });

  it('inserts what a SELECT makes of input()', async () => {
    const table = await newTable();
    const query =
      `INSERT INTO ${table} (a, b) SELECT x + 1, upper("y.z") FROM input('x UInt64, \`y.z\` String') ` +
      `WHERE x > 0 SETTINGS max_threads = 1 FORMAT Parquet`;
    const body = await parquet("SELECT number AS x, concat('ü', toString(number)) AS `y.z` FROM numbers(3)");
    await execute(ch, query, { body });
    assert.deepEqual(await rowsOf(table), ['2=ü1', '3=ü2']);
  });

  it('takes statement and data in one body, and a gzipped body', async () => {
    const table = await newTable();
    const statement = `INSERT INTO ${table} FORMAT CSV\n`;
    await execute(ch, '', { body: `${statement}1,ü\n` });
    await execute(ch, '', { body: gzipSync(`${statement}2,b\n`), headers: { 'Content-Encoding': 'gzip' } });
    await execute(ch, statement, { body: gzipSync('3,c\n'), headers: { 'Content-Encoding': 'gzip' } });
    await execute(ch, '', { body: `INSERT INTO ${table} VALUES (4, 'd')` });
    const zstd = Buffer.from('KLUv/QRYIQAANSxlCivxWvA=', 'base64');
    await execute(ch, statement, { body: zstd, headers: { 'Content-Encoding': 'zstd' } });
    assert.deepEqual(await rowsOf(table), ['1=ü', '2=b', '3=c', '4=d', '5=e']);
  });

  it('refuses a wrong password and an unknown user', async () => {
    const wrong = { status: 403, code: '516' };
    for (const headers of [{ 'X-ClickHouse-Key': 'wrong' }, { 'X-ClickHouse-User': 'nobody' }]) {
      const { text, ...answer } = await errorOf({ query: 'SELECT 1', headers });
      assert.deepEqual(answer, wrong);
      assert.match(text, /AUTHENTICATION_FAILED/);
    }
  });

  it('answers errors with the code, the name and the status of the server', async () => {
    const table = await newTable();
    const cases: [ClickHouseRequest, number, string, RegExp][] = [
      [{ query: 'SELECT * FROM no_such_table' }, 404, '60', /UNKNOWN_TABLE/],
      [{ query: 'SELECT FROM WHERE' }, 400, '62', /SYNTAX_ERROR/],
      [{ query: 'SELECT 1; SELECT 2' }, 400, '62', /Multi-statements/],
      [{ query: 'SELECT 1', parameters: { no_such_setting: '1' } }, 404, '115', /UNKNOWN_SETTING/],
      [{ query: 'SELECT 1', parameters: { database: 'no_such_database' } }, 404, '81', /UNKNOWN_DATABASE/],
      [{ query: `INSERT INTO ${table} FORMAT CSV`, body: '1,a\nx,y\n' }, 400, '27', /at row 2/],
      [
        {
          query: `INSERT INTO ${table} FORMAT JSONEachRow`,
          body: '{"a":1,"zz":2}',
          parameters: { input_format_skip_unknown_fields: '0' },
        },
        400,
        '117',
        /zz/,
      ],
    ];
    for (const [request, status, code, text] of cases) {
      const answer = await errorOf(request);
      assert.deepEqual([answer.status, answer.code], [status, code], `${request.query}: ${answer.text}`);
      assert.match(answer.text, text);
      assert.match(answer.text, new RegExp(`^Code: ${code}\\. DB::Exception: `));
    }
    assert.equal(await count(table), 0);
  });

  it('keeps the settings of a request to that request', async () => {
    const threads = async (parameters: Record<string, string>) => {
      const query = "SELECT sleep(0.05), getSetting('max_threads') AS threads, {p:String} AS p FORMAT JSONEachRow";
      const response = await requestClickHouse(ch, { query, parameters });
      const row = JSON.parse(await response.text()) as { threads: number; p: string };
      return `${row.threads}-${row.p}`;
    };
    const numbers = Array.from({ length: 12 }, (_, i) => String(i + 2));
    const seen = await Promise.all(numbers.map((n) => threads({ max_threads: n, param_p: n })));
    assert.deepEqual(
      seen,
      numbers.map((n) => `${n}-${n}`),
    );
    const { code } = await errorOf({ query: 'SELECT {p:String}' });
    assert.equal(code, '456');
  });

  it('changes nothing by a GET', async () => {
    const table = await newTable();
    const query = new URLSearchParams({ query: `INSERT INTO ${table} VALUES (1, 'a')` });
    const headers = { Connection: 'close', 'X-ClickHouse-User': ch.user, 'X-ClickHouse-Key': ch.password };
    const response = await fetch(`${ch.url}/?${query}`, { headers });
    assert.equal(response.headers.get('X-ClickHouse-Exception-Code'), '164', await response.text());
    assert.equal(await count(table), 0);
  });

  /** Settings that make the blocks of an insert depend on its data alone, with at most 1000 rows in each. */
  const smallBlocks = {
    max_insert_block_size: '1000',
    input_format_parquet_max_block_size: '1000',
    min_insert_block_size_rows: '0',
    min_insert_block_size_bytes: '0',
    max_insert_threads: '1',
    max_threads: '1',
  };
  for (const format of ['CSV', 'Parquet']) {
    for (const [blocks, settings] of [
      [1, {}],
      [20, smallBlocks],
    ] as const) {
      it(`adds no row by a second insert of ${format} under the same token, in blocks: ${blocks}`, async () => {
        const table = await newTable();
        // So that each block stays a part of its own.
        await execute(ch, `SYSTEM STOP MERGES ${table}`);
        const select = `SELECT number AS a, 'x' AS b FROM numbers(20000) FORMAT ${format}`;
        const body = new Uint8Array(await (await requestClickHouse(ch, { query: select })).arrayBuffer());
        const query = `INSERT INTO ${table} SELECT a, b FROM input('a UInt64, b String') FORMAT ${format}`;
        const insert = (token: string) =>
          execute(ch, query, { body, parameters: { ...settings, insert_deduplication_token: token } });
        await insert('first');
        const parts = `SELECT uniqExact(_part) AS n FROM ${table}`;
        assert.equal((await queryRows<{ n: number }>(ch, parts))[0]?.n, blocks);
        await insert('first');
        assert.equal(await count(table), 20_000);
        await insert('second');
        assert.equal(await count(table), 40_000);
      });
    }
  }

  for (const [how, encode] of [
    ['as it is', (data: Buffer) => data],
    ['by gzip', (data: Buffer) => gzipSync(data)],
  ] as const) {
    it(`keeps the blocks of a body, sent ${how}, that were whole before it broke off`, async () => {
      const table = await newTable();
      const lines = Array.from({ length: 200_000 }, (_, i) => `${i},text ${i}\n`).join('');
      const body = encode(Buffer.from(lines));
      const query = `INSERT INTO ${table} SELECT a, b FROM input('a UInt64, b String') FORMAT CSV`;
      const settings = { ...smallBlocks, input_format_parallel_parsing: '0', min_insert_block_size_rows: '1000' };
      const url = `${ch.url}/?${new URLSearchParams({ ...settings, query })}`;
      const upload = request(url, {
        method: 'POST',
        headers: {
          'X-ClickHouse-User': ch.user,
          'X-ClickHouse-Key': ch.password,
          'Content-Length': body.length,
          ...(how === 'by gzip' ? { 'Content-Encoding': 'gzip' } : {}),
        },
      });
      upload.on('error', () => undefined);
      upload.write(body.subarray(0, Math.floor(body.length / 2)), () => upload.destroy());
      await waitUntil(async () => (await count(table)) > 0, 30_000, 'a block is there');
      const rows = await count(table);
      assert.ok(rows < 200_000 && rows % 1000 === 0, `${rows}`);
      const broken = `SELECT countIf(b != concat('text ', toString(a))) AS n FROM ${table}`;
      assert.deepEqual(await queryRows(ch, broken), [{ n: 0 }]);
    });
  }

  it('serves the official client', async () => {
    const table = await newTable();
    const client = createClient({
      url: ch.url,
      username: ch.user,
      password: ch.password,
      database: ch.database,
      log: { level: ClickHouseLogLevel.OFF },
    });
    try {
      assert.equal((await client.ping()).success, true);
      const inserted = await client.insert({ table, values: [{ a: 1, b: 'x' }], format: 'JSONEachRow' });
      assert.equal(inserted.summary?.written_rows, '1');
      const query = 'SELECT b FROM {table:Identifier} WHERE a = {a:UInt64}';
      const rows = await client.query({ query, query_params: { table, a: 1 }, format: 'JSONEachRow' });
      assert.deepEqual(await rows.json(), [{ b: 'x' }]);
      await assert.rejects(client.command({ query: 'DROP TABLE no_such_table' }), {
        code: '60',
        type: 'UNKNOWN_TABLE',
      });
    } finally {
      await client.close();
    }
  });
});
