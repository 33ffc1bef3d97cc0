import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type ConsumedMessage, readAll } from '../sandbox/topics.js';
import { type Env, runCli } from '../support/cli.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { createPlace, type Place, startService, writeScript } from '../support/service-process.js';

const KILLER = pathToFileURL(join(PACKAGE_ROOT, 'test/fixtures/kill-after-acks.mjs')).href;

/** State files go where the test's own files are. */
function envOf({ kafka, topic, directory }: Place): Env {
  return {
    ATD_KAFKA_BOOTSTRAP_SERVERS: kafka.brokers.join(','),
    ATD_KAFKA_TOPIC: topic,
    XDG_STATE_HOME: join(directory, 'state'),
  };
}

function announced(messages: readonly ConsumedMessage[]): Record<string, unknown>[] {
  return messages.map(({ value }) => JSON.parse(String(value)) as Record<string, unknown>);
}

test('emit announces the files that it names, and names its state file', async (t) => {
  const place = await createPlace(t);
  const files = ['a', 'b'].map((name) => writeScript(place, name, 'exit 0'));
  const { code, stdout, stderr } = await runCli(
    ['emit', '--tenant', 'acme', '--format', 'csv', ...files],
    envOf(place),
  );
  assert.equal(code, 0, stderr);
  const [, path = ''] =
    /^state file (\S+); if this is interrupted: atd-ingestion emit --continue \1\n$/.exec(stderr) ?? [];
  assert.match(path, /\/state\/atd-ingestion\/emit-[0-9a-f-]{36}\.jsonl$/);
  assert.ok(!existsSync(path), 'it is gone when all is done');
  assert.deepEqual(stdout.split('\n'), [
    ...files.map((file) => `${file} (tenant acme)`),
    `2 announced on ${place.topic}`,
    '',
  ]);
  const messages = await readAll(place.kafka.brokers, place.topic);
  for (const { headers } of messages) assert.deepEqual(Object.keys(headers), ['atd.emit-id']);
  assert.deepEqual(
    announced(messages)
      .map(({ filename }) => filename)
      .sort(),
    files,
  );
  for (const { tenant, format } of announced(messages)) assert.deepEqual([tenant, format], ['acme', 'csv']);
});

test('emit names the lane of what it announces', async (t) => {
  const place = await createPlace(t);
  const file = writeScript(place, 'a', 'exit 0');
  const samples = ['-n', '2', '--rows', '1', '--dir', place.directory];
  for (const args of [[file], samples]) {
    const { code, stderr } = await runCli(['emit', '--lane', 'backfill', ...args, '--json'], envOf(place));
    assert.deepEqual([code, stderr], [0, '']);
  }
  const messages = await readAll(place.kafka.brokers, place.topic);
  assert.deepEqual(
    messages.map(({ headers }) => headers['lane']),
    ['backfill', 'backfill', 'backfill'],
  );
});

test('emit announces 2,410 files in their order', async (t) => {
  const place = await createPlace(t);
  const directory = join(place.directory, 'many');
  mkdirSync(directory);
  const names = Array.from({ length: 2_410 }, (_, index) => `file-${String(index).padStart(4, '0')}.csv`);
  for (const name of names) writeFileSync(join(directory, name), '');
  const { code, stdout, stderr } = await runCli(['emit', '-r', directory], envOf(place));
  assert.equal(code, 0, stderr);
  assert.match(stdout, /file-2409\.csv\n2410 announced on /);
  const messages = await readAll(place.kafka.brokers, place.topic);
  assert.deepEqual(
    announced(messages)
      .map(({ filename }) => filename)
      .sort(),
    names.map((name) => join(directory, name)),
  );
  for (const partition of new Set(messages.map((message) => message.partition))) {
    const own = announced(messages.filter((message) => message.partition === partition)).map(({ filename }) =>
      String(filename),
    );
    assert.deepEqual(own, [...own].sort(), `partition ${partition}`);
  }
});

test('an emit that is killed after each acknowledgement and goes on announces each file once', async (t) => {
  const place = await createPlace(t);
  const files = Array.from({ length: 6 }, (_, index) => writeScript(place, `f${index}`, 'exit 0'));
  const state = join(place.directory, 'emit.jsonl');
  const killed = { ...envOf(place), NODE_OPTIONS: `--import=${KILLER}`, KILL_AFTER_ACKS: '1' };
  // Two at once.
  const first = await runCli(['emit', ...files, '--state', state, '--rate', '2/s'], killed);
  assert.equal(first.code, 'SIGKILL', first.stderr);
  for (let run = 0; run < 2; run += 1) {
    const next = await runCli(['emit', '--continue', state, '--rate', '2/s'], killed);
    assert.equal(next.code, 'SIGKILL', next.stderr);
  }
  const last = await runCli(['emit', '--continue', state, '--json'], envOf(place));
  assert.deepEqual([last.code, last.stdout], [0, `{"announced":6,"topic":"${place.topic}"}\n`], last.stderr);
  const messages = await readAll(place.kafka.brokers, place.topic);
  assert.deepEqual(
    announced(messages)
      .map(({ filename }) => filename)
      .sort(),
    files,
  );
  assert.ok(!existsSync(state));
});

test('emit --wait says which files were loaded, and which given up and why', async (t) => {
  const place = await createPlace(t);
  const service = await startService(t, place);
  const good = writeScript(place, 'good', 'exit 0');
  const bad = writeScript(place, 'bad', 'echo "row 12 is no row" >&2; exit 65');
  const config = ['--config', join(place.directory, `${service.clientId}.yaml`)];
  const mixed = await runCli(['emit', good, bad, '--wait', ...config], envOf(place));
  assert.equal(mixed.code, 1, mixed.stderr);
  assert.match(
    mixed.stdout.replaceAll('\n', ' '),
    / \d\/\d+ \S+\/bad: permanent-failure: .*row 12 is no row.* 1 loaded, 1 dead letter $/,
  );
  const well = await runCli(['emit', good, '--wait', '--json', ...config], envOf(place));
  assert.deepEqual(
    [well.code, JSON.parse(well.stdout)],
    [0, { announced: 1, topic: place.topic, loaded: 1, open: 0, dead: [] }],
  );
  assert.equal(await service.stop(), 0);
  const late = await runCli(['emit', good, '--wait', '--timeout', '0.1s', ...config], envOf(place));
  assert.deepEqual([late.code, late.stdout.split('\n').at(-2)], [75, '0 loaded, 1 neither yet'], late.stderr);
});

test('emit gives up on brokers that are away, or take a connection and are silent', async (t) => {
  const place = join(PACKAGE_ROOT, 'package.json');
  const gone = await runCli(['emit', place], { ATD_KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:1' });
  assert.equal(gone.code, 1);
  assert.match(
    gone.stderr,
    /^atd-ingestion: cannot reach Kafka at 127\.0\.0\.1:1: .*; check kafka\.bootstrap_servers\n$/,
  );
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  t.after(() => silent.close());
  const address = `127.0.0.1:${(silent.address() as { port: number }).port}`;
  const mute = await runCli(['emit', place], { ATD_KAFKA_BOOTSTRAP_SERVERS: address });
  assert.equal(mute.code, 1);
  assert.match(mute.stderr, /no broker has answered for 5 s; check kafka\.bootstrap_servers\n$/);
});
