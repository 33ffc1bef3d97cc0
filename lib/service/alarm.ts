/** The only timer of the service: the engine says when it wants to be asked again. */
import { now } from './clock.js';

export class Alarm {
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | null = null;
  #at: number | null = null;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** @param at in milliseconds on the service's clock; null for never */
  set(at: number | null): void {
    if (at === this.#at) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#at = at;
    this.#timer = at === null ? null : setTimeout(() => this.#goOff(), Math.max(0, at - now()));
  }

  #goOff(): void {
    this.#at = null;
    this.#ring();
  }
}
