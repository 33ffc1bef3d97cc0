/**
 * Reads files of other people's disks while the service runs. A network disk that hangs holds who asks it, for ever and even
 * against KILL: this process could not end any more, whichever of its threads had asked. So a small program asks, and is
 * given up where there is no answer in time. On a machine without such programs this process asks, beside its event loop.
 */
import { type ExecFileException, execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';

/** Nobody waits for longer; a healthy disk needs some milliseconds. */
const ANSWER_MS = 10_000;
/** From a disk's silence to the next question: each may leave a process behind that nothing ends. */
const SILENCE_MS = 60_000;
/** A longer file is a mistake. */
const MAX_BYTES = 16 * 1024 * 1024;
const TOO_LARGE = `it has more than ${MAX_BYTES} bytes`;

/** What stands at a path, every link followed. */
export interface Found {
  /** Another file or directory has another one. */
  readonly identity: string;
  readonly isFile: boolean;
}

export class DistantFile {
  readonly #file: string;
  #reading: Promise<string> | null = null;
  #looking: Promise<Found> | null = null;
  #silentUntil = Number.NEGATIVE_INFINITY;

  constructor(file: string) {
    this.#file = resolve(file);
  }

  /** What stands in it. Who asks while it is being read gets the same. @throws Error that says why it cannot be read */
  read(): Promise<string> {
    this.#reading ??= this.#ask('cat', ['--', this.#file])
      .then((said) => said ?? readHere(this.#file))
      .finally(() => {
        this.#reading = null;
      });
    return this.#reading;
  }

  /** @throws Error that says why nobody can tell, or that there is nothing */
  look(): Promise<Found> {
    this.#looking ??= this.#ask('stat', ['-L', '-c', '%d:%i %F', '--', this.#file])
      .then((said) => (said === null ? lookHere(this.#file) : foundIn(said)))
      .finally(() => {
        this.#looking = null;
      });
    return this.#looking;
  }

  /** What the program says; null where there is none of that name. */
  #ask(program: string, args: readonly string[]): Promise<string | null> {
    const late = `no answer of the disk about ${this.#file} after ${ANSWER_MS / 1000} s`;
    if (performance.now() < this.#silentUntil) return Promise.reject(new Error(late));
    return new Promise((answer, refuse) => {
      const env = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' };
      const options = { cwd: '/', env, maxBuffer: MAX_BYTES, encoding: 'utf8' } as const;
      const child = execFile(program, args, options, (error, stdout, stderr) => {
        clearTimeout(timer);
        if (error === null) answer(stdout);
        else if (error.code === 'ENOENT') answer(null);
        else refuse(new Error(reasonOf(error, stderr)));
      });
      const giveUp = (): void => {
        this.#silentUntil = performance.now() + SILENCE_MS;
        child.kill('SIGKILL');
        // It may never end: nothing waits for that.
        child.unref();
        child.stdout?.destroy();
        child.stderr?.destroy();
        refuse(new Error(late));
      };
      // On a busy machine the loop may have stood still until then: an answer that came meanwhile counts.
      const timer = setTimeout(() => setImmediate(giveUp), ANSWER_MS);
    });
  }
}

/** `cat: /etc/list: No such file or directory` without the program's name. */
function reasonOf(error: ExecFileException, stderr: string): string {
  if (String(error.code) === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return TOO_LARGE;
  const said = stderr.trim().replace(/^(?:cat|stat): /, '');
  return said === '' ? error.message : said;
}

function foundIn(said: string): Found {
  const [identity = '', ...kind] = said.trim().split(' ');
  return { identity, isFile: kind.includes('regular') };
}

async function readHere(file: string): Promise<string> {
  if ((await stat(file)).size > MAX_BYTES) throw new Error(TOO_LARGE);
  return readFile(file, 'utf8');
}

async function lookHere(file: string): Promise<Found> {
  const found = await stat(file);
  return { identity: `${found.dev}:${found.ino}`, isFile: found.isFile() };
}

/** The text of a file that somebody may change, as it was when it was read last. */
export class LatestText {
  readonly #file: DistantFile;
  readonly #textOf: (contents: string) => string;
  #text: string;

  /** @param contents what is known to stand in it */
  constructor(file: string, contents: string, textOf = (whole: string) => whole) {
    this.#file = new DistantFile(file);
    this.#textOf = textOf;
    this.#text = textOf(contents);
  }

  get text(): string {
    return this.#text;
  }

  /** Reads it again. Where that fails the text stays: the file is being replaced, or its disk does not answer. */
  async refresh(): Promise<void> {
    const contents = await this.#file.read().catch(() => null);
    if (contents !== null) this.#text = this.#textOf(contents);
  }
}
