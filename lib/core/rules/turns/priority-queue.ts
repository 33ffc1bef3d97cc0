/** A binary heap, the lowest `at` first; of two that are alike the one that was added or moved first. */

export interface Queued {
  /** The lower, the sooner. It may change only while it is not in the heap, or by `moved`. */
  at: number;
  /** Given by the heap. */
  order: number;
  /** Its index in the heap; -1 outside. */
  place: number;
}

export class PriorityQueue<Item extends Queued> implements Iterable<Item> {
  readonly #items: Item[] = [];
  #order = 0;

  get first(): Item | null {
    return this.#items[0] ?? null;
  }

  /** In no order. */
  [Symbol.iterator](): Iterator<Item> {
    return this.#items[Symbol.iterator]();
  }

  add(item: Item): void {
    item.order = this.#order;
    this.#order += 1;
    item.place = this.#items.length;
    this.#items.push(item);
    this.#rise(item);
  }

  remove(item: Item): void {
    const last = this.#items.pop() as Item;
    if (last !== item) {
      this.#put(last, item.place);
      this.#rise(last);
      this.#sink(last);
    }
    item.place = -1;
  }

  /** It is later than it was. */
  moved(item: Item): void {
    item.order = this.#order;
    this.#order += 1;
    this.#sink(item);
  }

  #rise(item: Item): void {
    while (item.place > 0) {
      const parent = this.#items[(item.place - 1) >> 1] as Item;
      if (!isBefore(item, parent)) return;
      this.#swap(item, parent);
    }
  }

  #sink(item: Item): void {
    for (;;) {
      const left = this.#items[item.place * 2 + 1];
      const right = this.#items[item.place * 2 + 2];
      const child = right !== undefined && isBefore(right, left as Item) ? right : left;
      if (child === undefined || !isBefore(child, item)) return;
      this.#swap(item, child);
    }
  }

  #swap(a: Item, b: Item): void {
    const { place } = a;
    this.#put(a, b.place);
    this.#put(b, place);
  }

  #put(item: Item, place: number): void {
    this.#items[place] = item;
    item.place = place;
  }
}

function isBefore(a: Queued, b: Queued): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at;
}
