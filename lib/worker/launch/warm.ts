/**
 * Keeps one bundled loader (`lib/loader/warm.ts`) for many jobs, instead of a process for each. What ends a job early ends the
 * loader, and the next job gets a new one; so does every thousandth, lest anything grow, the one after a load that left much
 * memory behind, and the first after an upgrade or a change of what Node itself trusts. A job has begun when the loader says that
 * it took it: if it dies before, the job is none the worse. Before a job the loader looks at its file.
 */
import { statSync } from 'node:fs';
import { killGroup } from '../../processes/leftovers.js';
import { cpuMsOf, isStopped, residentBytes } from '../../processes/process-table.js';
import type { Command } from '../../types.js';
import { withinTime } from '../../util/deadline.js';
import { Deferred } from '../../util/deferred.js';
import { lookHere } from '../../util/look.js';
import { LineSplitter } from '../output/line-splitter.js';
import { failed } from './direct.js';
import type { ChildListener, Exit, Launch, Launcher, Look, Looker, LookRequest } from './launcher.js';
import { startLongLived } from './long-lived.js';
import { spawnErrorBehind } from './spawn-errors.js';

export const JOBS_PER_LOADER = 1_000;
/** What a loader may hold between two jobs. One that has loaded only small files holds a tenth. */
export const MAX_RESIDENT_BYTES = 512 * 1024 * 1024;

/** More than the loader puts into one line, of which the longest has a long list of allowed roots. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;
/** From the end of its input to its end. */
const END_MS = 2_000;
/** How long its last words may still come after its end. */
const DRAIN_MS = 500;
/** How often a loader with a job is looked at. */
const LOOK_MS = 1_000;
/** What belongs to a job and not to the process that runs it. */
const OF_THE_JOB = /^(ATD_|CLICKHOUSE_|TRACEPARENT$)/;
/** Variables that name files which Node reads once. */
const READ_AT_START = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'];

interface Job {
  readonly listener: ChildListener;
  readonly exited: Deferred<Exit>;
  /** Wakes a loader that somebody stopped, perhaps long before: it belongs to no one job. */
  readonly watch: NodeJS.Timeout;
  taken: boolean;
}

export class WarmLauncher implements Launcher, Looker {
  readonly name = 'warm';
  readonly #onChange: (launcher: Launcher) => void;
  #loader: WarmLoader | null = null;
  /** Looks that were begun or given up. */
  #looks = 0;

  /** @param onChange called with each new loader */
  constructor(onChange: (launcher: Launcher) => void) {
    this.#onChange = onChange;
  }

  get pid(): number | null {
    return this.#loader?.pid ?? null;
  }

  async launch(command: Command, listener: ChildListener): Promise<Launch> {
    const [script, ...args] = command.args;
    // The same outcome as where every job is a process: no argument can hold a NUL.
    if (script === undefined || command.args.some((arg) => arg.includes('\0'))) {
      return { kind: 'failed', code: 'ERR_INVALID_ARG_VALUE', message: 'an argument contains a NUL' };
    }
    const loader = await this.#loaderFor(command);
    return loader instanceof WarmLoader ? loader.load(args, command.env, listener) : loader;
  }

  async look(request: LookRequest, command: Command): Promise<Look | null> {
    this.#looks += 1;
    const look = this.#looks;
    const loader = await this.#loaderFor(command);
    // Given up before it was begun.
    if (look !== this.#looks) return null;
    // Why there is no loader the start for the job will say.
    return loader instanceof WarmLoader ? loader.look(request) : lookHere(request);
  }

  abandon(): void {
    this.#looks += 1;
    if (this.#loader?.abandon() === true) this.#loader = null;
  }

  async close(): Promise<void> {
    await this.#loader?.retire();
  }

  /** The one that there is, or a new one; else why there is none. */
  async #loaderFor(command: Command): Promise<WarmLoader | Launch> {
    if (this.#loader?.fits(command) === true) return this.#loader;
    void this.#loader?.retire();
    this.#loader = null;
    let loader: WarmLoader;
    try {
      loader = new WarmLoader(command);
    } catch (error) {
      return failed(await spawnErrorBehind(error));
    }
    const failure = await loader.failure();
    if (failure !== null) return failure;
    this.#loader = loader;
    this.#onChange(this);
    return loader;
  }
}

class WarmLoader {
  readonly #process: ReturnType<typeof start>;
  readonly #kind: string;
  readonly #edition: string;
  readonly #ended = new Deferred();
  readonly #outputEnded = new Deferred();
  #jobs = 0;
  /** Its CPU time up to the end of the last job: what is new at the next one's end is that one's. */
  #cpuMs = 0;
  #job: Job | null = null;
  #looked: Deferred<Look | null> | null = null;
  #alive = true;

  constructor(command: Command) {
    this.#kind = kindOf(command);
    this.#edition = editionOf(command);
    this.#process = start(command);
    const { stdin, stdout, stderr } = this.#process;
    const lines = new LineSplitter(MAX_LINE_BYTES, (line) => this.#read(line));
    stdout.on('data', (chunk: Buffer) => lines.push(chunk));
    stderr.on('data', (chunk: Buffer) => this.#job?.listener.stderr(chunk));
    for (const stream of [stdin, stdout, stderr]) stream.on('error', ignore);
    this.#process.once('exit', (code, signal) => void this.#end(code, signal));
    // Settles after the last of its output, and also where no process came of it.
    this.#process.then(() => {
      this.#alive = false;
      this.#outputEnded.resolve();
    }, ignore);
  }

  get pid(): number | null {
    return this.#process.pid ?? null;
  }

  /** Why it could not be started; null when it could. */
  async failure(): Promise<Launch | null> {
    if (this.#process.pid !== undefined) return null;
    const result = await this.#process;
    return failed(result.cause ?? result);
  }

  /** Whether it may take the job: the environment of a process cannot be changed from outside. */
  fits(command: Command): boolean {
    if (!this.#alive || this.#jobs >= JOBS_PER_LOADER || this.#kind !== kindOf(command)) return false;
    return this.#edition === editionOf(command);
  }

  load(args: readonly string[], env: Command['env'], listener: ChildListener): Launch {
    const watch = setInterval(() => this.#wake(), LOOK_MS);
    const job: Job = { listener, exited: new Deferred(), watch, taken: false };
    this.#job = job;
    this.#jobs++;
    listener.started(this.pid ?? 0);
    this.#process.stdin.write(`${JSON.stringify({ args, env })}\n`);
    return this.#running(job);
  }

  look(request: LookRequest): Promise<Look | null> {
    const looked = new Deferred<Look | null>();
    this.#looked = looked;
    this.#process.stdin.write(`${JSON.stringify({ look: request })}\n`);
    const watch = setInterval(() => this.#wake(), LOOK_MS);
    void looked.promise.then(() => clearInterval(watch));
    return looked.promise;
  }

  /**
   * Gives up the look under way, if there is one: a process that waits for a disk may not die before that answers, so nothing
   * here waits for its end.
   */
  abandon(): boolean {
    if (this.#looked === null) return false;
    this.#alive = false;
    this.#kill();
    this.#process.unref();
    for (const stream of [this.#process.stdin, this.#process.stdout, this.#process.stderr]) stream.destroy();
    this.#answer(null);
    return true;
  }

  /** Lets it end; kills it if it does not. No job runs. */
  async retire(): Promise<void> {
    if (!this.#alive) return;
    this.#alive = false;
    this.#process.stdin.end();
    const timer = setTimeout(() => this.#kill(), END_MS);
    await this.#ended.promise;
    clearTimeout(timer);
  }

  #read(line: string): void {
    const job = this.#job;
    if (job === null) return this.#readLook(line);
    const [kind, value] = parse(line);
    if (kind === 'taken') job.taken = true;
    else if (kind === 'out') job.listener.stdout(Buffer.from(String(value)));
    else if (kind === 'error') job.listener.stderr(Buffer.from(String(value)));
    else if (kind === 'end') {
      this.#finish(job);
      const cpuMs = this.#cpuSinceLastJob();
      job.exited.resolve({ kind: 'exited', code: Number(value), signal: null, alone: true, cpuMs });
      // Now, as the next job may be long in coming.
      if (this.pid !== null && residentBytes(this.pid) > MAX_RESIDENT_BYTES) void this.retire();
    } else job.listener.stdout(Buffer.from(`${line}\n`));
  }

  #cpuSinceLastJob(): number | null {
    const now = this.pid === null ? null : cpuMsOf(this.pid);
    if (now === null) return null;
    const spent = now - this.#cpuMs;
    this.#cpuMs = now;
    return spent;
  }

  #readLook(line: string): void {
    const [kind, value] = parse(line);
    if (kind === 'looked') this.#answer(value as Look);
  }

  #answer(look: Look | null): void {
    this.#looked?.resolve(look);
    this.#looked = null;
  }

  #running(job: Job): Launch {
    const { exited } = job;
    const outputEnded = exited.promise.then((exit) => {
      return exit.kind === 'exited' && !exit.alone ? this.#outputEnded.promise : undefined;
    });
    // A signal that was meant for this job must not hit the next, and others may hold its output open for ever.
    const release = (): void => {
      this.#alive = false;
      this.#kill();
      this.#finish(job);
      for (const stream of [this.#process.stdout, this.#process.stderr]) stream.destroy();
    };
    return { kind: 'running', child: { pid: this.pid ?? 0, exited: exited.promise, outputEnded, release } };
  }

  async #end(code: number | null, signal: string | null): Promise<void> {
    this.#alive = false;
    this.#ended.resolve();
    this.#answer(null);
    const job = this.#job;
    if (job === null) return;
    clearInterval(job.watch);
    // That it took the job may still have to be read.
    await withinTime(this.#outputEnded.promise, DRAIN_MS);
    const how = signal ?? `exit code ${code}`;
    const lost: Exit = { kind: 'lost', begun: false, reason: `the warm loader ended before it took the job: ${how}` };
    job.exited.resolve(job.taken ? { kind: 'exited', code, signal, alone: false } : lost);
  }

  #finish(job: Job): void {
    clearInterval(job.watch);
    if (this.#job === job) this.#job = null;
  }

  #wake(): void {
    if (this.pid !== null && this.#alive && isStopped(this.pid)) this.#process.kill('SIGCONT');
  }

  #kill(): void {
    if (this.#process.exitCode === null && this.#process.signalCode === null) killGroup(this.pid ?? 0);
  }
}

/** What a process is given once. */
function kindOf({ file, args, env }: Command): string {
  return JSON.stringify([file, args[0], Object.entries(env).filter(([name]) => !OF_THE_JOB.test(name))]);
}

function start({ file, args, env }: Command) {
  const lifelong = Object.fromEntries(Object.entries(env).filter(([name]) => !OF_THE_JOB.test(name)));
  return startLongLived(file, args.slice(0, 1), lifelong);
}

/**
 * Another one for another version of the loader or of its Node, and for other authorities where Node has read them at its start;
 * the same for none at all, whose start says so.
 */
function editionOf({ file, args, env }: Command): string {
  const readOnce = READ_AT_START.map((name) => env[name] ?? '');
  return [file, args[0] ?? '', ...readOnce].map(stateOf).join();
}

/** Installers may keep time and size of a file, but not the time of its last change. */
function stateOf(file: string): string {
  if (file === '') return '';
  try {
    const { dev, ino, size, ctimeMs } = statSync(file);
    return [dev, ino, size, ctimeMs].join(' ');
  } catch {
    return '';
  }
}

/** A line that is no answer is something that the process printed. */
function parse(line: string): readonly unknown[] {
  if (!line.startsWith('["')) return [];
  try {
    return JSON.parse(line) as readonly unknown[];
  } catch {
    return [];
  }
}

function ignore(): void {}
