/** A copy of the built project in which a module can be changed while its tests run. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { type Reach, readReach } from './reach.js';

/** Bounds the CPU time, which a busy machine does not stretch, of a loop that has become endless. */
const LIMITED = 'ulimit -t "$0" && exec "$@"';
/** For one that waits for ever. */
const WALL_MS = 180_000;
const MEMORY_MIB = 512;
/** The model of the engine's world plays fewer interleavings than in the test suite, and always the same. */
const MODEL = { INTERLEAVINGS: '200', SEED: '1' };

/** What changes; everything else is a link. */
const COPIED = ['dist', 'lib', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];

export type Verdict = 'passed' | 'failed' | 'timeout';

export interface Run {
  readonly verdict: Verdict;
  readonly cpuSeconds: number;
  readonly output: string;
}

export class Tree {
  readonly #root: string;
  /** The process group that runs now. */
  #running: number | null = null;

  constructor() {
    this.#root = mkdtempSync(join(tmpdir(), 'atd-mutants-'));
    for (const name of readdirSync(PACKAGE_ROOT)) {
      const [from, to] = [join(PACKAGE_ROOT, name), join(this.#root, name)];
      if (COPIED.includes(name)) cpSync(from, to, { recursive: true });
      else if (name !== '.git') symlinkSync(from, to);
    }
    mkdirSync(this.#temporary);
  }

  get #temporary(): string {
    return join(this.#root, '.tmp');
  }

  path(file: string): string {
    return join(this.#root, file);
  }

  read(file: string): string {
    return readFileSync(this.path(file), 'utf8');
  }

  write(file: string, source: string): void {
    writeFileSync(this.path(file), source);
  }

  remove(): void {
    if (this.#running !== null) killGroup(this.#running);
    rmSync(this.#root, { recursive: true, force: true });
  }

  /** @param test a compiled test file, `dist/test/core/engine.test.js` */
  async run(test: string, cpuSeconds: number): Promise<Run> {
    return await this.#run(test, cpuSeconds, {}).ended;
  }

  /** Whether the compiler takes `lib` as it is here. */
  async compiles(): Promise<boolean> {
    const compiler = join(PACKAGE_ROOT, 'node_modules/typescript/bin/tsc');
    const args = [compiler, '--noEmit', '--project', 'tsconfig.build.json'];
    const child = spawn(process.execPath, args, { cwd: this.#root, stdio: 'ignore' });
    const [code] = (await once(child, 'exit')) as [number | null];
    return code === 0;
  }

  async coverage(test: string, cpuSeconds: number): Promise<{ run: Run; reach: Reach }> {
    const directory = mkdtempSync(join(this.#temporary, 'reach-'));
    const { pid, ended } = this.#run(test, cpuSeconds, { NODE_V8_COVERAGE: directory });
    const run = await ended;
    return { run, reach: readReach(directory, pid) };
  }

  #run(test: string, cpuSeconds: number, env: Readonly<Record<string, string>>): { pid: number; ended: Promise<Run> } {
    const reporter = this.path('dist/test/mutation/end-at-failure.js');
    const directory = mkdtempSync(join(this.#temporary, 'run-'));
    const report = join(directory, 'report');
    const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
    const node = [
      process.execPath,
      `--max-old-space-size=${MEMORY_MIB}`,
      `--test-reporter=${reporter}`,
      `--test-reporter-destination=${report}`,
      test,
    ];
    const child = spawn('sh', ['-c', LIMITED, String(cpuSeconds), ...node], {
      cwd: this.#root,
      // A group of its own, so that nothing of it is left.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...inherited, ...MODEL, TMPDIR: directory, ...env },
    });
    const pid = child.pid as number;
    this.#running = pid;
    const ended = async (): Promise<Run> => {
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        killGroup(pid);
      }, WALL_MS);
      const output = Promise.all([text(child.stdout), text(child.stderr)]);
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
      clearTimeout(timer);
      killGroup(pid);
      this.#running = null;
      const run = {
        verdict: isLate || signal === 'SIGXCPU' || signal === 'SIGKILL' ? 'timeout' : code === 0 ? 'passed' : 'failed',
        cpuSeconds: code === 0 ? Number(readFileSync(report, 'utf8')) : 0,
        output: (await output).join(''),
      } as const;
      rmSync(directory, { recursive: true, force: true });
      return run;
    };
    return { pid, ended: ended() };
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing is left of it.
  }
}
