/** What keeps the service from starting, as it is told to whoever starts it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Env, runCli, spawnCli, temporaryDirectory } from '../support/cli.js';
import { PACKAGE_ROOT } from '../support/package-root.js';

/** Nobody listens there. */
const NO_BROKER = { ATD_KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:1', ATD_HTTP_PORT: '0' };

/** Starts the service with this file; it has to end with 78 and to say why. */
async function refused(t: TestContext, yaml: string, env: Env = {}, args: readonly string[] = []): Promise<string> {
  const file = join(temporaryDirectory(t), 'atd.yaml');
  writeFileSync(file, yaml);
  const { code, stdout, stderr } = await runCli(['--config', file, ...args], { ...NO_BROKER, ...env });
  assert.deepEqual([code, stdout], [78, ''], stderr);
  assert.match(stderr, /^atd-ingestion: /);
  assert.doesNotMatch(stderr, /^ +at /m, 'no stack');
  return stderr.replaceAll(file, 'FILE');
}

describe('atd-ingestion run: a configuration that cannot be', () => {
  it('is refused with every complaint', async (t) => {
    assert.equal(
      await refused(t, 'thread_pool_size: 0\nkafka:\n  topic:\n'),
      `atd-ingestion: the configuration is not valid:
  kafka.topic must not be empty; it is null (from file FILE)
  thread_pool_size must be from 1 to 256; it is 0 (from file FILE)
`,
    );
  });

  it('is refused for an empty --topic', async (t) => {
    assert.match(
      await refused(t, '', {}, ['--topic', '']),
      /kafka\.topic must not be empty; it is "" \(from argument --topic\)/,
    );
  });

  it('is refused when its file cannot be read', async (t) => {
    const directory = temporaryDirectory(t);
    for (const [file, why] of [
      [join(directory, 'missing.yaml'), 'ENOENT'],
      [directory, 'EISDIR'],
    ] as const) {
      const { code, stderr } = await runCli(['run', '--config', file]);
      assert.equal(code, 78);
      assert.match(stderr, new RegExp(`^atd-ingestion: cannot read the configuration file ${file}: ${why}`));
    }
  });

  it('is refused when another loader than the bundled one is to be warm', async (t) => {
    assert.match(
      await refused(t, 'as_cli: { executable: /bin/true, launch: warm }'),
      /as_cli\.launch is warm, which only the bundled loader can be, but as_cli\.executable is \/bin\/true; set as_cli\.executable to .*\/bin\/as-cli, or/,
    );
  });

  it('is refused when the loader is not there', async (t) => {
    assert.match(
      await refused(t, 'as_cli: { executable: /no/such/loader }'),
      /as_cli\.executable \/no\/such\/loader is not an executable file; install it/,
    );
    assert.match(
      await refused(t, 'as_cli: { executable: no-such-loader }'),
      /no-such-loader is not an executable file on the PATH; install it/,
    );
  });

  it('is refused when the log file cannot be written', async (t) => {
    const directory = temporaryDirectory(t);
    mkdirSync(join(directory, 'log'));
    assert.match(
      await refused(t, `log_file: ${join(directory, 'log')}`),
      /log_file .* cannot be used: it is a directory; name a file in it/,
    );
  });
});

describe('atd-ingestion run: a stop before there is a Kafka', () => {
  it('ends with 0, and every line of the log is JSON', async (t) => {
    const file = join(temporaryDirectory(t), 'deep/service.log');
    const child = spawnCli(['run'], { ...NO_BROKER, ATD_LOG_FILE: file });
    t.after(() => child.kill('SIGKILL'));
    const exited = once(child, 'close');
    const events: string[] = [];
    let stopped = false;
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => {
      const { message } = JSON.parse(line) as { message: string };
      events.push(message);
      if (message !== 'kafka.client' || stopped || !events.includes('service.started')) return;
      stopped = true;
      child.kill('SIGTERM');
    });
    assert.deepEqual(await exited, [0, null], events.join(' '));
    for (const event of ['loader.bundled', 'service.started', 'service.stopping', 'drain.done', 'service.stopped']) {
      assert.ok(events.includes(event), `${event} is not among ${events.join(' ')}`);
    }
    assert.ok(existsSync(file));
  });

  it('ends with 0 while the loader is one of its own', async (t) => {
    const loader = join(temporaryDirectory(t), 'loader');
    writeFileSync(loader, '#!/bin/sh\n');
    chmodSync(loader, 0o755);
    const child = spawnCli(['run'], { ...NO_BROKER, ATD_AS_CLI_EXECUTABLE: loader });
    t.after(() => child.kill('SIGKILL'));
    const exited = once(child, 'close');
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    for await (const line of lines) {
      const { message, loader: named } = JSON.parse(line) as { message: string; loader?: string };
      if (message !== 'service.started') continue;
      assert.equal(named, loader);
      child.kill('SIGINT');
    }
    assert.deepEqual(await exited, [0, null]);
  });
});

/** Starts the service without a broker and resolves once it waits for one. */
async function started(
  t: TestContext,
  env: Env = {},
  child = spawnCli(['run'], { ...NO_BROKER, ...env }),
): Promise<{ child: ChildProcess; events: string[]; exited: Promise<unknown[]> }> {
  t.after(() => child.kill('SIGKILL'));
  const exited = once(child, 'exit');
  const events: string[] = [];
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  await new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      events.push((JSON.parse(line) as { message: string }).message);
      if (events.at(-1) === 'service.started') resolve();
    });
    lines.on('close', resolve);
  });
  return { child, events, exited };
}

describe('atd-ingestion run: signals that are no stop', () => {
  it('change nothing, open no debugger, and are logged', async (t) => {
    const { child, events, exited } = await started(t);
    const harmless = ['SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGVTALRM', 'SIGIO', 'SIGPWR'] as const;
    child.kill('SIGPIPE');
    for (const signal of harmless) child.kill(signal);
    let debuggers = '';
    child.stderr?.on('data', (text) => {
      debuggers += text;
    });
    const logged = () => events.filter((event) => event === 'service.signal').length;
    while (logged() < harmless.length && child.exitCode === null && child.signalCode === null)
      await once(child.stdout as Readable, 'data');
    assert.equal(logged(), harmless.length);
    child.kill('SIGTERM');
    assert.deepEqual(await exited, [0, null]);
    assert.doesNotMatch(debuggers, /Debugger listening/);
  });

  it('change nothing before its modules are there either', async (t) => {
    const hook = `export function resolve(name, context, next) {
      if (name === './run.js') for (const signal of ['SIGHUP', 'SIGUSR2', 'SIGALRM']) process.kill(process.pid, signal);
      return next(name, context);
    }`;
    const url = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;
    const register = url(`import { register } from 'node:module'; register(${JSON.stringify(url(hook))});`);
    const program = join(PACKAGE_ROOT, 'bin/atd-ingestion');
    const early = spawn(process.execPath, [`--import=${register}`, program, 'run'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: '', ...NO_BROKER },
    });
    const { child, events, exited } = await started(t, {}, early);
    assert.ok(events.includes('service.started'), String(child.signalCode));
    child.kill('SIGTERM');
    assert.deepEqual(await exited, [0, null]);
  });

  it('keep their default where the default is to end at once with a core', async (t) => {
    const { child, exited } = await started(t);
    child.kill('SIGQUIT');
    assert.deepEqual(await exited, [null, 'SIGQUIT']);
  });
});

describe('atd-ingestion run: a console that is gone or full', () => {
  it('costs lines and not the service: the reader of the log has ended', async (t) => {
    const file = join(temporaryDirectory(t), 'service.log');
    const { child, exited } = await started(t, { ATD_LOG_FILE: file });
    child.stdout?.destroy();
    child.stderr?.destroy();
    child.kill('SIGUSR2');
    await until(() => readFileSync(file, 'utf8').includes('service.signal'), child);
    child.kill('SIGUSR2');
    child.kill('SIGTERM');
    assert.deepEqual(await exited, [0, null]);
    assert.match(readFileSync(file, 'utf8'), /"message":"service\.stopped"/);
  });

  it('costs lines and not the service: the disk under it is full', async (t) => {
    const file = join(temporaryDirectory(t), 'service.log');
    const full = openSync('/dev/full', 'w');
    t.after(() => closeSync(full));
    const child = spawnCli(['run'], { ...NO_BROKER, ATD_LOG_FILE: file }, [full, full]);
    t.after(() => child.kill('SIGKILL'));
    const exited = once(child, 'exit');
    await until(() => existsSync(file) && readFileSync(file, 'utf8').includes('service.started'), child);
    child.kill('SIGTERM');
    assert.deepEqual(await exited, [0, null]);
    assert.match(readFileSync(file, 'utf8'), /"message":"service\.stopped"/);
  });
});

/** Resolves when the condition holds or the process has ended. */
async function until(condition: () => boolean, child: ChildProcess): Promise<void> {
  while (!condition() && child.exitCode === null && child.signalCode === null) await delay(10);
}

describe('atd-ingestion run: a port that is taken', () => {
  it('is waited for, and does not keep a stop waiting', async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const child = spawnCli(['run'], { ...NO_BROKER, ATD_HTTP_PORT: String(port) });
    t.after(() => child.kill('SIGKILL'));
    const exited = once(child, 'exit');
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    for await (const line of lines) {
      const { message, reason } = JSON.parse(line) as { message: string; reason?: string };
      if (message !== 'http.waiting') continue;
      assert.match(
        reason ?? '',
        new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port} .*another program listens there`),
      );
      child.kill('SIGTERM');
    }
    const [code] = (await exited) as [number];
    assert.ok(code === 0 || code === 1, `it ended with ${code}, after which systemd would not restart it`);
  });
});
