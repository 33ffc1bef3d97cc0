/** `top` and `status --watch` on terminals, of a service as a process. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { runCli } from '../support/cli.js';
import { Gate } from '../support/gate.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { waitUntil } from '../support/processes.js';
import { OnTerminal, type TerminalEnd } from '../support/pty.js';
import { createScriptedPlace, type ScriptedPlace } from '../support/scripted-place.js';
import { type ServiceProcess, startService, writeScript } from '../support/service-process.js';

const DEADLINE_MS = 60_000;
const ENDED = { code: 0, signal: null, isCooked: true };

interface Scene {
  readonly place: ScriptedPlace;
  readonly service: ServiceProcess;
  readonly gate: Gate;
}

/** Of `acme` two files are loaded; of `globex`, with three, one runs, and so does the rest behind it. */
async function scene(t: TestContext): Promise<Scene> {
  const place = await createScriptedPlace(t);
  const gate = new Gate(place);
  const [quick, slow] = [writeScript(place, 'quick', 'exit 0'), writeScript(place, 'slow', gate.after(2))];
  const files = [
    ...['acme', 'acme'].map((tenant) => ({ filename: quick, tenant })),
    ...['globex', 'globex', 'globex'].map((tenant) => ({ filename: slow, tenant })),
  ];
  place.broker.topics.append(
    place.topic,
    0,
    files.map((file) => JSON.stringify(file)),
  );
  const token = writeScript(place, 'token', 'a-token-of-this-test');
  const service = await startService(t, place, { thread_pool_size: 1, http: { token_file: token } });
  await service.seen('job.loaded', 2, DEADLINE_MS);
  return { place, service, gate };
}

function check({ terminal }: OnTerminal, end: TerminalEnd, expected: TerminalEnd): void {
  assert.deepEqual(end, expected);
  assert.deepEqual(terminal.tooLong, []);
  const { isTorn, isCursorShown, isOnOtherPage, isWrapping } = terminal;
  assert.deepEqual(
    { isTorn, isCursorShown, isOnOtherPage, isWrapping },
    { isTorn: false, isCursorShown: true, isOnOtherPage: false, isWrapping: true },
  );
}

describe('atd-ingestion top', () => {
  for (const columns of [60, 120]) {
    it(`fits ${columns} columns, sorts, moves its cursor, explains its keys, and gives the terminal back`, async (t) => {
      const { service } = await scene(t);
      const top = new OnTerminal(t, ['top', '--url', service.http], [columns, 24]);
      const { terminal } = top;
      await top.shows(/^ {2}globex .*\n {2}acme /m);
      await top.shows(/by waiting; q quit, w r l f n sort, \? help\n$/);
      assert.deepEqual([terminal.isOnOtherPage, terminal.isCursorShown], [true, false]);
      assert.equal(terminal.text.split('\n').length - 1, 24);
      top.press('l');
      await top.shows(/^ {2}acme .*\n {2}globex .*[\s\S]*by loaded; /m);
      top.press('n');
      await top.shows(/by name; /);
      top.press('p');
      await top.shows(/a pause needs a token: --token-file/);
      top.press('?');
      await top.shows(/^Tenants marked P are paused\. Keys:\n {2}q, Ctrl-C +quit\n/);
      top.press('q');
      check(top, await top.ended, ENDED);
      assert.ok(terminal.colours.has('32') && terminal.colours.has('7'), [...terminal.colours].join());
    });
  }

  it('takes another size of the terminal, and goes on where the service is away', async (t) => {
    const { service, gate } = await scene(t);
    const top = new OnTerminal(t, ['top', '--url', service.http], [120, 30]);
    await top.shows(/globex[\s\S]*\? help\n$/);
    top.resize(60, 9);
    const fits = () => {
      const lines = top.terminal.text.trimEnd().split('\n');
      return lines.length === 9 && lines.every((line) => line.length <= 60);
    };
    await waitUntil(fits, DEADLINE_MS, 'a screen of 60 columns and 9 rows');
    await top.shows(/globex .*[\s\S]*\? help\n$/);
    gate.open();
    assert.equal(await service.stop(), 0);
    await top.shows(/no answer of a service/);
    assert.ok(fits(), top.terminal.text);
    top.press('q');
    assert.deepEqual(await top.ended, ENDED);
  });

  for (const [name, number] of [
    ['SIGTERM', 15],
    ['SIGINT', 2],
    ['SIGHUP', 1],
  ] as const) {
    it(`gives the terminal back when it is ended by ${name}`, async (t) => {
      const top = new OnTerminal(t, ['top', '--url', 'http://127.0.0.1:1'], [80, 24]);
      await top.shows(/no answer of a service from http:\/\/127\.0\.0\.1:1/);
      top.signal(name);
      check(top, await top.ended, { code: null, signal: number, isCooked: true });
    });
  }

  it('gives the terminal back when it is suspended, and takes it again', async (t) => {
    const top = new OnTerminal(t, ['top', '--url', 'http://127.0.0.1:1'], [80, 24]);
    await top.shows(/no answer of a service/);
    top.press('\u001a');
    await waitUntil(() => !top.terminal.isOnOtherPage, DEADLINE_MS, 'the first page of the terminal');
    assert.equal(top.terminal.isCursorShown, true);
    top.signal('SIGCONT');
    await waitUntil(() => top.terminal.isOnOtherPage, DEADLINE_MS, 'the page of top');
    await top.shows(/no answer of a service/);
    top.press('q');
    check(top, await top.ended, ENDED);
  });

  it('is what status is in a pipe', async (t) => {
    const { service } = await scene(t);
    const [top, status] = await Promise.all(['top', 'status'].map((name) => runCli([name, '--url', service.http])));
    const firstWords = (text = '') => [...text.matchAll(/^[A-Z]\w+/gm)].map(([word]) => word);
    assert.deepEqual([top?.code, firstWords(top?.stdout)], [status?.code, firstWords(status?.stdout)]);
    assert.ok(firstWords(top?.stdout).includes('State') && !top?.stdout.includes('\u001b'));
    const away = await runCli(['top', '--url', 'http://127.0.0.1:1']);
    assert.deepEqual([away.code, away.stdout], [2, '']);
    const noToken = await runCli(['top', '--url', service.http, '--token-file', '/nowhere']);
    assert.equal(noToken.code, 78);
  });
});

describe('atd-ingestion status --watch', () => {
  for (const columns of [60, 120]) {
    it(`fits ${columns} columns and the rows of the terminal, and leaves it as it was`, async (t) => {
      const { service } = await scene(t);
      const watch = new OnTerminal(t, ['status', '--watch', '--url', service.http], [columns, 8], { NO_COLOR: '1' });
      await watch.shows(/^Service .*\n[\s\S]*^State /m);
      assert.ok(watch.terminal.text.split('\n').length <= 8, watch.terminal.text);
      // By the terminal, as a person does it.
      watch.press('\u0003');
      check(watch, await watch.ended, { code: null, signal: 2, isCooked: true });
      assert.deepEqual([...watch.terminal.colours], []);
    });
  }

  it('ends when nobody reads it any more', () => {
    const command = 'bin/atd-ingestion status --watch --json --url http://127.0.0.1:1 | head -n 1';
    const { status, stdout, stderr } = spawnSync('bash', ['-o', 'pipefail', '-c', command], {
      cwd: PACKAGE_ROOT,
      encoding: 'utf8',
    });
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^\{"error":"no answer .*\n$/);
  });

  it('goes on where another version answers, and where another program does', async (t) => {
    let [status, body] = [200, '{"version":"9.9.9"}'];
    const server = createServer((_, response) => response.writeHead(status).end(body)).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const watch = new OnTerminal(t, ['status', '--watch', '--url', url], [120, 8]);
    await watch.shows(/cannot be shown: it is another version\s\(9\.9\.9\)/);
    [status, body] = [500, `\u001b[2Jgone${' and gone'.repeat(1_000)}`];
    await watch.shows(/it answers 500: gone and gone/);
    watch.press('\u0003');
    check(watch, await watch.ended, { code: null, signal: 2, isCooked: true });
  });
});
