/** The scheduler alone: whose job is next, out of so many tenants that all have work. */
import { Scheduler } from '../../../lib/core/rules/turns/scheduler.js';
import type { Schedulable } from '../../../lib/core/rules/turns/seat.js';
import { answer } from './program.js';

export interface DecisionsQuestion {
  readonly tenants: number;
  readonly decisions: number;
}

export interface DecisionsAnswer {
  /** Time of the processor: whoever else is at work there costs nothing. */
  readonly seconds: number;
}

interface Item extends Schedulable<Item> {}

/** Sizes that no short cycle of turns repeats. */
const SIZES = 97;
const MIB = 1024 * 1024;

answer(async ({ tenants, decisions }: DecisionsQuestion): Promise<DecisionsAnswer> => {
  const scheduler = new Scheduler<Item>({ weights: new Map(), maxRunning: 4, share: 32 });
  for (let n = 0; n < tenants; n += 1)
    scheduler.push({ tenant: `tenant${n}`, lane: 'normal', bytes: ((n % SIZES) + 1) * MIB, behind: null });
  /** A job has its turn, ends, and comes again: so all tenants have work all the time, and nothing is made or thrown away. */
  const decide = (times: number): void => {
    for (let n = 0; n < times; n += 1) {
      const next = scheduler.next(0);
      if (next === null) throw new Error('a tenant with work was not found');
      scheduler.done(next);
      scheduler.push(next);
    }
  };
  decide(decisions);
  const before = process.cpuUsage();
  decide(decisions);
  const { user, system } = process.cpuUsage(before);
  return { seconds: (user + system) / 1e6 };
});
