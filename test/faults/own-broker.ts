/**
 * An Apache Kafka for one test alone, which may be frozen, killed and started again on its data. The sandbox starts it;
 * its process is found by the settings file that it was started with.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { brokerAnswers } from '../sandbox/kafka-admin.js';
import { isAlive, waitUntil } from '../support/processes.js';

const START_MS = 240_000;
const END_MS = 30_000;

const HIDDEN = ['KAFKA_BROKERS', 'SANDBOX_KAFKA_KIND', 'SANDBOX_KAFKA_BROKERS'];

/** Takes the suite's Kafka out of sight, so that the sandbox starts another one, of `nodes`, until the test is over. */
export function hideSuiteKafka(t: TestContext, nodes = 1): void {
  const before = HIDDEN.map((name) => [name, process.env[name]] as const);
  for (const name of HIDDEN) delete process.env[name];
  process.env['SANDBOX_KAFKA_BROKERS'] = String(nodes);
  t.after(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
}

export class OwnBroker {
  readonly #address: string;
  #pid: number;
  readonly #command: readonly string[];
  readonly #directory: string;

  /** @param address of a broker that the sandbox of this process started */
  constructor(t: TestContext, address: string) {
    this.#address = address;
    this.#pid = pidOfBroker(address);
    this.#command = argumentsOf(this.#pid);
    this.#directory = readlinkSync(`/proc/${this.#pid}/cwd`);
    t.after(() => this.kill());
  }

  freeze(): void {
    process.kill(this.#pid, 'SIGSTOP');
  }

  thaw(): void {
    process.kill(this.#pid, 'SIGCONT');
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** In order: its data is then taken as it is at the next start. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** Changes the first segment of a partition; only while the broker is stopped. */
  changeSegment(topic: string, partition: number, change: (bytes: Buffer) => void): void {
    const directory = /^log\.dirs=(.*)$/m.exec(read(this.#command.at(-1) as string))?.[1] as string;
    const segment = join(directory, `${topic}-${partition}`, `${'0'.repeat(20)}.log`);
    const bytes = readFileSync(segment);
    change(bytes);
    writeFileSync(segment, bytes);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!isAlive(this.#pid)) return;
    process.kill(this.#pid, signal);
    await waitUntil(() => !isAlive(this.#pid), END_MS, 'the broker ends');
  }

  /** Starts it anew with these settings added. */
  async configure(settings: Readonly<Record<string, string | number>>): Promise<void> {
    await this.stop();
    const file = this.#command.at(-1) as string;
    const added = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
    writeFileSync(file, `${read(file)}${added.join('')}`);
    await this.start();
  }

  /** Starts it anew, with clients sent to another port of this machine, where a proxy is to stand before it. */
  async moveBehind(port: number): Promise<void> {
    await this.kill();
    const settings = this.#command.at(-1) as string;
    const moved = read(settings).replace(
      /^advertised\.listeners=.*$/m,
      `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    );
    writeFileSync(settings, moved);
    await this.start();
  }

  /** Starts it on what its predecessor left. */
  async start(): Promise<void> {
    const [file, ...args] = this.#command as [string, ...string[]];
    const output = join(this.#directory, `broker-${Date.now()}.out`);
    const descriptor = openSync(output, 'w');
    const broker = spawn(file, args, { cwd: this.#directory, stdio: ['ignore', descriptor, descriptor] });
    closeSync(descriptor);
    this.#pid = broker.pid as number;
    let end: string | null = null;
    broker.once('exit', (code, signal) => {
      end = `the broker has ended (${signal ?? `exit code ${code}`}): ${read(output).slice(-4_000)}`;
    });
    await waitUntil(
      () => brokerAnswers(this.#address),
      START_MS,
      'the broker answers',
      () => end,
    );
  }
}

function pidOfBroker(address: string): number {
  const listener = `advertised.listeners=PLAINTEXT://${address}\n`;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const words = argumentsOf(Number(pid));
    const settings = words.includes('kafka.Kafka') ? words.at(-1) : undefined;
    if (settings !== undefined && read(settings).includes(listener)) return Number(pid);
  }
  throw new Error(`no process was found that is the broker at ${address}`);
}

function argumentsOf(pid: number): string[] {
  return read(`/proc/${pid}/cmdline`).split('\0').slice(0, -1);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
