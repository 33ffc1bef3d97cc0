/** The parent's side of the guard process: a temporary directory, and commands in it that cannot outlive this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import type { GuardEvent, GuardedCommand } from './guard.js';

const GUARD = fileURLToPath(new URL('./guard.js', import.meta.url));
/** How much of a command's output is kept for the message of a failed start. */
const MAX_OUTPUT = 16 * 1024;

type Ended = GuardEvent & { readonly type: 'ended' };

interface Events {
  output: [];
  ended: [event: Ended];
}

export class Guarded {
  readonly directory: string;
  readonly #guard: ChildProcess;
  readonly #events: EventEmitter<Events>;
  readonly #gone: Promise<unknown>;
  /** The latest command and the end of its output. */
  #current = 0;
  #output = '';

  private constructor(guard: ChildProcess, directory: string, events: AsyncIterable<GuardEvent>) {
    this.#guard = guard;
    this.directory = directory;
    this.#events = new EventEmitter<Events>();
    this.#gone = once(guard, 'exit');
    void this.#listen(events);
  }

  /** Starts a guard whose temporary directory's name begins with `prefix`. */
  static async start(prefix: string): Promise<Guarded> {
    const guard = spawn(process.execPath, [GUARD, prefix], { detached: true, stdio: ['pipe', 'pipe', 'inherit'] });
    // A guard that has gone away says so by its exit; writing to it must not throw.
    guard.stdin.on('error', () => undefined);
    const events = eventsOf(guard.stdout);
    const first = await events.next();
    if (first.done || first.value.type !== 'directory') throw new Error("the sandbox's guard process did not start");
    return new Guarded(guard, first.value.path, events);
  }

  async #listen(events: AsyncIterable<GuardEvent>): Promise<void> {
    for await (const event of events) {
      if (event.type === 'ended') this.#events.emit('ended', event);
      if (event.type === 'output' && event.id === this.#current) {
        this.#output = (this.#output + event.text).slice(-MAX_OUTPUT);
        this.#events.emit('output');
      }
    }
    this.#events.emit('ended', { type: 'ended', id: this.#current, reason: 'its guard process ended', ok: false });
  }

  /** Starts a command in the directory. */
  run(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): number {
    this.#current += 1;
    this.#output = '';
    const command: GuardedCommand = { id: this.#current, file, args, env };
    this.#guard.stdin?.write(`${JSON.stringify(command)}\n`);
    return command.id;
  }

  /** Runs a command to its end and gives its output. @throws Error with the output where it fails. */
  async complete(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    const event = await this.#ended(this.run(file, args, env));
    if (!event.ok) throw this.#failure(`${file} failed (${event.reason})`);
    return this.#output;
  }

  /**
   * Waits until the running command is ready: `probe` is asked at once and whenever there is new output, at the latest
   * every 100 ms. @throws Error with the output where the command ends first or `timeoutMs` passes.
   */
  async ready<T>(id: number, timeoutMs: number, probe: (output: string) => Promise<T | null> | T | null): Promise<T> {
    const deadline = performance.now() + timeoutMs;
    let failure: string | null = null;
    void this.#ended(id).then((event) => {
      failure = `it ended before it was ready (${event.reason})`;
    });
    while (true) {
      const found = await probe(this.#output);
      if (found !== null) return found;
      if (failure === null && performance.now() > deadline) failure = `it was not ready within ${timeoutMs} ms`;
      if (failure !== null) throw this.#failure(failure);
      await this.#outputWithin(100);
    }
  }

  /** Ends the commands and removes the directory; resolves when both are gone. */
  async stop(): Promise<void> {
    this.#hold('ref');
    this.#guard.stdin?.end();
    await this.#gone;
  }

  /** Lets this process exit although the guard still runs; the guard then cleans up. */
  release(): void {
    this.#hold('unref');
  }

  #hold(how: 'ref' | 'unref'): void {
    this.#guard[how]();
    for (const stream of [this.#guard.stdin, this.#guard.stdout]) {
      (stream as unknown as { ref(): void; unref(): void } | null)?.[how]();
    }
  }

  #failure(what: string): Error {
    const output = stripVTControlCharacters(this.#output).trim();
    return new Error(output === '' ? what : `${what}; its output ends with:\n${output.slice(-4_000)}`);
  }

  #ended(id: number): Promise<Ended> {
    return new Promise((resolve) => {
      const settle = (event: Ended): void => {
        if (event.id !== id) return;
        this.#events.off('ended', settle);
        resolve(event);
      };
      this.#events.on('ended', settle);
    });
  }

  #outputWithin(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#events.off('output', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#events.once('output', done);
    });
  }
}

async function* eventsOf(stdout: Readable): AsyncGenerator<GuardEvent> {
  for await (const line of createInterface({ input: stdout })) yield JSON.parse(line) as GuardEvent;
}
