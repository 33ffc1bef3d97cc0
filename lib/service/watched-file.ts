/**
 * A file that others replace. Its directory is watched, not the file itself: editors and Kubernetes put another file, or a
 * link to one, in its place. Now and then it is read all the same, for no notice comes from a network disk, nor of what lies
 * behind a link to another directory.
 */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { DistantFile } from '../util/distant-file.js';

export interface WatchedFileEvents {
  readonly changed: (text: string) => void;
  /** It cannot be read any more; it is looked at further. */
  readonly unreadable: (reason: string) => void;
}

type Contents = { readonly text: string } | { readonly error: string };

/** A file is believed when two looks, so far apart, find the same: one that is still being written is found to change. */
const SETTLE_MS = 200;
const LOOK_MS = 10_000;
/** What Kubernetes replaces in a directory of a ConfigMap; the files are links that lead through it. */
const CONFIG_MAP_LINK = '..data';

export class WatchedFile {
  readonly #file: string;
  readonly #distant: DistantFile;
  readonly #distantDirectory: DistantFile;
  readonly #events: WatchedFileEvents;
  /** What was reported last, and what the last look has found. */
  #reported: Contents;
  #seen: Contents;
  #watcher: FSWatcher | null = null;
  /** Which directory is watched: another one may come to have its name. */
  #directory: string | null = null;
  #soonTimer: NodeJS.Timeout | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isLooking = false;
  #isClosed = false;

  /** @param text what is known of it already */
  constructor(file: string, text: string, events: WatchedFileEvents) {
    this.#file = file;
    this.#distant = new DistantFile(file);
    this.#distantDirectory = new DistantFile(dirname(file));
    this.#events = events;
    this.#reported = { text };
    this.#seen = { text };
  }

  start(): void {
    this.#timer = setInterval(() => void this.#look(), LOOK_MS).unref();
    void this.#look();
  }

  close(): void {
    this.#isClosed = true;
    this.#watcher?.close();
    for (const timer of [this.#soonTimer, this.#timer]) if (timer !== null) clearTimeout(timer);
  }

  #lookSoon(): void {
    if (this.#soonTimer !== null || this.#isClosed) return;
    this.#soonTimer = setTimeout(() => {
      this.#soonTimer = null;
      void this.#look();
    }, SETTLE_MS).unref();
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return this.#lookSoon();
    this.#isLooking = true;
    // In this order: what changes behind the look is then noticed.
    await this.#watchDirectory();
    const found = await read(this.#distant);
    this.#isLooking = false;
    if (this.#isClosed) return;
    const isSettled = isSame(found, this.#seen);
    this.#seen = found;
    if (isSame(found, this.#reported)) return;
    if (!isSettled) return this.#lookSoon();
    this.#reported = found;
    if ('text' in found) this.#events.changed(found.text);
    else this.#events.unreadable(found.error);
  }

  async #watchDirectory(): Promise<void> {
    const found = await this.#distantDirectory.look().catch(() => null);
    const identity = found?.identity ?? null;
    if (this.#isClosed || identity === this.#directory) return;
    this.#unwatch();
    if (identity === null) return;
    try {
      this.#watcher = watch(dirname(this.#file), { persistent: false }, (_, name) => {
        if (name === null || name === basename(this.#file) || name === CONFIG_MAP_LINK) this.#lookSoon();
      });
      this.#watcher.on('error', () => this.#unwatch());
      this.#directory = identity;
    } catch {
      // Where the system has no notices left, or none at all, the looks have to do.
    }
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = null;
    this.#directory = null;
  }
}

async function read(file: DistantFile): Promise<Contents> {
  try {
    // To open a pipe waits for who writes to it.
    if (!(await file.look()).isFile) return { error: 'it is no regular file' };
    return { text: await file.read() };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

function isSame(one: Contents, other: Contents): boolean {
  return 'text' in one ? 'text' in other && one.text === other.text : 'error' in other && one.error === other.error;
}
