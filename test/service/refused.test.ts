/** What ClickHouse refuses for all files or for a table, by way of the bundled loader: no file is to blame. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ClickHouseSandbox, startClickHouse } from '../sandbox/sandbox.js';
import { groupOffsets, produce, readAll } from '../sandbox/topics.js';
import { createDatabase } from '../support/database.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { createPlace, type Place, type ServiceProcess, startService, writeScript } from '../support/service-process.js';

const SOON = { circuit_breaker: { open_seconds: 0.2, max_open_seconds: 0.5 } };
const AS_CLI = { executable: join(PACKAGE_ROOT, 'bin/as-cli') };

async function announce(place: Place, files: readonly string[], tenant: string): Promise<void> {
  const messages = files.map((filename) => ({ value: JSON.stringify({ filename, tenant }) }));
  await produce(place.kafka.brokers, place.topic, messages);
}

interface Status {
  readonly breaker: { readonly cause: string | null; readonly reason: string | null };
  readonly heldTables: readonly { readonly table: string; readonly reason: string; readonly jobs: number }[];
}

async function statusOf(service: ServiceProcess): Promise<Status> {
  return (await (await service.ask('/api/status')).json()) as Status;
}

/** A ClickHouse whose user lacks the grant for a table for as long as `isGranted` says so. */
async function withoutGrant(t: TestContext, clickHouse: ClickHouseSandbox, table: string, isGranted: () => boolean) {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if (!isGranted() && `${decodeURIComponent(request.url ?? '')} ${body}`.includes(table)) {
      const text = `Code: 497. DB::Exception: loader: Not enough privileges. To execute this query, it's necessary to have the grant INSERT ON ${table}. (ACCESS_DENIED)`;
      response.writeHead(403, { 'X-ClickHouse-Exception-Code': '497' }).end(text);
      return;
    }
    const { host, port } = clickHouse;
    const { method, url: path, headers } = request;
    const onward = forward({ host, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    onward.end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

for (const { what, wrong, cause, reason, logged } of [
  {
    what: 'a wrong password costs no message: all is held back, with the reason, and loaded once it is right',
    wrong: { clickhouse: { password: 'wrong' } },
    cause: 'sink-refused',
    reason: /^exit code 77: .*516/,
    logged: /Authentication failed/,
  },
  {
    what: 'a wrong option in as_cli.additional_args holds all files back, and gives up none',
    wrong: { as_cli: { additional_args: ['--skip-unknwon'] } },
    cause: 'service-fault',
    reason: /^exit code 64: as-cli: unknown option '--skip-unknwon'/,
    logged: /unknown option '--skip-unknwon'/,
  },
]) {
  test(what, async (t) => {
    const clickHouse = await startClickHouse();
    t.after(() => clickHouse.stop());
    const place = await createPlace(t);
    const database = await createDatabase(t, place, clickHouse);
    const { host, port, user, password } = clickHouse;
    const right = { clickhouse: { host, port, user, password, database }, as_cli: AS_CLI, service: SOON };
    const files = Array.from({ length: 12 }, (_, n) => writeScript(place, `${n}.csv`, `a\n${n}`));
    await announce(place, files, 'acme');
    const first = await startService(t, place, {
      ...right,
      clickhouse: { ...right.clickhouse, ...wrong.clickhouse },
      as_cli: { ...right.as_cli, ...wrong.as_cli },
    });
    await first.seen('breaker.open', 2, 60_000);
    const { breaker } = await statusOf(first);
    assert.equal(breaker.cause, cause);
    assert.match(breaker.reason ?? '', reason);
    assert.match(String(first.events('breaker.open')[0]?.['reason']), logged);
    assert.equal(await first.stop(), 0);
    const second = await startService(t, place, right);
    await second.seen('job.loaded', files.length, 60_000);
    assert.equal(await second.stop(), 0);
    for (const service of [first, second]) {
      assert.equal(service.events('letter.sent').length, 0);
      assert.ok(service.events('job.retry').every((line) => line['charged'] === false));
    }
  });
}

test('a missing grant holds back the files of that table alone, and reading goes on', async (t) => {
  const clickHouse = await startClickHouse();
  t.after(() => clickHouse.stop());
  const place = await createPlace(t);
  const database = await createDatabase(t, place, clickHouse);
  let granted = false;
  const port = await withoutGrant(t, clickHouse, 'atd_refused', () => granted);
  const { user, password } = clickHouse;
  const service = await startService(t, place, {
    clickhouse: { host: '127.0.0.1', port, user, password, database },
    as_cli: AS_CLI,
    ingest: { max_queued_jobs: 4 },
    service: SOON,
  });
  const refused = Array.from({ length: 12 }, (_, n) => writeScript(place, `refused-${n}.csv`, `a\n${n}`));
  const good = Array.from({ length: 6 }, (_, n) => writeScript(place, `good-${n}.csv`, `a\n${n}`));
  await announce(place, refused, 'refused');
  await service.until(async () => (await statusOf(service)).heldTables[0]?.jobs === refused.length, 60_000, 'all wait');
  await announce(place, good, 'acme');
  await service.seen('job.loaded', good.length, 60_000);
  const { breaker, heldTables } = await statusOf(service);
  assert.equal(breaker.cause, null);
  assert.equal(heldTables[0]?.table, 'atd_refused');
  assert.match(heldTables[0]?.reason ?? '', /grant INSERT/);
  granted = true;
  await service.seen('job.loaded', good.length + refused.length, 60_000);
  await service.seen('table.released', 1, 10_000);
  assert.equal(await service.stop(), 0);
  assert.equal(service.events('letter.sent').length, 0);
  for (const { committed, end } of await groupOffsets(place.kafka.brokers, place.group, place.topic)) {
    assert.equal(committed ?? 0, end);
  }
});

test('words of a file or of its name do not pass for an unavailable ClickHouse', async (t) => {
  const clickHouse = await startClickHouse();
  t.after(() => clickHouse.stop());
  const place = await createPlace(t);
  const database = await createDatabase(t, place, clickHouse);
  const { host, port, user, password } = clickHouse;
  const service = await startService(t, place, {
    clickhouse: { host, port, user, password, database },
    as_cli: AS_CLI,
  });
  const broken = [
    writeScript(place, 'ECONNREFUSED-1.parquet', 'broken'),
    writeScript(place, 'TOO_MANY_PARTS.parquet', 'broken'),
    writeScript(place, 'ETIMEDOUT.orc', 'connection refused'),
  ];
  await announce(place, broken, 'bad');
  await announce(place, [writeScript(place, 'good.csv', 'a\n1')], 'acme');
  await service.seen('job.loaded', 1, 60_000);
  const letters = await service.seen('letter.sent', 3, 60_000);
  assert.deepEqual(new Set(letters.map((line) => line['disposition'])), new Set(['permanent-failure']));
  assert.equal(service.events('breaker.open').length, 0);
  assert.equal(await service.stop(), 0);
});

test('what a loader prints of its password reaches neither log nor status nor dead letter', async (t) => {
  const place = await createPlace(t);
  const password = 'a "very" secret/word';
  const script =
    'echo "http://user:$CLICKHOUSE_PASSWORD@db"; echo "login with $CLICKHOUSE_PASSWORD failed" >&2; exit 65';
  const service = await startService(t, place, { clickhouse: { password } });
  await announce(place, [writeScript(place, 'leak', script)], 'acme');
  const [letter] = await service.seen('letter.sent', 1, 60_000);
  assert.match(String(letter?.['reason']), /login with \*\*\* failed/);
  const lines = service.events('child.line').map(({ text }) => text);
  assert.ok(lines.includes('http://user:***@db') && lines.includes('login with *** failed'), lines.join('\n'));
  const status = await (await service.ask('/api/status')).text();
  assert.equal(await service.stop(), 0);
  const letters = await readAll(place.kafka.brokers, `${place.topic}.dlq`);
  const everything =
    JSON.stringify([service.log, letters.map(({ headers, value }) => [headers, String(value)])]) + status;
  for (const form of [
    password,
    JSON.stringify(password).slice(1, -1),
    JSON.stringify(JSON.stringify(password)).slice(3, -3),
  ]) {
    assert.ok(!everything.includes(form), form);
  }
});
