/** The images of the Dockerfile: built by buildah, and run with a read-only root as a user that nobody planned for. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { writeSampleFile } from '../../lib/cli/sample-files.js';
import { queryRows } from '../sandbox/clickhouse-client.js';
import { quietPort } from '../sandbox/ports.js';
import { startClickHouse } from '../sandbox/sandbox.js';
import { produce } from '../sandbox/topics.js';
import { fixture } from '../support/commands.js';
import { createDatabase } from '../support/database.js';
import { read } from '../support/documents.js';
import { waitUntil } from '../support/processes.js';
import { createPlace, type LogLine, type Place } from '../support/service-process.js';
import { type Container, firstProcess, Image, type RunOptions } from './image.js';
import { whyLeftOut } from './part.js';

/** Neither in /etc/passwd nor in the group 0. */
const USER = '1234567';
const ROWS = 20;
const SOON_MS = 60_000;
const skip = whyLeftOut({ buildah: 'buildah', unshare: 'util-linux', debootstrap: 'debootstrap' });

async function outputOf(child: ChildProcess): Promise<{ readonly code: number; readonly output: string }> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
}

/** The lines of the service's log as they come. */
function logOf(t: TestContext, child: ChildProcess): { readonly seen: (event: string) => Promise<void> } {
  const log: string[] = [];
  const events = new Set<string>();
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    log.push(line);
    if (line.startsWith('{')) events.add((JSON.parse(line) as LogLine).message);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => log.push(text));
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  });
  const end = (): string | null =>
    child.exitCode === null ? null : `it ended with ${child.exitCode}\n${log.join('\n')}`;
  return { seen: (event) => waitUntil(() => events.has(event), SOON_MS, event, end) };
}

/** Settings by the variables of the image's environment, as `docker run -e` gives them. */
function settingsOf(place: Place, port: number): Readonly<Record<string, string>> {
  return {
    ATD_KAFKA_BOOTSTRAP_SERVERS: place.kafka.brokers.join(','),
    ATD_KAFKA_TOPIC: place.topic,
    ATD_KAFKA_GROUP_ID: place.group,
    ATD_HTTP_HOST: '127.0.0.1',
    ATD_HTTP_PORT: String(port),
    ATD_SCHEMA_FILE: '/etc/atd-ingestion/example-schema.json',
  };
}

/** What the image's HEALTHCHECK says of the service that runs in it. */
async function health(container: Container, image: Image, options: RunOptions): Promise<number> {
  const [kind, ...program] = image.config.Healthcheck.Test;
  assert.equal(kind, 'CMD');
  const { code } = await outputOf(container.spawn(program.slice(1), options, program.slice(0, 1)));
  return code;
}

test('the image of the service', { skip }, async (t) => {
  const { version } = JSON.parse(read('package.json')) as { readonly version: string };
  const image = Image.build(null, { VERSION: version, REVISION: 'abc' });
  const container = image.start(t);

  await t.test('says what it is, and is the target prod', () => {
    const labels = Object.entries(image.config.Labels).map(([name, value]) => [name.replace(/.*\./, ''), value]);
    const { title, licenses, version: label, revision, name } = Object.fromEntries(labels);
    assert.deepEqual([title, licenses, label, revision], ['ATD Ingestion', 'MIT', version, 'abc']);
    assert.match(name, /node:24/);
    assert.deepEqual(Image.build('prod', { VERSION: version, REVISION: 'abc' }).config, image.config);
    assert.deepEqual([image.config.User, image.config.StopSignal], ['1000:1000', 'SIGTERM']);
  });

  await t.test('answers, and takes its own settings, with a read-only root and as any user', async () => {
    assert.deepEqual(await outputOf(container.spawn(['--version'], { user: USER })), {
      code: 0,
      output: `${version}\n`,
    });
    const { code, output } = await outputOf(container.spawn(['check-config'], { user: USER }));
    assert.equal(code, 0, output);
    assert.match(output, /kafka:9092/);
    const shell = container.spawn(['-c', 'touch /opt/x || touch /etc/x'], { user: '0' }, ['sh']);
    assert.match((await outputOf(shell)).output, /Read-only file system/);
  });

  await t.test('loads what is mounted at /data, is healthy meanwhile, and leaves in order', async () => {
    const clickHouse = await startClickHouse();
    t.after(() => clickHouse.stop());
    const place = await createPlace(t);
    const database = await createDatabase(t, place, clickHouse);
    const { file } = writeSampleFile({
      directory: place.directory,
      run: 'docker',
      index: 1,
      tenant: 'acme',
      rows: ROWS,
    });
    const exported = mkdtempSync(join(tmpdir(), 'atd-export-'));
    chmodSync(exported, 0o755);
    t.after(() => rmSync(exported, { recursive: true }));
    cpSync(file, join(exported, basename(file)));
    const { host, port: clickHousePort, user, password } = clickHouse;
    const options: RunOptions = {
      user: USER,
      mounts: { '/data': exported },
      env: {
        ...settingsOf(place, await quietPort()),
        ATD_CLICKHOUSE_HOST: host,
        ATD_CLICKHOUSE_PORT: String(clickHousePort),
        ATD_CLICKHOUSE_USER: user,
        ATD_CLICKHOUSE_PASSWORD: password,
        ATD_CLICKHOUSE_DATABASE: database,
      },
    };
    assert.equal(await health(container, image, options), 1);
    const service = container.spawn([], options);
    const log = logOf(t, service);
    await log.seen('partitions.assigned');
    assert.equal(await health(container, image, options), 0);
    await produce(place.kafka.brokers, place.topic, [
      { value: JSON.stringify({ filename: `/data/${basename(file)}`, tenant: 'acme' }) },
    ]);
    await log.seen('job.loaded');
    assert.deepEqual(await queryRows(clickHouse, `SELECT count() AS rows FROM ${database}.atd_acme`), [{ rows: ROWS }]);
    const ended = once(service, 'exit');
    process.kill(firstProcess(service), 'SIGTERM');
    assert.deepEqual(await ended, [0, null]);
  });
});

test("the image with AppSentinels' as-cli", { skip }, async (t) => {
  const image = Image.build('appsentinels');
  const context = mkdtempSync(join(tmpdir(), 'atd-plugin-'));
  t.after(() => rmSync(context, { recursive: true }));
  cpSync(fixture('as-cli-plugin'), join(context, 'plugin'), { recursive: true });
  const added = /^# +(RUN .*--target \/opt\/as-cli-plugins) PLUGIN$/m.exec(read('Dockerfile'))?.[1] ?? '';
  // The tests' plugin is built without asking the index for what builds it.
  const instructions = `USER 0\nCOPY plugin /tmp/plugin\n${added} --no-build-isolation /tmp/plugin\nUSER 1000:1000`;
  const withPlugin = image.extend('with-plugin', context, instructions);

  await t.test('has a HOME that any user may write to, and lacks a plugin', async () => {
    const container = image.start(t);
    assert.equal((await outputOf(container.spawn(['--help'], { user: USER }, ['as-cli']))).code, 0);
    const home = container.spawn(['-c', 'touch "$HOME/x" && echo "$HOME"'], { user: USER }, ['sh']);
    assert.deepEqual(await outputOf(home), { code: 0, output: '/var/lib/atd-ingestion\n' });
    const { code } = await outputOf(container.spawn(['ingest', 'records', '--help'], { user: USER }, ['as-cli']));
    assert.notEqual(code, 0);
  });

  await t.test('finds the plugin in its place, so that the service can run it', async () => {
    const container = withPlugin.start(t);
    const place = await createPlace(t);
    const service = container.spawn([], { user: USER, env: settingsOf(place, await quietPort()) });
    const log = logOf(t, service);
    await log.seen('loader.works');
    await log.seen('partitions.assigned');
    const ended = once(service, 'exit');
    process.kill(firstProcess(service), 'SIGTERM');
    assert.deepEqual(await ended, [0, null]);
  });
});
