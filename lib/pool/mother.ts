/** One mother as the primary sees it: `libexec/prefork/mother.py` in the loader's own interpreter. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withinTime } from '../util/deadline.js';
import { Deferred } from '../util/deferred.js';
import { lastLine } from '../util/safe-text.js';
import { startLongLived } from '../worker/launch/long-lived.js';
import type { Interpreter } from '../worker/launch/prefork/interpreter.js';
import { Capture } from '../worker/output/capture.js';
import { LineSplitter } from '../worker/output/line-splitter.js';

/** Why a mother ended; `forGood` when another one would end so too. */
export interface MotherEnd {
  readonly code: string;
  readonly reason: string;
  readonly forGood: boolean;
}

export interface MotherOptions {
  readonly interpreter: Interpreter;
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  /** Of its socket; nobody else may reach it there. */
  readonly path: string;
  /** What it serves at most before it ends. */
  readonly files: number;
  readonly seconds: number;
  readonly onLoaded: (modules: number, cpuMs: number) => void;
  readonly onEnd: (end: MotherEnd) => void;
}

/** Room for a child's own variables and arguments, as the kernel shows them. */
const ROOM_BYTES = 8_192;
/** From the end of its input to its end, when no child runs. */
const END_MS = 2_000;
const MAX_LINE_BYTES = 64 * 1024;

export class Mother {
  readonly #process: ReturnType<typeof startLongLived>;
  readonly #listening = new Deferred<boolean>();
  readonly #gone = new Deferred();
  readonly #complaints = new Capture(null);
  readonly #onEnd: (end: MotherEnd) => void;
  readonly #onLoaded: MotherOptions['onLoaded'];
  #hasEnded = false;

  constructor({ interpreter, script, env, path, files, seconds, onEnd, onLoaded }: MotherOptions) {
    this.#onEnd = onEnd;
    this.#onLoaded = onLoaded;
    const limits = [String(files), String(seconds)];
    const program = [interpreter.file, ...interpreter.args, PROGRAM];
    const args = [...program, path, script, ...limits, 'x'.repeat(ROOM_BYTES)];
    // A disk that hangs while the interpreter is started holds the shell, and not this process.
    this.#process = startLongLived('/bin/sh', ['-c', 'exec "$0" "$@"', ...args], {
      ...env,
      ATD_ROOM: 'x'.repeat(ROOM_BYTES),
    });
    this.#process.unref();
    const { stdin, stdout, stderr } = this.#process;
    const lines = new LineSplitter(MAX_LINE_BYTES, (line) => this.#read(line));
    stdout.on('data', (chunk: Buffer) => lines.push(chunk));
    stderr.on('data', (chunk: Buffer) => this.#complaints.push(chunk));
    for (const stream of [stdin, stdout, stderr]) stream.on('error', ignore);
    this.#process.once('exit', (code, signal) => {
      this.#gone.resolve();
      const said = lastLine(this.#complaints.text());
      const reason = `its mother ended: ${signal ?? `exit code ${code}`}${said === '' ? '' : `: ${said}`}`;
      this.#end({ code: 'died', reason, forGood: false });
    });
    this.#process.then(({ originalMessage }) => {
      this.#gone.resolve();
      this.#end({ code: 'died', reason: String(originalMessage), forGood: false });
    }, ignore);
  }

  get pid(): number | null {
    return this.#process.pid ?? null;
  }

  /** Settles when it can be connected to, or with false when it cannot. */
  get listening(): Promise<boolean> {
    return this.#listening.promise;
  }

  /** Settles when its process is gone. Never rejects. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /** Has it end behind the children that still run. */
  retire(): void {
    this.#process.stdin.end();
  }

  /** No child runs. */
  async close(): Promise<void> {
    this.retire();
    await withinTime(this.gone, END_MS);
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill('SIGKILL');
    await withinTime(this.gone, END_MS);
  }

  #read(line: string): void {
    const message = parse(line);
    if (message['kind'] === 'listening') this.#listening.resolve(true);
    else if (message['kind'] === 'loaded') this.#onLoaded(Number(message['modules']), Number(message['cpuMs']));
    else if (message['kind'] === 'over') {
      const [code, reason] = [String(message['code']), String(message['reason'])];
      this.#end({ code, reason, forGood: message['forGood'] === true });
    }
  }

  #end(end: MotherEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#listening.resolve(false);
    this.#onEnd(end);
  }
}

/** Looks upwards, because the build also bundles this file into one that stands in another folder. */
const PROGRAM = ((): string => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'libexec')) && folder !== dirname(folder)) folder = dirname(folder);
  return join(folder, 'libexec/prefork/mother.py');
})();

function parse(line: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

function ignore(): void {}
