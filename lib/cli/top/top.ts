/** `atd-ingestion top`: a service on a screen of its own, with keys. In a pipe it is `status`. */
import { setTimeout as delay } from 'node:timers/promises';
import { AtdError, ExitCode } from '../../errors.js';
import { setPaused, tokenIfGiven } from '../control.js';
import type { ParsedOptions } from '../options.js';
import { addressOf } from '../remote.js';
import { ask, status } from '../status.js';
import { hasColours } from '../terminal.js';
import { TerminalScreen } from './screen.js';
import { type Act, BEGIN, press, type TopState } from './top-state.js';
import { renderTop, type Shown, tenantsShown } from './top-view.js';

const EVERY_MS = 2_000;
const ANOTHER_VERSION = 'what answers is another version, whose status cannot be shown; try status --json';

export async function top(options: ParsedOptions): Promise<ExitCode> {
  const base = addressOf(options);
  const token = tokenIfGiven(options);
  if (process.stdout.isTTY !== true) return status(options);
  const screen = new TerminalScreen();
  try {
    return await new Top(base, token, screen).run();
  } finally {
    screen.give();
  }
}

class Top {
  readonly #base: string;
  readonly #token: string | null;
  readonly #screen: TerminalScreen;
  #state: TopState = BEGIN;
  #shown: Shown;

  constructor(base: string, token: string | null, screen: TerminalScreen) {
    this.#base = base;
    this.#token = token;
    this.#screen = screen;
    this.#shown = { report: null, error: null, message: null, url: base, hasToken: token !== null };
  }

  /** Resolves at once when it is to end, also while an answer is awaited. */
  async run(): Promise<ExitCode> {
    const ended = new Promise<void>((resolve) => {
      this.#screen.take({
        onKey: (key) => {
          const { state, act } = press(this.#state, key, tenantsShown(this.#shown, this.#state));
          this.#state = state;
          this.#shown = { ...this.#shown, message: null };
          if (act?.kind === 'quit') return resolve();
          if (act !== null) this.#perform(act);
          this.#draw();
        },
        onChange: () => this.#draw(),
        onGone: resolve,
      });
    });
    this.#draw();
    await Promise.race([ended, this.#watch()]);
    return ExitCode.ok;
  }

  async #watch(): Promise<never> {
    for (;;) {
      await this.#ask();
      this.#draw();
      await delay(EVERY_MS);
    }
  }

  async #ask(): Promise<void> {
    try {
      const report = await ask(this.#base);
      this.#shown = { ...this.#shown, report, error: null };
    } catch (error) {
      if (!(error instanceof AtdError)) throw error;
      this.#shown = { ...this.#shown, error: error.message };
    }
  }

  #perform(act: Exclude<Act, { kind: 'quit' }>): void {
    if (act.kind === 'suspend') this.#screen.suspend();
    else void this.#pause(act.tenant);
  }

  async #pause(tenant: string | null): Promise<void> {
    const token = this.#token;
    if (token === null) return this.#say('a pause needs a token: --token-file, or http.token_file in the settings');
    const isPaused = this.#shown.report?.pauses.some((pause) => pause.tenant === tenant) === true;
    this.#say('…');
    try {
      this.#say(await setPaused(this.#base, token, tenant, !isPaused));
      await this.#ask();
      this.#draw();
    } catch (error) {
      this.#say((error as Error).message);
    }
  }

  #say(message: string): void {
    this.#shown = { ...this.#shown, message };
    this.#draw();
  }

  #draw(): void {
    const { columns, rows } = this.#screen;
    try {
      this.#screen.draw(renderTop(this.#shown, this.#state, { columns, rows, colours: hasColours() }));
    } catch {
      this.#shown = { ...this.#shown, report: null, error: ANOTHER_VERSION };
      this.#screen.draw(renderTop(this.#shown, this.#state, { columns, rows, colours: hasColours() }));
    }
  }
}
