/**
 * A member that may leave its group and join it again while the process lives on. Each membership has a consumer of its own, made
 * anew as by a restart: what a former one still has on its way reaches nobody.
 */
import { AtdError } from '../errors.js';
import type { ConsumerAdapter, ConsumerEvents, ConsumerHealth } from './consumer.js';

export interface MemberAdapter extends ConsumerAdapter {
  /** Resolves when the group has been left, or does without the member when its session is over. */
  leave(): Promise<void>;
  /** As `start`, after it has left. */
  join(): Promise<void>;
}

/** Of nobody anything is due. */
const OUT_OF_THE_GROUP: ConsumerHealth = { silentMs: null, dueMs: 0, obstacle: null };

export function createMember(make: (events: ConsumerEvents) => ConsumerAdapter, events: ConsumerEvents): MemberAdapter {
  return new Member(make, events);
}

class Member implements MemberAdapter {
  readonly #make: (events: ConsumerEvents) => ConsumerAdapter;
  readonly #events: ConsumerEvents;
  /** Null while it is out of the group. */
  #current: ConsumerAdapter | null;
  #leaving: Promise<void> = Promise.resolve();
  /** The last assignment of all consumers so far: each counts its own from 1. */
  #epoch = 0;
  /** Whether it is to be in the group, by who asked last. */
  #isWanted = true;
  #isStopped = false;

  constructor(make: (events: ConsumerEvents) => ConsumerAdapter, events: ConsumerEvents) {
    this.#make = make;
    this.#events = events;
    this.#current = this.#create();
  }

  start(): Promise<void> {
    return this.#startCurrent();
  }

  async join(): Promise<void> {
    this.#isWanted = true;
    await this.#leaving;
    // It may have to stay out after all: what a member is given that nobody drives, nobody reads.
    if (this.#isStopped || !this.#isWanted || this.#current !== null) return;
    this.#current = this.#create();
    await this.#startCurrent();
  }

  leave(): Promise<void> {
    this.#isWanted = false;
    const former = this.#current;
    this.#current = null;
    if (former !== null) this.#leaving = this.#leaving.then(() => former.stop()).catch(() => undefined);
    return this.#leaving;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([this.#leaving, this.#current?.stop()]);
  }

  pause(...[partitions]: Parameters<ConsumerAdapter['pause']>): void {
    this.#current?.pause(partitions);
  }

  resume(...[partitions]: Parameters<ConsumerAdapter['resume']>): void {
    this.#current?.resume(partitions);
  }

  async commit(...[offsets]: Parameters<ConsumerAdapter['commit']>): Promise<void> {
    if (this.#current === null) {
      throw new AtdError('ATD_KAFKA_CONSUMER', 'the group was left, so nothing was committed');
    }
    await this.#current.commit(offsets);
  }

  health(): ConsumerHealth {
    return this.#current?.health() ?? OUT_OF_THE_GROUP;
  }

  async #startCurrent(): Promise<void> {
    const own = this.#current;
    try {
      await own?.start();
    } catch (error) {
      // What keeps a former one from its start is no concern of anybody.
      if (this.#current === own) throw error;
    }
  }

  #create(): ConsumerAdapter {
    const before = this.#epoch;
    const whileCurrent =
      <Of extends readonly unknown[]>(tell: (...of: Of) => void) =>
      (...of: Of): void => {
        if (this.#current === own) tell(...of);
      };
    const own: ConsumerAdapter = this.#make({
      assigned: whileCurrent((epoch, partitions) => {
        this.#epoch = before + epoch;
        this.#events.assigned(this.#epoch, partitions);
      }),
      restored: whileCurrent((epoch, positions) => this.#events.restored(before + epoch, positions)),
      record: whileCurrent((record, defect) => this.#events.record(record, defect)),
      rebalancing: whileCurrent(() => this.#events.rebalancing()),
      restarting: whileCurrent((error) => this.#events.restarting(error)),
      failed: whileCurrent((error) => this.#events.failed(error)),
      waiting: whileCurrent((reason) => this.#events.waiting(reason)),
    });
    return own;
  }
}
