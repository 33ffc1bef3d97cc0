/** `atd-ingestion doctor` on real parts: each cross by what it is about. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Finding } from '../../lib/cli/doctor/finding.js';
import { startClickHouse } from '../sandbox/sandbox.js';
import { type Env, runCli } from '../support/cli.js';
import { createDatabase } from '../support/database.js';
import { createPlace, writeScript } from '../support/service-process.js';

interface Answer {
  readonly code: number | string;
  readonly isWell: boolean;
  /** What is not well, and all that was found, by the beginning of what was looked at. */
  readonly crosses: readonly string[];
  readonly of: (what: string) => Finding | undefined;
}

async function doctor(env: Env, command: readonly string[] = ['doctor']): Promise<Answer> {
  const { code, stdout, stderr } = await runCli([...command, '--json'], { PATH: process.env['PATH'] ?? '', ...env });
  assert.equal(stderr, '');
  const { isWell, findings } = JSON.parse(stdout) as { isWell: boolean; findings: readonly Finding[] };
  const crosses = findings.filter((one) => one.isWell === false).map(({ what }) => what.split(' ')[0] as string);
  return { code, isWell, crosses, of: (what) => findings.find((one) => one.what.startsWith(what)) };
}

test('doctor finds all well, and then each thing that is not', async (t) => {
  const clickHouse = await startClickHouse();
  t.after(() => clickHouse.stop());
  const place = await createPlace(t);
  const database = await createDatabase(t, place, clickHouse);
  const well: Env = {
    ATD_KAFKA_BOOTSTRAP_SERVERS: place.kafka.brokers.join(','),
    ATD_KAFKA_TOPIC: place.topic,
    ATD_KAFKA_GROUP_ID: place.group,
    ATD_CLICKHOUSE_HOST: clickHouse.host,
    ATD_CLICKHOUSE_PORT: String(clickHouse.port),
    ATD_CLICKHOUSE_DATABASE: database,
    ATD_CLICKHOUSE_USER: clickHouse.user,
    ATD_CLICKHOUSE_PASSWORD: clickHouse.password,
    ATD_INGEST_ALLOWED_ROOTS: place.directory,
    ATD_HTTP_PORT: '0',
  };
  const good = await doctor(well, ['check-config', '--connect']);
  assert.deepEqual([good.code, good.isWell, good.crosses], [0, true, []]);
  assert.match(good.of(`topic ${place.topic}`)?.found ?? '', /^4 partitions, and it may be read$/);
  assert.match(good.of(`topic ${place.topic}.dlq`)?.found ?? '', /^not there yet; the service makes it/);
  assert.match(good.of('group')?.found ?? '', /^nobody reads with it: no service runs$/);
  assert.match(good.of('ClickHouse')?.found ?? '', /^version \d+\.\d+/);

  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  t.after(() => taken.close());
  const bad = await doctor({
    ...well,
    ATD_KAFKA_TOPIC: `${place.topic}-missing`,
    ATD_CLICKHOUSE_PASSWORD: 'wrong',
    ATD_INGEST_ALLOWED_ROOTS: `${place.directory}/missing,${writeScript(place, 'file', '')}`,
    ATD_HTTP_PORT: String((taken.address() as { port: number }).port),
  });
  assert.deepEqual([bad.code, bad.crosses], [1, ['directory', 'directory', 'port', 'ClickHouse', 'topic']]);
  assert.match(bad.of('ClickHouse')?.found ?? '', /Authentication failed|516/);
  assert.match(bad.of('topic')?.advice ?? '', /correct kafka\.topic$/);
  assert.match(bad.of('port')?.found ?? '', /^another program has it$/);

  const loader = join(place.directory, 'loader');
  writeFileSync(loader, '#!/bin/sh\nexec /no/such/program "$@"\n', { mode: 0o755 });
  const away = await doctor({
    ...well,
    ATD_KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:1',
    ATD_CLICKHOUSE_DATABASE: 'no_such_database',
    ATD_AS_CLI_EXECUTABLE: loader,
  });
  assert.deepEqual([away.code, away.crosses], [1, ['loader', 'ClickHouse', 'Kafka']]);
  assert.match(away.of('loader')?.found ?? '', /^it cannot be executed/);
  assert.equal(away.of('group')?.isWell, null);
});

test('doctor says what is wrong without settings or a loader, to people too', async () => {
  const invalid = await doctor({ ATD_THREAD_POOL_SIZE: '0' });
  assert.deepEqual([invalid.code, invalid.crosses], [1, ['settings']]);
  const env = {
    ATD_AS_CLI_EXECUTABLE: '/no/such/as-cli',
    ATD_KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:1',
    ATD_HTTP_PORT: '0',
  };
  const { code, stdout } = await runCli(['doctor'], env);
  assert.equal(code, 1);
  assert.match(stdout, /^✗ loader: as_cli\.executable \/no\/such\/as-cli is not an executable file/m);
  assert.match(stdout, /^– ClickHouse: not asked: there is no loader$/m);
  assert.match(stdout, /^ {2}→ check kafka\.bootstrap_servers/m);
  assert.match(stdout, /\n2 to be mended, 4 not asked\n$/);
});
