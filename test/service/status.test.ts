/** `atd-ingestion status` and the lag, of a service as a process against a scripted broker, and in a terminal. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type CliResult, runCli } from '../support/cli.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { waitUntil } from '../support/processes.js';
import { announce, createScriptedPlace, type ScriptedPlace } from '../support/scripted-place.js';
import { type ServiceProcess, spawnService, startService, writeScript } from '../support/service-process.js';

const DEADLINE_MS = 60_000;

function ask(service: ServiceProcess, ...options: readonly string[]): Promise<CliResult> {
  return runCli(['status', '--url', service.http, ...options]);
}

/** The settings file that the service was started with. */
function settingsOf({ directory }: ScriptedPlace, { clientId }: ServiceProcess): string {
  return join(directory, `${clientId}.yaml`);
}

/** Two files are loaded and three wait for the gate, of which two run. */
async function loadBeforeGate(place: ScriptedPlace): Promise<{ readonly gate: string; readonly files: string[] }> {
  const gate = join(place.directory, 'gate');
  const quick = writeScript(place, 'quick', 'exit 0');
  const slow = [1, 2, 3].map((n) => writeScript(place, `slow-${n}`, `until [ -e '${gate}' ]; do sleep 0.1; done`));
  const files = [quick, quick, ...slow];
  announce(place, ...files);
  return { gate, files };
}

describe('the lag', () => {
  it('is what is neither loaded nor given up, in the metrics and in the status, and is worked off', async (t) => {
    const place = await createScriptedPlace(t);
    const { gate } = await loadBeforeGate(place);
    const service = await startService(t, place, { thread_pool_size: 2 });
    const status = async () => JSON.parse((await ask(service, '--json')).stdout);
    const metric = async (name: string) => {
      const body = await (await service.ask('/metrics')).text();
      return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (.*)$`, 'm').exec(body)?.[1] ?? Number.NaN);
    };
    await service.until(async () => (await status()).lag.messages === 3, DEADLINE_MS, 'a lag of three messages');
    const { partitions, running, lastHour, lastLoadedAt, at, startedAt } = await status();
    assert.deepEqual([partitions[0].lag, running.length, lastHour.loaded], [3, 2, 2]);
    assert.ok(startedAt <= lastLoadedAt && lastLoadedAt <= at, `${startedAt}, ${lastLoadedAt}, ${at}`);
    // What was rendered a second ago is given again.
    await service.until(async () => (await metric('atd_consumer_lag')) === 3, DEADLINE_MS, 'the same in the metrics');
    assert.ok((await metric('atd_oldest_unfinished_seconds')) > 0);
    assert.ok(Math.abs((await metric('atd_last_success_timestamp_seconds')) - lastLoadedAt / 1_000) < 1);
    assert.equal(await metric('atd_visible_seconds_count'), 2);
    assert.equal(await metric('atd_load_seconds_count'), 2);
    writeFileSync(gate, '');
    await service.until(async () => (await metric('atd_consumer_lag')) === 0, DEADLINE_MS, 'no lag');
    assert.equal(await metric('atd_oldest_unfinished_seconds'), 0);
    assert.equal(await service.stop(), 0);
  });

  it('counts what nobody has read, and is not known where no broker has said it', async (t) => {
    const place = await createScriptedPlace(t);
    const release = place.broker.hold('Fetch');
    const ends = place.broker.hold('ListOffsets');
    announce(place, ...Array.from({ length: 7 }, () => writeScript(place, 'quick', 'exit 0')));
    const service = spawnService(t, place);
    await service.seen('service.started', 1, DEADLINE_MS);
    assert.match((await ask(service)).stdout, /^Lag +is not known/m);
    ends();
    await service.until(async () => /^Lag +7 messages/m.test((await ask(service)).stdout), DEADLINE_MS, 'a lag of 7');
    release();
    await service.seen('job.loaded', 7, DEADLINE_MS);
    assert.equal(await service.stop(), 0);
  });
});

describe('atd-ingestion status', () => {
  it('shows how the service is, and ends with 0 while it is well, with 1 while it is not, with 2 where there is none', async (t) => {
    const place = await createScriptedPlace(t);
    const release = place.broker.hold('JoinGroup');
    const service = spawnService(t, place);
    await service.seen('service.started', 1, DEADLINE_MS);
    const before = await ask(service);
    assert.deepEqual([before.code, before.stderr], [1, '']);
    assert.match(before.stdout, /^State +is starting\n +the consumer has not joined its group yet/m);
    release();
    await service.until(async () => (await ask(service)).code === 0, DEADLINE_MS, 'a service that is well');
    const after = await ask(service);
    assert.match(after.stdout, /^Service +atd-ingestion \S+ at http:\/\/127\.0\.0\.1:\d+, up /);
    assert.match(after.stdout, /^State +is well$/m);
    assert.equal(await service.stop(), 0);
    const { code, stdout, stderr } = await ask(service);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(
      stderr,
      /^atd-ingestion: no answer of a service from http:\S+: .*ECONNREFUSED.*; does the service run, .*\n$/,
    );
  });

  it('finds the service by its settings', async (t) => {
    const place = await createScriptedPlace(t);
    const service = await startService(t, place);
    const port = Number(new URL(service.http).port);
    const file = join(place.directory, 'mine.yaml');
    writeFileSync(file, readFileSync(settingsOf(place, service), 'utf8').replace(/^( +port:) 0$/m, `$1 ${port}`));
    const isWell = async () => (await runCli(['status', '--config', file])).code === 0;
    await service.until(isWell, DEADLINE_MS, 'the service found, and well');
    assert.equal(await service.stop(), 0);
  });

  it('says what answers there when it is another program, and what an address looks like', async (t) => {
    const place = await createScriptedPlace(t);
    const service = await startService(t, place);
    const elsewhere = await runCli(['status', '--url', `${service.http}/metrics`]);
    assert.deepEqual([elsewhere.code, elsewhere.stdout], [2, '']);
    assert.match(elsewhere.stderr, /it answers 404: not here/);
    assert.deepEqual((await runCli(['status', '--url', 'localhost:9464'])).code, 64);
    assert.equal(await service.stop(), 0);
  });

  for (const columns of [60, 120]) {
    it(`fits a terminal of ${columns} columns, and goes on through a restart of the service`, async (t) => {
      const place = await createScriptedPlace(t);
      const { gate } = await loadBeforeGate(place);
      const service = await startService(t, place, { thread_pool_size: 2 });
      await service.seen('job.loaded', 2, DEADLINE_MS);
      const terminal = openTerminal(t, columns, ['status', '--watch', '--url', service.http]);
      await terminal.shows(/slow-\d/);
      writeFileSync(gate, '');
      await terminal.shows(/Slots +0 of 2 busy/);
      assert.equal(await service.stop(), 0);
      await terminal.shows(/no answer of a service/);
      const tooLong = terminal.lines().filter((line) => line.length > columns);
      assert.deepEqual(tooLong, []);
      assert.ok(terminal.raw().includes('\u001b[32mis well'));
    });
  }

  it('shows no colours where NO_COLOR is set, and in a pipe', async (t) => {
    const place = await createScriptedPlace(t);
    const service = await startService(t, place);
    await service.until(async () => (await ask(service)).code === 0, DEADLINE_MS, 'a service that is well');
    const terminal = openTerminal(t, 80, ['status', '--url', service.http], { NO_COLOR: '1' });
    await terminal.shows(/is well/);
    assert.ok(!terminal.raw().includes('\u001b['));
    assert.ok(!(await ask(service)).stdout.includes('\u001b'));
    assert.equal(await service.stop(), 0);
  });
});

/** Runs the command line in a pseudo-terminal of that width. */
function openTerminal(
  t: { after(end: () => unknown): void },
  columns: number,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  const command = [process.execPath, join(PACKAGE_ROOT, 'bin/atd-ingestion'), ...args]
    .map((word) => `'${word}'`)
    .join(' ');
  const script = `stty cols ${columns}; exec ${command}`;
  const child = spawn('script', ['-qfec', script, '/dev/null'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] ?? '', TERM: 'xterm', ...env },
  });
  const closed = once(child, 'close');
  t.after(() => {
    child.kill('SIGKILL');
    return closed;
  });
  let raw = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    raw += text;
  });
  // What is drawn anew begins at the top, wherever the last line ended.
  const drawn = () => raw.replaceAll('\u001b[H', '\n');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences of a terminal
  const sequence = /\u001b\[[0-9;]*[A-Za-z]/g;
  const plain = () => drawn().replaceAll(sequence, '').replaceAll('\r', '');
  return {
    raw: () => raw,
    lines: () => plain().split('\n'),
    shows: (wanted: RegExp) => waitUntil(() => wanted.test(plain()), DEADLINE_MS, String(wanted)),
  };
}
