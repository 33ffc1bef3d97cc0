/** One piece of work after the other, and of each kind no more in the line than are done soon: who asks may be gone by their turn. */

export class OneByOne {
  readonly #most: number;
  readonly #inLine = new Map<string, number>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(most: number) {
    this.#most = most;
  }

  /** @throws Error where as many of this kind are in the line */
  async run<T>(kind: string, work: () => Promise<T>): Promise<T> {
    const before = this.#inLine.get(kind) ?? 0;
    if (before >= this.#most) throw new Error(`${before} others ask for it already; try again in a moment`);
    this.#inLine.set(kind, before + 1);
    const next = this.#last.then(work);
    this.#last = next.catch(() => undefined);
    try {
      return await next;
    } finally {
      this.#inLine.set(kind, (this.#inLine.get(kind) ?? 1) - 1);
    }
  }
}
