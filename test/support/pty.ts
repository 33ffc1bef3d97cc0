/** The command line on a terminal of its own, with a size, keys and signals. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Env } from './cli.js';
import { PACKAGE_ROOT } from './package-root.js';
import { patience, waitUntil } from './processes.js';
import { Terminal } from './terminal.js';

const RUNNER = join(PACKAGE_ROOT, 'test/fixtures/on-terminal.py');
const DEADLINE_MS = 15_000;
/** A command that hangs must not hold the test. */
const KILL_MS = patience(180_000);

export interface TerminalEnd {
  readonly code: number | null;
  /** Its number. */
  readonly signal: number | null;
  /** Whether the terminal reads lines and shows what is typed, as before. */
  readonly isCooked: boolean;
}

export class OnTerminal {
  readonly terminal: Terminal;
  readonly ended: Promise<TerminalEnd>;
  readonly #send: (order: object) => void;
  #why: string | null = null;

  constructor(t: TestContext, args: readonly string[], [columns, rows]: readonly [number, number], env: Env = {}) {
    this.terminal = new Terminal(columns, rows);
    const command = [process.execPath, join(PACKAGE_ROOT, 'bin/atd-ingestion'), ...args];
    const child = spawn('python3', [RUNNER, String(columns), String(rows), ...command], {
      env: { PATH: process.env['PATH'] ?? '', TERM: 'xterm-256color', ...env },
      timeout: KILL_MS,
    });
    child.stdin.on('error', () => undefined);
    this.#send = (order) => child.stdin.write(`${JSON.stringify(order)}\n`);
    let [stderr, defect]: [string, unknown] = ['', null];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      try {
        this.terminal.write(text);
      } catch (error) {
        defect ??= error;
      }
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    this.ended = once(child, 'close').then(() => {
      this.#why = `it has ended: ${stderr.trim()}`;
      if (defect !== null) throw defect;
      return JSON.parse(stderr) as TerminalEnd;
    });
    // Who does not wait for the end is to see what it waits for.
    this.ended.catch(() => undefined);
    t.after(async () => {
      this.signal('SIGKILL');
      await this.ended.catch(() => undefined);
    });
  }

  /** Waits for a screen that looks like this. */
  async shows(pattern: RegExp): Promise<void> {
    const isShown = () => pattern.test(this.terminal.text);
    try {
      await waitUntil(isShown, DEADLINE_MS, `${pattern} on the terminal`, () => this.#why);
    } catch (error) {
      throw new Error(`${(error as Error).message}; it shows\n${this.terminal.text}`);
    }
  }

  press(keys: string): void {
    this.#send({ write: keys });
  }

  resize(columns: number, rows: number): void {
    [this.terminal.columns, this.terminal.rows] = [columns, rows];
    this.#send({ size: [columns, rows] });
  }

  signal(name: NodeJS.Signals): void {
    this.#send({ signal: constants.signals[name] });
  }
}
