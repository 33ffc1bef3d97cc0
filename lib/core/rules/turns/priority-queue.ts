/**
 * A heap of four children, the lowest time first; of two that are alike the one that was added or moved first. What is compared
 * stands side by side in one array of numbers: with very many in the heap each step down is a fetch from memory, and here the
 * four children of a step lie together and none of the items themselves is looked at.
 */

export interface Queued {
  /** The lower, the sooner. While it is in the heap, that is kept there: see `moved`. */
  at: number;
  /** Given by the heap: its index there; -1 outside. */
  place: number;
}

const CHILDREN = 4;
const FIRST_CAPACITY = 16;

export class PriorityQueue<Item extends Queued> implements Iterable<Item> {
  readonly #items: Item[] = [];
  /** Of each item when it is due, and its number in the order of arrival. */
  #keys = new Float64Array(2 * FIRST_CAPACITY);
  #order = 0;

  get first(): Item | null {
    return this.#items[0] ?? null;
  }

  /** When the first is due. */
  get firstAt(): number {
    return this.#keys[0] as number;
  }

  /** In no order. */
  [Symbol.iterator](): Iterator<Item> {
    return this.#items[Symbol.iterator]();
  }

  add(item: Item): void {
    const place = this.#items.length;
    if (this.#keys.length === 2 * place) {
      const keys = new Float64Array(4 * place);
      keys.set(this.#keys);
      this.#keys = keys;
    }
    this.#items.push(item);
    this.#rise(place, item, item.at, this.#nextOrder());
  }

  remove(item: Item): void {
    const { place } = item;
    item.at = this.#keys[2 * place] as number;
    item.place = -1;
    const last = this.#items.pop() as Item;
    if (last === item) return;
    const from = 2 * this.#items.length;
    const [at, order] = [this.#keys[from] as number, this.#keys[from + 1] as number];
    if (place > 0 && this.#isBefore(at, order, (place - 1) >> 2)) this.#rise(place, last, at, order);
    else this.#sink(place, last, at, order);
  }

  /** The first one is due later than it was. */
  firstMoved(at: number): void {
    this.#sink(0, this.#items[0] as Item, at, this.#nextOrder());
  }

  #nextOrder(): number {
    this.#order += 1;
    return this.#order;
  }

  #isBefore(at: number, order: number, place: number): boolean {
    const other = this.#keys[2 * place] as number;
    return at === other ? order < (this.#keys[2 * place + 1] as number) : at < other;
  }

  #rise(from: number, item: Item, at: number, order: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 2;
      if (!this.#isBefore(at, order, parent)) break;
      this.#put(
        place,
        this.#items[parent] as Item,
        this.#keys[2 * parent] as number,
        this.#keys[2 * parent + 1] as number,
      );
      place = parent;
    }
    this.#put(place, item, at, order);
  }

  #sink(from: number, item: Item, at: number, order: number): void {
    const count = this.#items.length;
    const keys = this.#keys;
    let place = from;
    for (;;) {
      const firstChild = place * CHILDREN + 1;
      if (firstChild >= count) break;
      const end = Math.min(firstChild + CHILDREN, count);
      let least = firstChild;
      let leastAt = keys[2 * least] as number;
      let leastOrder = keys[2 * least + 1] as number;
      for (let child = firstChild + 1; child < end; child += 1) {
        const childAt = keys[2 * child] as number;
        if (childAt > leastAt) continue;
        const childOrder = keys[2 * child + 1] as number;
        if (childAt === leastAt && childOrder > leastOrder) continue;
        least = child;
        leastAt = childAt;
        leastOrder = childOrder;
      }
      if (at < leastAt || (at === leastAt && order < leastOrder)) break;
      this.#put(place, this.#items[least] as Item, leastAt, leastOrder);
      place = least;
    }
    this.#put(place, item, at, order);
  }

  #put(place: number, item: Item, at: number, order: number): void {
    this.#items[place] = item;
    this.#keys[2 * place] = at;
    this.#keys[2 * place + 1] = order;
    item.place = place;
  }
}
