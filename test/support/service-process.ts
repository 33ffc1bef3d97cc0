/** The service as a process of its own, started and watched as an operator would: configuration file, log, HTTP, signals. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { type KafkaSandbox, startKafka } from '../sandbox/sandbox.js';
import { createTopic } from '../sandbox/topics.js';
import { PACKAGE_ROOT } from './package-root.js';
import { waitUntil } from './processes.js';

/** One line of the service's log. */
export type LogLine = { readonly level: string; readonly message: string } & Readonly<Record<string, unknown>>;

/** Whatever ends what was started: a test, or a row of the benchmark. */
export interface Cleanup {
  after(end: () => unknown): void;
}

/** Where one test's service lives: its topic, its group, its directory. */
export interface Place {
  readonly kafka: KafkaSandbox;
  readonly topic: string;
  readonly group: string;
  readonly directory: string;
  /** What the fixture loader notes. */
  readonly ledger: string;
}

/** A request to the service's HTTP side, by GET where it does not say. */
export interface Question {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

export type Settings = Readonly<Record<string, unknown>>;

const MAIN = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url));
export const PARTITIONS = 4;
/** The longest that a service of the tests may take to end its loads. */
const STOP_SECONDS = 300;
const STOP_MS = STOP_SECONDS * 1_000;

/** A topic, a group and a directory that only this test uses; removed after it. */
export async function createPlace(t: Cleanup, topicConfig: Readonly<Record<string, string>> = {}): Promise<Place> {
  const kafka = await startKafka();
  t.after(() => kafka.stop());
  const directory = mkdtempSync(join(tmpdir(), 'atd-test-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const name = `test-${directory.slice(-6).toLowerCase()}-${Date.now().toString(36)}`;
  await createTopic(kafka.brokers, name, PARTITIONS, topicConfig);
  const ledger = join(directory, 'ledger');
  writeFileSync(ledger, '');
  return { kafka, topic: name, group: `${name}-group`, directory, ledger };
}

/** All that this process has started, by pid. */
const started = new Map<number, ServiceProcess>();

/** The service that was started as this process; null for any other process. */
export function startedService(pid: number): ServiceProcess | null {
  return started.get(pid) ?? null;
}

export class ServiceProcess {
  readonly log: LogLine[] = [];
  /** What its id in the group begins with. */
  readonly clientId: string;
  /** Resolves with the exit code, or the signal's name. */
  readonly exited: Promise<number | string>;
  readonly #child: ChildProcess;
  readonly #watchers = new Set<(line: LogLine) => void>();
  #stderr = '';
  /** How it ended; null while it lives. */
  #end: string | null = null;
  #half: string | null = null;

  constructor(child: ChildProcess, clientId: string) {
    this.#child = child;
    this.clientId = clientId;
    if (child.pid !== undefined) started.set(child.pid, this);
    // The last lines of the log may come after the end of the process.
    this.exited = once(child, 'close').then(([code, signal]) => {
      this.#end =
        signal === null ? `the service has ended with exit code ${code}` : `the service was ended by ${signal}`;
      return (code ?? signal) as number | string;
    });
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => this.#read(line));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Base URL of its HTTP side. */
  get http(): string {
    return this.events('service.started')[0]?.['http'] as string;
  }

  /** Asks its HTTP side by a connection of its own: one that is kept may be closed just as a busy test takes it. */
  ask(path: string, { headers = {}, ...rest }: Question = {}): Promise<Response> {
    return fetch(`${this.http}${path}`, { ...rest, headers: { ...headers, Connection: 'close' } });
  }

  events(message: string): LogLine[] {
    return this.log.filter((line) => line.message === message);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits for `count` lines of one event. */
  async seen(message: string, count: number, deadlineMs: number): Promise<LogLine[]> {
    await this.until(() => this.events(message).length >= count, deadlineMs, `${count} × ${message}`);
    return this.events(message);
  }

  /** Resolves at once when the `count`-th line of one event from now on is read, for who must act before the next one. */
  lineOf(message: string, count: number): Promise<LogLine> {
    let left = count;
    return new Promise((resolve) => {
      const forget = this.onLine((line) => {
        if (line.message !== message) return;
        left -= 1;
        if (left > 0) return;
        forget();
        resolve(line);
      });
    });
  }

  /** Calls `listener` with every line from now on, until what it returns is called. */
  onLine(listener: (line: LogLine) => void): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  /** Waits for a condition, and not beyond the end of the service; a failure shows the end of the log. */
  async until(condition: () => boolean | Promise<boolean>, deadlineMs: number, what: string): Promise<void> {
    try {
      await waitUntil(condition, deadlineMs, what, () => this.#end);
    } catch (error) {
      const tail = this.log.slice(-15).map((line) => JSON.stringify(line));
      throw new Error(`${(error as Error).message}\n${tail.join('\n')}\n${this.#half ?? ''}${this.#stderr}`);
    }
  }

  /** Of a service that is killed while nobody reads its log, the last line may be half of one. */
  #read(line: string): void {
    if (this.#half !== null) throw new Error(`the service wrote a line that is no JSON: ${this.#half}`);
    let parsed: LogLine;
    try {
      parsed = JSON.parse(line) as LogLine;
    } catch {
      this.#half = line;
      return;
    }
    this.log.push(parsed);
    for (const watch of this.#watchers) watch(parsed);
  }

  /** Ends it in order and gives its exit code. */
  async stop(): Promise<number | string> {
    this.signal('SIGTERM');
    await this.until(() => this.#end !== null, STOP_MS, 'the service ends');
    return this.exited;
  }
}

/**
 * Starts a service with the fixture loader and short waits, and waits until it has joined its group.
 *
 * @param main the module of its command line, where it is not the one of this build
 */
export async function startService(
  t: Cleanup,
  place: Place,
  settings: Settings = {},
  env: Readonly<Record<string, string>> = {},
  main = MAIN,
): Promise<ServiceProcess> {
  const service = spawnService(t, place, settings, env, main);
  await service.until(() => service.events('partitions.assigned').length > 0, 60_000, 'the service joins its group');
  return service;
}

/** The same without waiting for anything; `settings` are merged over those of the tests. */
export function spawnService(
  t: Cleanup,
  place: Place,
  settings: Settings = {},
  env: Readonly<Record<string, string>> = {},
  main = MAIN,
  command: readonly string[] = [],
): ServiceProcess {
  const clientId = `test-${randomUUID()}`;
  const file = join(place.directory, `${clientId}.yaml`);
  const base: Settings = {
    kafka: {
      topic: place.topic,
      bootstrap_servers: place.kafka.brokers,
      group_id: place.group,
      client_id: clientId,
    },
    as_cli: {
      executable: join(PACKAGE_ROOT, 'test/fixtures/obedient-as-cli.sh'),
      // For what hangs: a test of the deadline sets its own.
      timeout: 600,
      grace: 1,
      pass_env: ['PATH', 'LEDGER'],
    },
    service: { retry: { max_attempts: 2, backoff_seconds: 0.2 }, shutdown: { deadline_seconds: STOP_SECONDS } },
    // Tests of the ledger switch it on, and an earlier build has none.
    ...(main === MAIN ? { ledger: { enabled: false } } : {}),
    http: { port: 0 },
    log_format: 'json',
    log_level: 'debug',
  };
  writeFileSync(file, stringify(merge(base, settings)));
  const service = launch([...command, '--config', file], { LEDGER: place.ledger, ...env }, clientId, main);
  t.after(async () => {
    service.signal('SIGKILL');
    await service.exited;
  });
  return service;
}

/** Runs the command line with these arguments; the caller ends it. */
export function launch(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  clientId = '',
  main = MAIN,
): ServiceProcess {
  const script = `import { main } from ${JSON.stringify(main)}; await main(process.argv.slice(1));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, '--', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', ...env },
  });
  return new ServiceProcess(child, clientId);
}

/** Writes a file that the fixture loader runs, and gives its path. */
export function writeScript(place: Place, name: string, script: string): string {
  const file = join(place.directory, name);
  writeFileSync(file, `${script}\n`);
  return file;
}

export interface LedgerEntry {
  readonly what: 'start' | 'end';
  readonly job: string;
  readonly attempt: number;
  /** The pid of a start, the exit code of an end. */
  readonly value: number;
}

export function readLedger(place: Place): LedgerEntry[] {
  const lines = readFileSync(place.ledger, 'utf8').split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const [what, job, attempt, value] = line.split(' ') as [LedgerEntry['what'], string, string, string];
      return { what, job, attempt: Number(attempt), value: Number(value) };
    });
}

function merge(base: Settings, over: Settings): Settings {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    merged[key] = isGroup(before) && isGroup(value) ? merge(before, value) : value;
  }
  return merged;
}

function isGroup(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
