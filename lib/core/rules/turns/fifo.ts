/** An array that is emptied from the front without moving its elements each time. */
export class Fifo<T> implements Iterable<T> {
  #items: T[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  *[Symbol.iterator](): Generator<T> {
    for (let at = this.#head; at < this.#items.length; at += 1) yield this.#items[at] as T;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    // Then the head is at 0. An array that is emptied so keeps its memory.
    if (this.#items.length === 1) return this.#items.pop();
    const item = this.#items[this.#head];
    this.#head += 1;
    if (this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Keeps what is wanted. Returns the rest. */
  keep(wanted: (item: T) => boolean): T[] {
    const items = this.#items.slice(this.#head);
    this.#items = items.filter(wanted);
    this.#head = 0;
    return items.filter((item) => !wanted(item));
  }
}
