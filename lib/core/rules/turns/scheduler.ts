/**
 * Which job is next: of the highest lane, as a rule (`lanes.ts`), and within a lane of the tenant that was given least there so
 * far, in bytes of files divided by its weight. One that comes new, or comes back, begins where the others are, so that a
 * tenant that floods the topic delays it by one job each at most. Of one tenant and lane it is first in, first out. Retries
 * wait here too, by the time they are due, and hold no slot meanwhile.
 */
import { LANES, type Lane } from '../../../types.js';
import { LaneOrder, rankOf } from './lanes.js';
import { PriorityQueue } from './priority-queue.js';
import { type LaneState, type Schedulable, Seat, type Tenant } from './seat.js';

export interface FairnessRules {
  /** Shares of tenants other than 1. */
  readonly weights: ReadonlyMap<string, number>;
  /** Jobs of one tenant that may run at the same time. */
  readonly maxRunning: number;
  /**
   * Jobs of one tenant that count against the shared bounds, at most; the rest waits beside them. Of the backfill of all tenants
   * together no more count, so that what stands behind it in the topic is read, whosever it is.
   */
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

export interface LaneLoad {
  readonly lane: Lane;
  /** Delayed ones included. */
  readonly waiting: number;
  /** Of these, those of tenants that may be given a slot. */
  readonly due: number;
}

/** What each file costs beyond its bytes: the start of a loader and a block of its own. */
const FILE_COST = 1024 * 1024;
/** Tenants without jobs that are remembered before it is looked which of them can be forgotten. */
const IDLE_TENANTS = 64;
const BACKFILL = rankOf({ lane: 'backfill' });

export class Scheduler<Item extends Schedulable<Item>> {
  #rules: FairnessRules;
  /** A tenant stays when its jobs are done: what it was given lately counts when it comes back. */
  readonly #tenants = new Map<string | null, Tenant<Item>>();
  /** By rank. */
  readonly #lanes: readonly LaneState<Item>[] = LANES.map((name) => {
    return { name, turns: new PriorityQueue(), virtualTime: 0, jobs: 0 };
  });
  readonly #waiting = this.#lanes.map(({ turns }) => turns);
  readonly #order = new LaneOrder();
  #forgetAt = IDLE_TENANTS;
  #paused: ReadonlySet<string | null> = new Set();
  /** Latest first, so that the next one due is popped from the end. */
  #delayed: { readonly at: number; readonly item: Item }[] = [];
  #jobs = 0;
  #ready = 0;
  /** Jobs of the lowest lane, of tenants that are not paused. */
  #backfill = 0;
  #bytes = 0;

  constructor(rules: FairnessRules) {
    this.#rules = rules;
  }

  /** Jobs waiting, delayed ones included. */
  get jobs(): number {
    return this.#jobs;
  }

  /** The same with no more than a share of each tenant, and of all backfill. */
  get ready(): number {
    return this.#ready + Math.min(this.#backfill, this.#rules.share);
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
    const rank = this.#order.next(this.#waiting);
    if (rank === null) return null;
    const lane = this.#lanes[rank] as LaneState<Item>;
    const seat = lane.turns.first as Seat<Item>;
    const { tenant } = seat;
    const at = lane.turns.firstAt;
    lane.virtualTime = at;
    const item = seat.shift() as Item;
    const nextAt = at + (item.bytes + FILE_COST) / tenant.weight;
    tenant.running += 1;
    this.#count(tenant, item, -1);
    if (seat.length > 0 && this.#mayRun(tenant)) lane.turns.firstMoved(nextAt);
    else {
      lane.turns.remove(seat);
      seat.at = nextAt;
    }
    if (!this.#mayRun(tenant)) this.#withdraw(tenant);
    return item;
  }

  /** A job that `next` gave runs no more, or never did. */
  done(item: Item): void {
    const tenant = this.#tenantOf(item);
    tenant.running -= 1;
    this.#admit(tenant);
  }

  get isAnyPaused(): boolean {
    return this.#paused.size > 0;
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
      this.#recount(tenant, () => {
        tenant.isPaused = isPaused;
      });
      if (isPaused) this.#withdraw(tenant);
      else this.#admit(tenant);
    }
  }

  /** Takes other weights and bounds. What a tenant was given before counts as it did. */
  follow(rules: FairnessRules): void {
    this.#rules = rules;
    this.#ready = 0;
    for (const tenant of this.#tenants.values()) {
      tenant.weight = this.#weightOf(tenant.tenant);
      this.#ready += this.#readyOf(tenant)[0];
      if (this.#mayRun(tenant)) this.#admit(tenant);
      else this.#withdraw(tenant);
    }
  }

  /** Drops all jobs for which `unwanted` holds and returns them. */
  drop(unwanted: (item: Item) => boolean): Item[] {
    const dropped: Item[] = [];
    for (const seat of this.#seats()) {
      dropped.push(...seat.keep((item) => !unwanted(item)));
      if (seat.place >= 0 && seat.length === 0) seat.lane.turns.remove(seat);
    }
    dropped.push(...this.#delayed.filter(({ item }) => unwanted(item)).map(({ item }) => item));
    this.#delayed = this.#delayed.filter(({ item }) => !unwanted(item));
    for (const item of dropped) this.#count(this.#tenantOf(item), item, -1);
    return dropped;
  }

  /** Tenants with jobs. */
  tenants(): TenantLoad[] {
    const busy = [...this.#tenants.values()].filter(({ jobs, running }) => jobs + running > 0);
    return busy.map((state) => {
      const { tenant, weight, jobs, running, isPaused } = state;
      let due = 0;
      for (const { length } of seatsOf(state)) due += length;
      return { tenant, weight, waiting: jobs, due, running, isPaused };
    });
  }

  /** Each lane, the highest first. */
  lanes(): LaneLoad[] {
    return this.#lanes.map(({ name, turns, jobs }) => {
      let due = 0;
      for (const { length } of turns) due += length;
      return { lane: name, waiting: jobs, due };
    });
  }

  /** All jobs that wait, in no order. */
  *items(): Generator<Item> {
    for (const seat of this.#seats()) yield* seat;
    for (const { item } of this.#delayed) yield item;
  }

  #release(now: number): void {
    for (let due = this.#delayed.at(-1); due !== undefined && due.at <= now; due = this.#delayed.at(-1)) {
      this.#delayed.pop();
      this.#enqueue(this.#tenantOf(due.item), due.item);
    }
  }

  *#seats(): Generator<Seat<Item>> {
    for (const tenant of this.#tenants.values()) yield* seatsOf(tenant);
  }

  #enqueue(tenant: Tenant<Item>, item: Item): void {
    this.#seatOf(tenant, item).push(item);
    this.#admit(tenant);
  }

  #mayRun({ running, isPaused }: Tenant<Item>): boolean {
    return running < this.#rules.maxRunning && !isPaused;
  }

  /** Its jobs have their turns, in each lane. */
  #admit(tenant: Tenant<Item>): void {
    if (!this.#mayRun(tenant)) return;
    for (let { seat } = tenant; seat !== null; seat = seat.next) {
      if (seat.place >= 0 || seat.length === 0) continue;
      seat.at = Math.max(seat.at, seat.lane.virtualTime);
      seat.lane.turns.add(seat);
    }
  }

  #withdraw(tenant: Tenant<Item>): void {
    for (let { seat } = tenant; seat !== null; seat = seat.next) if (seat.place >= 0) seat.lane.turns.remove(seat);
  }

  #tenantOf({ tenant: name }: Item): Tenant<Item> {
    const known = this.#tenants.get(name);
    if (known !== undefined) return known;
    if (this.#tenants.size >= this.#forgetAt) this.#forgetIdle();
    const weight = this.#weightOf(name);
    const isPaused = this.#paused.has(name);
    const tenant: Tenant<Item> = { tenant: name, weight, seat: null, jobs: 0, backfill: 0, running: 0, isPaused };
    this.#tenants.set(name, tenant);
    return tenant;
  }

  #weightOf(name: string | null): number {
    return this.#rules.weights.get(name ?? '') ?? 1;
  }

  #seatOf(tenant: Tenant<Item>, item: Item): Seat<Item> {
    const lane = this.#lanes[rankOf(item)] as LaneState<Item>;
    for (let { seat } = tenant; seat !== null; seat = seat.next) if (seat.lane === lane) return seat;
    tenant.seat = new Seat(tenant, lane);
    return tenant.seat;
  }

  /** Those that would begin where the others are if they came back. */
  #forgetIdle(): void {
    const isEven = ({ at, lane }: Seat<Item>) => lane.turns.first === null || at <= lane.virtualTime;
    for (const [name, tenant] of this.#tenants) {
      if (tenant.jobs + tenant.running === 0 && [...seatsOf(tenant)].every(isEven)) this.#tenants.delete(name);
    }
    this.#forgetAt = Math.max(IDLE_TENANTS, this.#tenants.size * 2);
  }

  /** Keeps what counts as ready in step with a change of one tenant. */
  #recount(tenant: Tenant<Item>, change: () => void): void {
    const [jobs, backfill] = this.#readyOf(tenant);
    change();
    const [jobsNow, backfillNow] = this.#readyOf(tenant);
    this.#ready += jobsNow - jobs;
    this.#backfill += backfillNow - backfill;
  }

  #readyOf({ jobs, backfill, isPaused }: Tenant<Item>): readonly [jobs: number, backfill: number] {
    return isPaused ? [0, 0] : [Math.min(jobs - backfill, this.#rules.share), backfill];
  }

  #count(tenant: Tenant<Item>, item: Item, sign: 1 | -1): void {
    const rank = rankOf(item);
    this.#recount(tenant, () => {
      tenant.jobs += sign;
      if (rank === BACKFILL) tenant.backfill += sign;
    });
    (this.#lanes[rank] as LaneState<Item>).jobs += sign;
    this.#jobs += sign;
    this.#bytes += sign * item.bytes;
  }
}

function* seatsOf<Item extends Schedulable<Item>>(tenant: Tenant<Item>): Generator<Seat<Item>> {
  for (let { seat } = tenant; seat !== null; seat = seat.next) yield seat;
}
