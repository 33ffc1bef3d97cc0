/**
 * Has a Python loader's children forked from a mother, which has imported the loader's modules already. While there is none, and
 * for every attempt after a job's first, a child is executed as with `launcher`: so what fails only when it is forked costs a file
 * one attempt at most.
 */
import type { Command, MotherPlace, MotherWanted } from '../../../types.js';
import type { ChildListener, Launch, Launcher, Look, Looker, LookRequest } from '../launcher.js';
import type { LauncherProcess } from '../launcher-process.js';
import { type AskForMother, wantedBy } from './place.js';
import { forkLauncher } from './socket-wire.js';

const ATTEMPT_VARIABLE = 'ATD_ATTEMPT';
/** Before it is asked again for a mother that there was none of. */
const ASK_AGAIN_MS = 1_000;

/** What executes a child, and looks at files where it can. */
type Plain = Launcher & Partial<Pick<Looker, 'look' | 'abandon'>>;

export class PreforkLauncher implements Launcher, Looker {
  readonly #plain: Plain;
  readonly #ask: AskForMother;
  #key: string | null = null;
  #fork: LauncherProcess | null = null;
  #preparing: Promise<void> | null = null;
  /** For the present key: there is none, and none will be. */
  #isHopeless = false;
  #askAgainAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(plain: Plain, ask: AskForMother) {
    this.#plain = plain;
    this.#ask = ask;
  }

  get name(): string {
    return `prefork, ${this.#plain.name}`;
  }

  /** Of the one that this process has started, and has to reap. */
  get pid(): number | null {
    return this.#plain.pid;
  }

  async launch(command: Command, listener: ChildListener): Promise<Launch> {
    if (isRepeated(command)) return this.#plain.launch(command, listener);
    const wanted = wantedBy(command);
    if (wanted.key !== this.#key) this.#changeTo(wanted.key);
    const fork = this.#fork;
    if (fork?.alive === true) {
      if (!fits(command, fork)) return this.#plain.launch(command, listener);
      const launch = await fork.launch(command, listener);
      if (launch.kind !== 'lost' || launch.begun) return launch;
      // It was turned down, or its launcher died before: nothing of it has begun.
      this.#drop();
    }
    void this.#prepare(wanted);
    return this.#plain.launch(command, listener);
  }

  /** Whether the next such command would be forked as the last one, for all that is known here. */
  get isForking(): boolean {
    return this.#fork?.alive === true;
  }

  get canLook(): boolean {
    return this.#plain.look !== undefined;
  }

  /** Settles when the next such command is forked, or is not to be. */
  async prepared(command: Command): Promise<boolean> {
    const wanted = wantedBy(command);
    if (wanted.key !== this.#key) this.#changeTo(wanted.key);
    if (!this.isForking) await this.#prepare(wanted);
    return this.isForking;
  }

  async look(request: LookRequest, command: Command): Promise<Look | null> {
    return (await this.#plain.look?.(request, command)) ?? null;
  }

  abandon(): void {
    this.#plain.abandon?.();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#fork?.close(), this.#plain.close()]);
  }

  #changeTo(key: string): void {
    this.#drop();
    this.#key = key;
    this.#isHopeless = false;
    this.#askAgainAt = Number.NEGATIVE_INFINITY;
  }

  #drop(): void {
    void this.#fork?.close();
    this.#fork = null;
  }

  #prepare(wanted: MotherWanted): Promise<void> {
    if (this.#preparing !== null) return this.#preparing;
    if (this.#isHopeless || performance.now() < this.#askAgainAt) return Promise.resolve();
    this.#preparing = this.#find(wanted).finally(() => {
      this.#preparing = null;
    });
    return this.#preparing;
  }

  async #find(wanted: MotherWanted): Promise<void> {
    const place = await this.#ask(wanted);
    const fork = place.kind === 'socket' ? await forkLauncher(place.path) : null;
    if (wanted.key !== this.#key || this.#isClosed) return void fork?.close();
    this.#fork = fork;
    if (fork !== null) return;
    this.#isHopeless = isForGood(place);
    this.#askAgainAt = performance.now() + ASK_AGAIN_MS;
  }
}

function isForGood(place: MotherPlace): boolean {
  return place.kind === 'none' && place.forGood;
}

function isRepeated({ env }: Command): boolean {
  const attempt = env[ATTEMPT_VARIABLE];
  return attempt !== undefined && attempt !== '1';
}

/** Whether the environment has room where the kernel looks for it. */
function fits({ env }: Command, { room }: LauncherProcess): boolean {
  if (room === null) return true;
  let bytes = 0;
  for (const name in env) bytes += Buffer.byteLength(name) + Buffer.byteLength(env[name] as string) + 2;
  return bytes <= room;
}
