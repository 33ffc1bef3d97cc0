/** Tells people by a webhook. Looks on alone: nothing waits for it, and what it cannot send is counted and said in the log. */
import type { Effect, EngineEvent } from '../core/events.js';
import type { LogLevel } from '../types.js';
import { lettersText, messageOf, type Notice, Notices } from './notices.js';
import { Outbox } from './outbox.js';
import { post } from './webhook.js';

export interface SenderParts {
  /** As they are now. */
  readonly settings: () => { readonly webhook: string | null; readonly max_lag: number | null };
  /** Who tells: the machine and the group. */
  readonly from: string;
  /** Messages that are not done; null where it is not known. */
  readonly lag: () => number | null;
  /** Milliseconds since the epoch, on a clock that never goes back. */
  readonly now: () => number;
  readonly onResult: (result: 'sent' | 'lost') => void;
  readonly log: (level: LogLevel, event: string, fields: Record<string, unknown>) => void;
}

const LAG_MS = 30_000;

export class NoticeSender {
  readonly #parts: SenderParts;
  readonly #notices = new Notices();
  readonly #outbox = new Outbox();
  readonly #ended = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #lagTimer: NodeJS.Timeout | null = null;
  #isSending = false;

  constructor(parts: SenderParts) {
    this.#parts = parts;
  }

  /** From now on the lag is looked at. */
  start(): void {
    this.#lagTimer = setInterval(() => this.lookAtLag(), LAG_MS);
    this.#lagTimer.unref();
  }

  observe(event: EngineEvent, effects: readonly Effect[]): void {
    this.#tell(this.#notices.observe(event, effects));
  }

  reloadRefused(error: string): void {
    this.#tell([this.#notices.reloadRefused(error)]);
  }

  /** Now and then, and so is what waits: a machine that slept has late timers. */
  lookAtLag(): void {
    const { max_lag: most, webhook } = this.#parts.settings();
    if (webhook !== null && most !== null) this.#tell(this.#notices.lag(this.#parts.lag(), most));
    this.#goOn();
  }

  /** What was not sent is lost. */
  close(): void {
    this.#ended.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#lagTimer !== null) clearInterval(this.#lagTimer);
    for (const notice of this.#outbox.clear()) this.#lost(notice, 'the service ends');
  }

  #tell(notices: readonly Notice[]): void {
    if (notices.length === 0 || this.#ended.signal.aborted) return;
    // Whoever sets one later is not told of what was before.
    if (this.#parts.settings().webhook === null) return this.#notices.forgetLetters(this.#notices.letters);
    for (const notice of notices) this.#outbox.add(notice, this.#parts.now());
    this.#goOn();
  }

  #goOn(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const at = this.#outbox.nextAt();
    if (at === null || this.#isSending || this.#ended.signal.aborted) return;
    this.#timer = setTimeout(() => void this.#send(), Math.max(0, at - this.#parts.now()));
    this.#timer.unref();
  }

  async #send(): Promise<void> {
    const notice = this.#outbox.due(this.#parts.now());
    if (notice !== null) {
      this.#isSending = true;
      await this.#sendOne(notice);
      this.#isSending = false;
    }
    this.#goOn();
  }

  async #sendOne(notice: Notice): Promise<void> {
    const { webhook } = this.#parts.settings();
    const letters = notice.kind === 'letters' ? this.#notices.letters : new Map();
    // What came while the one before was under way may have been told by it.
    const isOld = notice.kind === 'letters' && letters.size === 0;
    if (webhook === null || isOld) return this.#outbox.forget(notice.kind);
    const text = notice.kind === 'letters' ? lettersText(letters) : notice.text;
    const posted = await post(webhook, messageOf(text, this.#parts.from), this.#ended.signal);
    if (this.#ended.signal.aborted) return;
    const now = this.#parts.now();
    const isOver = posted.kind === 'taken' || posted.isForGood || this.#outbox.isLast(notice.kind);
    if (!isOver) return this.#outbox.postpone(notice, now);
    this.#outbox.settle(notice, now);
    this.#notices.forgetLetters(letters);
    if (posted.kind === 'refused') return this.#lost({ kind: notice.kind, text }, posted.reason);
    this.#parts.onResult('sent');
    this.#parts.log('info', 'notice.sent', { about: notice.kind, text });
  }

  #lost({ kind, text }: Notice, reason: string): void {
    this.#parts.onResult('lost');
    this.#parts.log('warn', 'notice.lost', { about: kind, text, reason });
  }
}
