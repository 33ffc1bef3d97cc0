/** A queue that is linked through its items, so that it takes no memory of its own for each. */

export interface Linked<Item> {
  /** The one behind it in its queue; null for the last, and outside of any. */
  behind: Item | null;
}

export class Fifo<Item extends Linked<Item>> implements Iterable<Item> {
  #first: Item | null = null;
  #last: Item | null = null;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  *[Symbol.iterator](): Generator<Item> {
    for (let item = this.#first; item !== null; item = item.behind) yield item;
  }

  push(item: Item): void {
    item.behind = null;
    if (this.#last === null) this.#first = item;
    else this.#last.behind = item;
    this.#last = item;
    this.#length += 1;
  }

  shift(): Item | undefined {
    const item = this.#first;
    if (item === null) return undefined;
    this.#first = item.behind;
    if (this.#first === null) this.#last = null;
    item.behind = null;
    this.#length -= 1;
    return item;
  }

  /** Keeps what is wanted. Returns the rest. */
  keep(wanted: (item: Item) => boolean): Item[] {
    const rest: Item[] = [];
    for (let left = this.#length; left > 0; left -= 1) {
      const item = this.shift() as Item;
      if (wanted(item)) this.push(item);
      else rest.push(item);
    }
    return rest;
  }
}
