/**
 * Which job is next: one FIFO per tenant, and of the tenants the one that was given least so far, in bytes of files divided
 * by its weight. One that comes new, or comes back, begins where the others are, so that a tenant that floods the topic delays
 * it by one job each at most. Retries wait here too, by the time they are due, and hold no slot meanwhile.
 */
import { Fifo } from './fifo.js';
import { PriorityQueue, type Queued } from './priority-queue.js';

/** What the scheduler needs to know of the item it orders. */
export interface Schedulable {
  readonly tenant: string | null;
  readonly bytes: number;
}

export interface FairnessRules {
  /** Shares of tenants other than 1. */
  readonly weights: ReadonlyMap<string, number>;
  /** Jobs of one tenant that may run at the same time. */
  readonly maxRunning: number;
  /** Jobs of one tenant that count against the shared bounds, at most; the rest waits beside them. */
  readonly share: number;
}

export interface TenantLoad {
  readonly tenant: string | null;
  readonly weight: number;
  /** Delayed ones included. */
  readonly waiting: number;
  /** Of these, those that would run if it were their turn. */
  readonly due: number;
  readonly running: number;
  readonly isPaused: boolean;
}

interface Tenant<Item> extends Queued {
  readonly tenant: string | null;
  readonly weight: number;
  readonly queue: Fifo<Item>;
  /** Waiting, delayed ones included. */
  jobs: number;
  running: number;
  isPaused: boolean;
}

/** What each file costs beyond its bytes: the start of a loader and a block of its own. */
const FILE_COST = 1024 * 1024;
/** Tenants without jobs that are remembered before it is looked which of them can be forgotten. */
const IDLE_TENANTS = 64;

export class Scheduler<Item extends Schedulable> {
  readonly #rules: FairnessRules;
  /** A tenant stays when its jobs are done: what it was given lately counts when it comes back. */
  readonly #tenants = new Map<string | null, Tenant<Item>>();
  /** Those that may be given a slot. */
  readonly #turns = new PriorityQueue<Tenant<Item>>();
  /** Where the tenant stood that had the last turn. */
  #virtualTime = 0;
  #forgetAt = IDLE_TENANTS;
  #paused: ReadonlySet<string | null> = new Set();
  /** Latest first, so that the next one due is popped from the end. */
  #delayed: { readonly at: number; readonly item: Item }[] = [];
  #jobs = 0;
  #ready = 0;
  #bytes = 0;

  constructor(rules: FairnessRules) {
    this.#rules = rules;
  }

  /** Jobs waiting, delayed ones included. */
  get jobs(): number {
    return this.#jobs;
  }

  /** The same with no more than a share of each tenant. */
  get ready(): number {
    return this.#ready;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get delayed(): number {
    return this.#delayed.length;
  }

  push(item: Item): void {
    const tenant = this.#tenantOf(item);
    this.#count(tenant, item, 1);
    this.#enqueue(tenant, item);
  }

  /** Keeps `item` back until `at` (milliseconds on the caller's clock). */
  delay(item: Item, at: number): void {
    this.#count(this.#tenantOf(item), item, 1);
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

  /** Takes the job whose turn it is, or null when none may run. It counts as running until `done`. */
  next(now: number): Item | null {
    this.#release(now);
    const tenant = this.#turns.first;
    if (tenant === null) return null;
    this.#virtualTime = tenant.at;
    const item = tenant.queue.shift() as Item;
    tenant.at += (item.bytes + FILE_COST) / tenant.weight;
    tenant.running += 1;
    this.#count(tenant, item, -1);
    if (this.#mayRun(tenant)) this.#turns.moved(tenant);
    else this.#turns.remove(tenant);
    return item;
  }

  /** A job that `next` gave runs no more, or never did. */
  done(item: Item): void {
    const tenant = this.#tenantOf(item);
    tenant.running -= 1;
    this.#admit(tenant);
  }

  isPaused(tenant: string | null): boolean {
    return this.#paused.has(tenant);
  }

  /** From now on the jobs of these tenants wait, and those of all others have their turns. */
  pause(tenants: ReadonlySet<string | null>): void {
    this.#paused = tenants;
    for (const tenant of this.#tenants.values()) {
      const isPaused = tenants.has(tenant.tenant);
      if (isPaused === tenant.isPaused) continue;
      const before = this.#readyOf(tenant);
      tenant.isPaused = isPaused;
      this.#ready += this.#readyOf(tenant) - before;
      if (isPaused && tenant.place >= 0) this.#turns.remove(tenant);
      this.#admit(tenant);
    }
  }

  /** Drops all jobs for which `unwanted` holds and returns them. */
  drop(unwanted: (item: Item) => boolean): Item[] {
    const dropped: Item[] = [];
    for (const tenant of this.#tenants.values()) {
      dropped.push(...tenant.queue.keep((item) => !unwanted(item)));
      if (tenant.place >= 0 && tenant.queue.length === 0) this.#turns.remove(tenant);
    }
    dropped.push(...this.#delayed.filter(({ item }) => unwanted(item)).map(({ item }) => item));
    this.#delayed = this.#delayed.filter(({ item }) => !unwanted(item));
    for (const item of dropped) this.#count(this.#tenantOf(item), item, -1);
    return dropped;
  }

  /** Tenants with jobs. */
  tenants(): TenantLoad[] {
    const busy = [...this.#tenants.values()].filter(({ jobs, running }) => jobs + running > 0);
    return busy.map(({ tenant, weight, jobs, queue, running, isPaused }) => {
      return { tenant, weight, waiting: jobs, due: queue.length, running, isPaused };
    });
  }

  /** All jobs that wait, in no order. */
  *items(): Generator<Item> {
    for (const { queue } of this.#tenants.values()) yield* queue;
    for (const { item } of this.#delayed) yield item;
  }

  #release(now: number): void {
    for (let due = this.#delayed.at(-1); due !== undefined && due.at <= now; due = this.#delayed.at(-1)) {
      this.#delayed.pop();
      this.#enqueue(this.#tenantOf(due.item), due.item);
    }
  }

  #enqueue(tenant: Tenant<Item>, item: Item): void {
    tenant.queue.push(item);
    this.#admit(tenant);
  }

  #mayRun({ queue, running, isPaused }: Tenant<Item>): boolean {
    return queue.length > 0 && running < this.#rules.maxRunning && !isPaused;
  }

  #admit(tenant: Tenant<Item>): void {
    if (tenant.place >= 0 || !this.#mayRun(tenant)) return;
    tenant.at = Math.max(tenant.at, this.#virtualTime);
    this.#turns.add(tenant);
  }

  #tenantOf({ tenant: name }: Item): Tenant<Item> {
    const known = this.#tenants.get(name);
    if (known !== undefined) return known;
    if (this.#tenants.size >= this.#forgetAt) this.#forgetIdle();
    const weight = this.#rules.weights.get(name ?? '') ?? 1;
    const tenant: Tenant<Item> = {
      tenant: name,
      weight,
      queue: new Fifo(),
      jobs: 0,
      running: 0,
      isPaused: this.#paused.has(name),
      at: this.#virtualTime,
      order: 0,
      place: -1,
    };
    this.#tenants.set(name, tenant);
    return tenant;
  }

  /** Those that would begin where the others are if they came back. */
  #forgetIdle(): void {
    const isSlack = this.#turns.first === null;
    for (const [name, { jobs, running, at }] of this.#tenants) {
      if (jobs + running === 0 && (isSlack || at <= this.#virtualTime)) this.#tenants.delete(name);
    }
    this.#forgetAt = Math.max(IDLE_TENANTS, this.#tenants.size * 2);
  }

  #readyOf({ jobs, isPaused }: Tenant<Item>): number {
    return isPaused ? 0 : Math.min(jobs, this.#rules.share);
  }

  #count(tenant: Tenant<Item>, item: Item, sign: 1 | -1): void {
    const before = this.#readyOf(tenant);
    tenant.jobs += sign;
    this.#ready += this.#readyOf(tenant) - before;
    this.#jobs += sign;
    this.#bytes += sign * item.bytes;
  }
}
