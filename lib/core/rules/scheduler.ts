/**
 * Which job is next: one FIFO per tenant, taken in turn, so that a tenant that floods the topic delays the others by one
 * job each at most. Retries wait here too, by the time they are due, and hold no slot meanwhile.
 */

/** What the scheduler needs to know of the item it orders. */
export interface Schedulable {
  readonly tenant: string | null;
  readonly bytes: number;
}

/** An array that is emptied from the front without moving its elements each time. */
class Fifo<T> {
  #items: T[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
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

  keep(wanted: (item: T) => boolean): T[] {
    const items = this.#items.slice(this.#head);
    this.#items = items.filter(wanted);
    this.#head = 0;
    return items.filter((item) => !wanted(item));
  }
}

export class Scheduler<Item extends Schedulable> {
  /**
   * Tenants with item; the order of the keys is the order of their turns. The last one stays when its item is done: most
   * topics have one tenant or a busy one, and to forget it and make it anew for each job costs more than all else here.
   */
  readonly #ready = new Map<string, Fifo<Item>>();
  /** Latest first, so that the next one due is popped from the end. */
  #delayed: { readonly at: number; readonly item: Item }[] = [];
  #jobs = 0;
  #bytes = 0;

  /** Jobs waiting, delayed ones included. */
  get jobs(): number {
    return this.#jobs;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get delayed(): number {
    return this.#delayed.length;
  }

  push(item: Item): void {
    this.#count(item, 1);
    this.#enqueue(item);
  }

  /** Keeps `item` back until `at` (milliseconds on the caller's clock). */
  delay(item: Item, at: number): void {
    this.#count(item, 1);
    let low = 0;
    let high = this.#delayed.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#delayed[middle] as { at: number }).at > at) low = middle + 1;
      else high = middle;
    }
    this.#delayed.splice(low, 0, { at, item });
  }

  /** When the next delayed job is due, or null. */
  nextDueAt(): number | null {
    return this.#delayed.at(-1)?.at ?? null;
  }

  /** Takes the job whose turn it is, or null when none is due. */
  next(now: number): Item | null {
    this.#release(now);
    if (this.#jobs === this.#delayed.length) return null;
    const [turn] = this.#ready;
    const [tenant, queue] = turn as [string, Fifo<Item>];
    const item = queue.shift() as Item;
    // A tenant that is alone keeps its turn.
    if (this.#ready.size > 1) {
      this.#ready.delete(tenant);
      if (queue.length > 0) this.#ready.set(tenant, queue);
    }
    this.#count(item, -1);
    return item;
  }

  /** Drops all item for which `unwanted` holds and returns it. */
  drop(unwanted: (item: Item) => boolean): Item[] {
    const dropped: Item[] = [];
    for (const [tenant, queue] of this.#ready) {
      dropped.push(...queue.keep((item) => !unwanted(item)));
      if (queue.length === 0) this.#ready.delete(tenant);
    }
    dropped.push(...this.#delayed.filter(({ item }) => unwanted(item)).map(({ item }) => item));
    this.#delayed = this.#delayed.filter(({ item }) => !unwanted(item));
    for (const item of dropped) this.#count(item, -1);
    return dropped;
  }

  #release(now: number): void {
    for (let due = this.#delayed.at(-1); due !== undefined && due.at <= now; due = this.#delayed.at(-1)) {
      this.#delayed.pop();
      this.#enqueue(due.item);
    }
  }

  #enqueue(item: Item): void {
    const tenant = item.tenant ?? '';
    const known = this.#ready.get(tenant);
    if (known !== undefined) return known.push(item);
    this.#forgetIdle();
    const queue = new Fifo<Item>();
    queue.push(item);
    this.#ready.set(tenant, queue);
  }

  /** A tenant without item, which is the only one, is not before one that has some. */
  #forgetIdle(): void {
    if (this.#ready.size !== 1) return;
    for (const [tenant, queue] of this.#ready) if (queue.length === 0) this.#ready.delete(tenant);
  }

  #count(item: Item, sign: 1 | -1): void {
    this.#jobs += sign;
    this.#bytes += sign * item.bytes;
  }
}
