/** Writes the state file of `emit`, each line on the disk before anything follows from it. */
import { closeSync, constants, fsyncSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { AtdError } from '../../errors.js';
import { isProcessGone } from '../who.js';
import type { Announcement } from './announcement.js';
import { type EmitHead, type EmitLine, type EmitState, firstOwner, lineOf, type Owner, stateOf } from './emit-state.js';

/** Not to one that has gone meanwhile: another process has done all that it said. */
const APPEND = constants.O_WRONLY | constants.O_APPEND;

export class StateFile {
  readonly path: string;
  readonly #descriptor: number;

  private constructor(path: string, flags: 'wx' | number) {
    this.path = path;
    this.#descriptor = openSync(path, flags, 0o600);
  }

  /** @throws AtdError ATD_USAGE where it cannot be written */
  static create(given: string | null, head: EmitHead, files: readonly Announcement[]): StateFile {
    const name = `emit-${head.id}.jsonl`;
    // A user without an entry has no directory, and says so by an error.
    const path = given === null ? attempt(name, () => join(stateDirectory(), name)) : resolve(given);
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
    const text = attempt(path, () => readFileSync(path, 'utf8'));
    const state = stateOf(text, path);
    if (state.owner !== null && !isGone(state.owner)) throw occupied(path, state.owner);
    return attempt(path, () => {
      const file = new StateFile(path, APPEND);
      const own = file.#owner();
      // What stands there may be half a line.
      writeFileSync(file.#descriptor, '\n');
      file.write(own);
      // Another one may have read the same: who has written first is at it.
      const first = firstOwner(readFileSync(path, 'utf8').slice(text.length));
      if (first === null || isSame(first, own.owner)) return { file, state };
      file.write({ owner: first });
      throw occupied(path, first);
    });
  }

  write(...lines: readonly EmitLine[]): void {
    // To its end, where the disk takes it in pieces.
    writeFileSync(this.#descriptor, lines.map(lineOf).join(''));
    fsyncSync(this.#descriptor);
  }

  /** All that it says has been done. */
  remove(): void {
    closeSync(this.#descriptor);
    rmSync(this.path, { force: true });
  }

  #owner(): { readonly owner: Owner } {
    return { owner: { host: hostname(), pid: process.pid } };
  }
}

/** Whether its process is known to be gone. That of another host, or container, may have this one's number. */
function isGone({ host, pid }: Owner): boolean {
  return host === hostname() && (pid === process.pid || isProcessGone(pid));
}

function isSame(one: Owner, other: Owner): boolean {
  return one.host === other.host && one.pid === other.pid;
}

function occupied(path: string, { host, pid }: Owner): AtdError {
  const remedy = host === hostname() ? 'wait for it, or end it' : 'go on there, or delete this line of it';
  const where = `process ${pid} of ${host}`;
  return new AtdError('ATD_USAGE', `${where} is at ${path}, as its last line with "owner" says; ${remedy}`);
}

export function stateDirectory(): string {
  const state = process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state');
  return join(state, 'atd-ingestion');
}

function attempt<Answer>(path: string, act: () => Answer): Answer {
  try {
    return act();
  } catch (cause) {
    if (cause instanceof AtdError) throw cause;
    const { message } = cause as Error;
    throw new AtdError('ATD_USAGE', `the state file ${path} cannot be used: ${message}; name one by --state`, {
      cause,
    });
  }
}
