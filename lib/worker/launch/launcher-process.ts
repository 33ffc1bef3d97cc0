/**
 * A launcher process of this thread, as the thread sees it: to it go commands, from it come pid, output and exit. Execa
 * starts and watches it, or a mother has forked it (`prefork/`). When it dies while a child runs, the child is lost.
 */
import type { Readable, Writable } from 'node:stream';
import { killDescendants } from '../../processes/leftovers.js';
import { isStopped, readStat } from '../../processes/process-table.js';
import type { Command } from '../../types.js';
import { Deferred } from '../../util/deferred.js';
import { lastLine } from '../../util/safe-text.js';
import { Capture } from '../output/capture.js';
import type {
  ChildListener,
  Exit,
  Launch,
  LaunchedChild,
  Launcher,
  Look,
  Looker,
  LookRequest,
  Lost,
} from './launcher.js';
import { type LauncherProgram, startProgram } from './launcher-program.js';
import { encodeLook, encodeRequest, RELEASE, type Reply, ReplyReader } from './launcher-protocol.js';
import { spawnErrorBehind } from './spawn-errors.js';

/** From the start of the process to its first message, and from the end of its input to its end. */
const START_MS = 20_000;
/** How often a launcher with a job is looked at. */
const LOOK_MS = 1_000;
/** From a command to the child's start, in looks: a program on a network disk may take its time. */
const LAUNCH_LOOKS = 60;
/** From the end of a child to the report of it, in looks. */
const REPORT_LOOKS = 5;
const END_MS = 2_000;

/** The child under way, or the one that has ended and was not released yet. */
interface CurrentJob {
  readonly command: Command;
  readonly listener: ChildListener;
  readonly launched: Deferred<Launch>;
  readonly exited: Deferred<Exit>;
  readonly outputEnded: Deferred;
  readonly open: Set<'stdout' | 'stderr'>;
  pid: number | null;
  /** Wakes a launcher that was stopped, and ends one that is silent although it should have reported. */
  readonly watch: NodeJS.Timeout;
  /** Looks in a row at which a report was due. */
  silentLooks: number;
}

/** How a launcher process is reached. */
export interface Wire {
  readonly name: string;
  /** Undefined where it could not be started, or tells it itself. */
  readonly pid: number | undefined;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable | null;
  readonly kill: (signal: 'SIGKILL' | 'SIGCONT', pid: number | undefined) => void;
  /** Lets this process end without it. */
  readonly unref: () => void;
  /** Settles with how it ended, after the last of its output. Never rejects. */
  readonly ended: Promise<string>;
}

/** Null when the program does not run on this machine. */
export async function startLauncher(program: LauncherProgram): Promise<LauncherProcess | null> {
  try {
    const launcher = new LauncherProcess(wireOf(program));
    return (await launcher.ready()) ? launcher : null;
  } catch (error) {
    // Without descriptors for its pipes, for example; the child's own error then says what is wrong.
    await spawnErrorBehind(error);
    return null;
  }
}

export function wireOf(program: LauncherProgram): Wire {
  const started = startProgram(program);
  return {
    name: program.name,
    pid: started.pid,
    stdin: started.stdin,
    stdout: started.stdout,
    stderr: started.stderr,
    kill: (signal) => void started.kill(signal),
    unref: () => started.unref(),
    // Settles after the last of its output: only the launcher holds the other end.
    ended: started.then(
      ({ exitCode, signal, originalMessage }) =>
        signal ?? (exitCode === undefined ? String(originalMessage) : `exit code ${exitCode}`),
    ),
  };
}

export class LauncherProcess implements Launcher, Looker {
  readonly name: string;
  readonly #wire: Wire;
  #pid: number | null;
  /** What it said of itself when it was ready. */
  #abilities: ReadonlyMap<string, string> = new Map();
  readonly #ready = new Deferred<boolean>();
  readonly #closed = new Deferred();
  readonly #complaints = new Capture(null);
  #job: CurrentJob | null = null;
  #looked: Deferred<Look | null> | null = null;
  #alive = true;

  constructor(wire: Wire) {
    this.name = wire.name;
    this.#wire = wire;
    this.#pid = wire.pid ?? null;
    const reader = new ReplyReader(
      (reply) => this.#take(reply),
      (stream, chunk) => {
        // What comes before the start of a child is from the one before.
        if (this.#job?.pid != null) this.#job.listener[stream](chunk);
      },
    );
    const { stdin, stdout, stderr } = wire;
    stdout.on('data', (chunk: Buffer) => reader.push(chunk));
    stderr?.on('data', (chunk: Buffer) => this.#complaints.push(chunk));
    for (const stream of [stdin, stdout, stderr]) stream?.on('error', ignore);
    void wire.ended.then((how) => this.#end(how));
  }

  get pid(): number | null {
    return this.#pid;
  }

  /** How long a child's environment may be, in bytes; null where it may be as long as the system allows. */
  get room(): number | null {
    const room = this.#abilities.get('room');
    return room === undefined ? null : Number(room);
  }

  get alive(): boolean {
    return this.#alive;
  }

  async ready(): Promise<boolean> {
    const timer = setTimeout(() => this.#kill(), START_MS);
    const ready = await this.#ready.promise;
    clearTimeout(timer);
    return ready;
  }

  launch(command: Command, listener: ChildListener): Promise<Launch> {
    if (!this.#alive) {
      return Promise.resolve({ kind: 'lost', begun: false, reason: `its launcher (${this.name}) has ended` });
    }
    const request = encodeRequest(command);
    if (request === null) {
      const message = 'an argument or a variable contains a NUL';
      return Promise.resolve({ kind: 'failed', code: 'ERR_INVALID_ARG_VALUE', message });
    }
    const job: CurrentJob = {
      command,
      listener,
      launched: new Deferred(),
      exited: new Deferred(),
      outputEnded: new Deferred(),
      open: new Set(),
      pid: null,
      watch: setInterval(() => this.#look(job), LOOK_MS),
      silentLooks: 0,
    };
    this.#job = job;
    this.#wire.stdin.write(request);
    return job.launched.promise;
  }

  look(request: LookRequest): Promise<Look | null> {
    if (!this.#alive) return Promise.resolve(null);
    const looked = new Deferred<Look | null>();
    this.#looked = looked;
    this.#wire.stdin.write(encodeLook(request));
    // Somebody may have stopped it since the last job.
    const watch = setInterval(() => this.#wake(), LOOK_MS);
    void looked.promise.then(() => clearInterval(watch));
    return looked.promise;
  }

  /** A process that waits for a disk may not die before that answers, so nothing here waits for its end. */
  abandon(): void {
    if (this.#looked === null) return;
    const { stdin, stdout, stderr } = this.#wire;
    this.#kill();
    this.#wire.unref();
    for (const stream of [stdin, stdout, stderr]) stream?.destroy();
    this.#end('given up while it looked at a file');
  }

  async close(): Promise<void> {
    if (!this.#alive) return;
    this.#wire.stdin.end();
    const timer = setTimeout(() => this.#kill(), END_MS);
    await this.#closed.promise;
    clearTimeout(timer);
  }

  #take(reply: Reply): void {
    if (reply.kind === 'ready') {
      const words = reply.abilities.split(' ').map((word) => word.split('='));
      this.#abilities = new Map(words.map(([name = '', value = '']) => [name, value]));
      this.#pid ??= Number(this.#abilities.get('pid') ?? Number.NaN) || null;
      return this.#ready.resolve(true);
    }
    if (reply.kind === 'looked') {
      this.#looked?.resolve(reply.look);
      this.#looked = null;
      return;
    }
    const job = this.#job;
    if (job === null) {
      if (reply.kind === 'turned-down') this.#letGo();
      return;
    }
    switch (reply.kind) {
      case 'started':
        job.pid = reply.pid;
        job.listener.started(reply.pid);
        job.silentLooks = 0;
        return job.launched.resolve({ kind: 'running', child: this.#childOf(job, reply.pid) });
      case 'failed':
        this.#finish();
        return job.launched.resolve({
          kind: 'failed',
          code: reply.code,
          message: `spawn ${job.command.file} ${reply.code}`,
        });
      case 'turned-down':
        this.#finish();
        return job.launched.resolve({ kind: 'lost', begun: false, reason: reply.reason });
      case 'exited':
        clearInterval(job.watch);
        if (reply.open.stdout) job.open.add('stdout');
        if (reply.open.stderr) job.open.add('stderr');
        if (job.open.size === 0) job.outputEnded.resolve();
        if (reply.alone) this.#finish();
        return job.exited.resolve(reply);
      case 'ended':
        job.open.delete(reply.stream);
        if (job.open.size === 0) job.outputEnded.resolve();
    }
  }

  #childOf(job: CurrentJob, pid: number): LaunchedChild {
    return {
      pid,
      exited: job.exited.promise,
      outputEnded: job.outputEnded.promise,
      release: () => {
        if (this.#job !== job) return;
        this.#finish();
        if (!this.#alive) return;
        // A daemon that cleared its environment has no marker, but has become a child of the launcher.
        if (this.#abilities.has('subreaper')) killDescendants(this.#pid ?? 0);
        this.#wire.stdin.write(RELEASE);
      },
    };
  }

  /**
   * A loader, or a person, may have stopped the launcher. It is woken then: its child may have ended well. A launcher that
   * runs and does not report an ended child, or no start at all, is stuck and is killed.
   */
  #look(job: CurrentJob): void {
    this.#wake();
    const isDue = job.pid === null || readStat(job.pid)?.state !== 'living';
    job.silentLooks = isDue ? job.silentLooks + 1 : 0;
    if (job.silentLooks >= (job.pid === null ? LAUNCH_LOOKS : REPORT_LOOKS)) this.#kill();
  }

  #wake(): void {
    if (this.#pid !== null && isStopped(this.#pid)) this.#wire.kill('SIGCONT', this.#pid);
  }

  /** It will start no child any more, and waits to be told to end. */
  #letGo(): void {
    this.#alive = false;
    this.#wire.stdin.end();
  }

  #kill(): void {
    this.#wire.kill('SIGKILL', this.#pid ?? undefined);
  }

  #finish(): void {
    if (this.#job !== null) clearInterval(this.#job.watch);
    this.#job = null;
  }

  #end(how: string): void {
    this.#alive = false;
    this.#ready.resolve(false);
    this.#closed.resolve();
    this.#looked?.resolve(null);
    this.#looked = null;
    const job = this.#job;
    this.#job = null;
    if (job === null) return;
    clearInterval(job.watch);
    const said = lastLine(this.#complaints.text());
    const reason = `its launcher (${this.name}) ended: ${how}${said === '' ? '' : `: ${said}`}`;
    const lost: Lost = { kind: 'lost', begun: true, reason };
    job.launched.resolve(lost);
    job.exited.resolve(lost);
    job.outputEnded.resolve();
  }
}

function ignore(): void {}
