/** Writes the state file of `emit`, each line on the disk before anything follows from it. */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { AtdError } from '../../errors.js';
import { isProcessGone } from '../who.js';
import type { Announcement } from './announcement.js';
import { type EmitHead, type EmitLine, type EmitState, lineOf, stateOf } from './emit-state.js';

export class StateFile {
  readonly path: string;
  readonly #descriptor: number;

  private constructor(path: string, flags: 'wx' | 'a') {
    this.path = path;
    this.#descriptor = openSync(path, flags, 0o600);
  }

  /** @throws AtdError ATD_USAGE where it cannot be written */
  static create(given: string | null, head: EmitHead, files: readonly Announcement[]): StateFile {
    const path = given === null ? join(stateDirectory(), `emit-${head.id}.jsonl`) : resolve(given);
    return attempt(path, () => {
      mkdirSync(dirname(path), { recursive: true });
      const file = new StateFile(path, 'wx');
      file.write({ head }, ...files.map((one) => ({ file: one })), file.#owner());
      return file;
    });
  }

  /** @throws AtdError ATD_USAGE where it is none, or another process is at it */
  static goOn(given: string): { readonly file: StateFile; readonly state: EmitState } {
    const path = resolve(given);
    const state = stateOf(
      attempt(path, () => readFileSync(path, 'utf8')),
      path,
    );
    const { owner } = state;
    if (owner !== null && owner.pid !== process.pid && !(owner.host === hostname() && isProcessGone(owner.pid))) {
      const remedy = owner.host === hostname() ? 'wait for it, or end it' : 'go on there, or delete this line of it';
      const where = `process ${owner.pid} of ${owner.host}`;
      throw new AtdError('ATD_USAGE', `${where} is at ${path}, as its last line with "owner" says; ${remedy}`);
    }
    return attempt(path, () => {
      const file = new StateFile(path, 'a');
      // What stands there may be half a line.
      writeSync(file.#descriptor, '\n');
      file.write(file.#owner());
      return { file, state };
    });
  }

  write(...lines: readonly EmitLine[]): void {
    writeSync(this.#descriptor, lines.map(lineOf).join(''));
    fsyncSync(this.#descriptor);
  }

  /** All that it says has been done. */
  remove(): void {
    closeSync(this.#descriptor);
    rmSync(this.path, { force: true });
  }

  #owner(): EmitLine {
    return { owner: { host: hostname(), pid: process.pid } };
  }
}

function stateDirectory(): string {
  const state = process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state');
  return join(state, 'atd-ingestion');
}

function attempt<Answer>(path: string, act: () => Answer): Answer {
  try {
    return act();
  } catch (cause) {
    const { message } = cause as Error;
    throw new AtdError('ATD_USAGE', `the state file ${path} cannot be used: ${message}; name one by --state`, {
      cause,
    });
  }
}
