/** A terminal that a command takes for itself, and gives back as it was on every way out. */
import { writeSync } from 'node:fs';
import { emitKeypressEvents } from 'node:readline';
import type { Key } from './top-state.js';

/** The other page of the terminal, so that what stood there is there again afterwards; no cursor; no line goes on in the next. */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const ERASE_LINE = '\u001b[K';
const ERASE_BELOW = '\u001b[J';

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

export interface ScreenEvents {
  readonly onKey: (key: Key) => void;
  /** It has another size, or is to be drawn anew. */
  readonly onChange: () => void;
  /** Nobody looks at it any more. */
  readonly onGone: () => void;
}

export class TerminalScreen {
  #isTaken = false;

  take({ onKey, onChange, onGone }: ScreenEvents): void {
    process.once('exit', () => this.give());
    for (const signal of SIGNALS) {
      process.once(signal, () => {
        this.give();
        // By the signal itself, as who has started this can see then.
        process.kill(process.pid, signal);
      });
    }
    process.on('SIGTSTP', () => this.suspend());
    process.on('SIGCONT', () => {
      this.#enter();
      onChange();
    });
    process.stdout.on('error', onGone);
    process.stdout.on('resize', onChange);
    if (process.stdin.isTTY === true) {
      emitKeypressEvents(process.stdin);
      process.stdin.on('keypress', (text: string | undefined, key: { name?: string; ctrl?: boolean } | undefined) => {
        onKey({ name: key?.name ?? text ?? '', ctrl: key?.ctrl === true });
      });
      process.stdin.on('error', onGone);
      process.stdin.on('end', onGone);
    }
    this.#enter();
  }

  get columns(): number {
    return process.stdout.columns || 80;
  }

  get rows(): number {
    return process.stdout.rows || 24;
  }

  /** In one write, so that no half of it is seen. */
  draw(lines: readonly string[]): void {
    if (!this.#isTaken) return;
    const text = lines.map((line) => `${line}${ERASE_LINE}`).join('\r\n');
    process.stdout.write(`${HOME}${text}${ERASE_BELOW}`);
  }

  /** SIGCONT brings it back. */
  suspend(): void {
    this.give();
    process.kill(process.pid, 'SIGSTOP');
  }

  /** Synchronously: the process may end with the next line. */
  give(): void {
    if (!this.#isTaken) return;
    this.#isTaken = false;
    // One may be gone and the other not.
    for (const restore of [
      () => process.stdin.isTTY === true && process.stdin.setRawMode(false),
      () => writeSync(1, LEAVE),
    ]) {
      try {
        restore();
      } catch {
        // There is no terminal any more.
      }
    }
  }

  #enter(): void {
    if (this.#isTaken) return;
    this.#isTaken = true;
    if (process.stdin.isTTY === true) process.stdin.setRawMode(true).resume();
    process.stdout.write(ENTER);
  }
}
