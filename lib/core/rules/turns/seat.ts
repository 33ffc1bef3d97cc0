/** What the scheduler keeps of lanes and tenants, and of each tenant in each lane. */
import type { Lane } from '../../../types.js';
import { Fifo, type Linked } from './fifo.js';
import type { PriorityQueue, Queued } from './priority-queue.js';

/** What the scheduler needs to know of the item it orders. */
export interface Schedulable<Item> extends Linked<Item> {
  readonly tenant: string | null;
  readonly lane: Lane;
  readonly bytes: number;
}

export interface LaneState<Item extends Schedulable<Item>> {
  readonly name: Lane;
  /** Those that may be given a slot. */
  readonly turns: PriorityQueue<Seat<Item>>;
  /** Where the tenant stood that had the last turn. */
  virtualTime: number;
  /** Jobs waiting, delayed ones included. */
  jobs: number;
}

export interface Tenant<Item extends Schedulable<Item>> {
  readonly tenant: string | null;
  weight: number;
  /** The first of its seats; only of lanes that it has had jobs in. */
  seat: Seat<Item> | null;
  /** Waiting, delayed ones included. */
  jobs: number;
  /** Of these, those of the lowest lane. */
  backfill: number;
  running: number;
  isPaused: boolean;
}

/** A tenant's queue in one lane, with its place among those of the others. */
export class Seat<Item extends Schedulable<Item>> extends Fifo<Item> implements Queued {
  readonly tenant: Tenant<Item>;
  readonly lane: LaneState<Item>;
  /** The tenant's next seat: with very many tenants, each list of them would be two more places in memory to fetch. */
  readonly next: Seat<Item> | null;
  at: number;
  place = -1;

  constructor(tenant: Tenant<Item>, lane: LaneState<Item>) {
    super();
    this.tenant = tenant;
    this.lane = lane;
    this.next = tenant.seat;
    this.at = lane.virtualTime;
  }
}
