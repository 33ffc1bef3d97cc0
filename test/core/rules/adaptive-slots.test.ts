/** The number of slots that loads of many kinds lead to, on a simulated clock. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SlotChange } from '../../../lib/core/events.js';
import { AdaptiveSlots } from '../../../lib/core/rules/adaptive-slots.js';
import { outcome } from '../../support/engine.js';
import { seededRandom } from '../../support/random.js';

const MIB = 1024 * 1024;
const REFUSED = outcome('sink-unavailable', { reason: 'exit code 75: ClickHouse error 252: Too many parts' });

interface Loader {
  /** Seconds of a load that starts when so many run, with itself. */
  readonly seconds: (running: number, n: number) => number;
  readonly refuses?: (running: number) => boolean;
  readonly bytes?: (n: number) => number;
  /** How many loads there are to do at a time; more than any slots. */
  readonly work?: number;
}

interface Run {
  /** The limit after each end. */
  readonly limits: number[];
  readonly changes: SlotChange[];
  readonly seconds: number;
  readonly refusals: number;
}

/** Keeps every slot busy until so many loads have ended. */
function simulate(slots: AdaptiveSlots, loads: number, loader: Loader): Run {
  const { seconds, refuses = () => false, bytes = () => MIB, work = Number.POSITIVE_INFINITY } = loader;
  const running: {
    readonly startedAt: number;
    readonly endsAt: number;
    readonly bytes: number;
    readonly refused: boolean;
  }[] = [];
  const run: { limits: number[]; changes: SlotChange[]; refusals: number } = { limits: [], changes: [], refusals: 0 };
  let [now, n] = [0, 0];
  while (run.limits.length < loads) {
    while (running.length < Math.min(slots.limit, work)) {
      const refused = refuses(running.length + 1);
      const ms = refused ? 50 : 1000 * seconds(running.length + 1, n);
      running.push({ startedAt: now, endsAt: now + ms, bytes: bytes(n), refused });
      n += 1;
    }
    running.sort((a, b) => a.endsAt - b.endsAt);
    const first = running[0] as (typeof running)[0];
    now = Math.max(now, first.endsAt);
    const durationMs = first.endsAt - first.startedAt;
    const ended = first.refused ? REFUSED : outcome('succeeded', { durationMs });
    const end = { startedAt: first.startedAt, running: running.length, bytes: first.bytes, outcome: ended };
    const change = slots.ended(end, now);
    running.shift();
    if (change !== null) run.changes.push(change);
    if (first.refused) run.refusals += 1;
    run.limits.push(slots.limit);
  }
  return { ...run, seconds: now / 1000 };
}

const later = ({ limits }: Run): number[] => limits.slice(Math.floor(limits.length / 3));
const mean = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0) / numbers.length;

describe('AdaptiveSlots', () => {
  it('has a fixed number where it is not to adapt', () => {
    const slots = new AdaptiveSlots(7, false);
    const { limits, changes } = simulate(slots, 200, { seconds: (running) => running });
    assert.deepEqual([Math.min(...limits), Math.max(...limits), changes.length], [7, 7, 0]);
    assert.equal(slots.machine({ perProcessor: 99, freeMemory: 0 }, 0), null);
  });

  it('grows one by one to all that there may be, where each load takes as long', () => {
    const { limits, changes } = simulate(new AdaptiveSlots(16, true), 1_000, { seconds: () => 2 });
    assert.equal(limits[0], 4);
    assert.equal(limits.at(-1), 16);
    assert.ok(changes.every(({ slots, before, reason }) => slots === before + 1 && reason === 'useful'));
  });

  it('does not grow beyond what there is to do', () => {
    const { limits } = simulate(new AdaptiveSlots(16, true), 1_000, { seconds: () => 2, work: 6 });
    assert.equal(Math.max(...limits), 7);
  });

  for (const k of [1, 3, 8, 20]) {
    it(`settles around ${k} where more only wait for one another, and costs little of the throughput`, () => {
      const run = simulate(new AdaptiveSlots(40, true), 6_000, { seconds: (running) => Math.max(1, running / k) });
      const settled = later(run);
      assert.ok(Math.max(...settled) <= Math.max(k + 4, 1.6 * k), `up to ${Math.max(...settled)}`);
      assert.ok(Math.min(...settled) >= Math.floor(0.7 * k), `down to ${Math.min(...settled)}`);
      assert.ok(6_000 / run.seconds > 0.85 * k, `${(6_000 / run.seconds).toFixed(1)} loads a second of ${k}`);
    });
  }

  for (const k of [2, 6, 15]) {
    it(`stays at ${k} or below nearly all the time where more are refused`, () => {
      const run = simulate(new AdaptiveSlots(40, true), 6_000, { seconds: () => 1, refuses: (running) => running > k });
      const settled = later(run);
      const above = settled.filter((limit) => limit > k).length / settled.length;
      assert.ok(above < 0.2, `${(above * 100).toFixed(0)} % of the time above`);
      assert.ok(mean(settled) > 0.6 * k, `${mean(settled).toFixed(1)} on average`);
      assert.ok(run.refusals < 0.05 * 6_000, `${run.refusals} refusals`);
    });
  }

  for (const seed of [1, 2, 3, 4, 5]) {
    it(`does not collapse where loads take from half to three times as long, at random (seed ${seed})`, () => {
      const random = seededRandom(seed);
      const run = simulate(new AdaptiveSlots(16, true), 10_000, { seconds: () => 0.5 + 2.5 * random.next() ** 2 });
      assert.ok(mean(later(run)) > 10, `${mean(later(run)).toFixed(1)} of 16 on average`);
    });
  }

  it('does not take large files for slow ones', () => {
    const random = seededRandom(7);
    const sizes = Array.from({ length: 5_000 }, () => random.below(200) * MIB);
    const seconds = (_: number, n: number) => ((sizes[n % sizes.length] as number) / MIB + 1) * 0.05;
    const bytes = (n: number) => sizes[n % sizes.length] as number;
    const run = simulate(new AdaptiveSlots(16, true), 5_000, { seconds, bytes });
    assert.ok(mean(later(run)) > 14, `${mean(later(run)).toFixed(1)} of 16 on average`);
  });

  it('gives slots back that were taken for files that have become dearer', () => {
    const seconds = (_: number, n: number) => (n < 1_000 ? 1 : 3);
    const run = simulate(new AdaptiveSlots(16, true), 3_000, { seconds });
    const reasons = run.changes.map(({ reason }) => reason);
    assert.ok(reasons.includes('slower') && reasons.includes('not-slower'), String(new Set(reasons)));
    assert.equal(run.limits.at(-1), 16);
  });

  it('finds another number when ClickHouse takes more, or less', () => {
    const room = (n: number) => (n < 2_000 ? 4 : n < 6_000 ? 12 : 4);
    const seconds = (running: number, n: number) => Math.max(1, running / room(n));
    const { limits } = simulate(new AdaptiveSlots(40, true), 10_000, { seconds });
    const around = (from: number, to: number) => mean(limits.slice(from, to));
    for (const [from, to, k] of [
      [1_000, 2_000, 4],
      [4_500, 6_000, 12],
      [8_500, 10_000, 4],
    ] as const) {
      const found = around(from, to);
      assert.ok(found > 0.7 * k && found < 1.6 * k + 1, `${found.toFixed(1)} on average for ${k}`);
    }
  });

  it('decreases once for all that is refused of loads that ran together', () => {
    const slots = new AdaptiveSlots(16, true);
    const end = { startedAt: 0, running: 4, bytes: MIB, outcome: REFUSED };
    assert.deepEqual(slots.ended(end, 10), { slots: 3, before: 4, reason: 'refused' });
    for (let n = 0; n < 3; n += 1) assert.equal(slots.ended(end, 11), null);
    assert.deepEqual(slots.ended({ ...end, startedAt: 12 }, 13), { slots: 2, before: 3, reason: 'refused' });
    slots.ended({ ...end, startedAt: 14 }, 15);
    assert.equal(slots.ended({ ...end, startedAt: 16 }, 17), null);
    assert.equal(slots.limit, 1);
  });

  const WORDS: readonly (readonly [words: string, isRefusal: boolean])[] = [
    ['exit code 75: as-cli: cannot insert: ClickHouse error 202: Too many simultaneous queries', true],
    ['exit code 75: ClickHouse error 241: memory limit exceeded', true],
    ['exit code 1: Code: 252. DB::Exception: Too many parts (300)', true],
    ['exit code 1: DB::Exception: … (TOO_MANY_PARTS)', true],
    ['exit code 69: cannot be reached (ECONNREFUSED)', false],
    ['exit code 75: ClickHouse error 2520: no such thing', false],
  ];
  for (const [reason, isRefused] of WORDS) {
    it(`takes for ${isRefused ? 'a' : 'no'} refusal: ${reason}`, () => {
      const end = { startedAt: 0, running: 1, bytes: MIB };
      const slots = new AdaptiveSlots(16, true);
      slots.ended({ ...end, outcome: outcome('sink-unavailable', { reason }) }, 1);
      assert.equal(slots.reason, isRefused ? 'refused' : 'started');
      // A file may say whatever it likes.
      const other = new AdaptiveSlots(16, true);
      other.ended({ ...end, outcome: outcome('failed', { reason }) }, 1);
      assert.equal(other.reason, 'started');
    });
  }

  it('does not grow while the machine is busy, and shrinks once a minute while it has far too much to do', () => {
    const slots = new AdaptiveSlots(16, true);
    assert.equal(slots.machine({ perProcessor: 2, freeMemory: 0.5 }, 0), null);
    simulate(slots, 300, { seconds: () => 1 });
    assert.equal(slots.limit, 4);
    assert.equal(slots.machine({ perProcessor: 5, freeMemory: 0.5 }, 1_000)?.slots, 3);
    assert.equal(slots.machine({ perProcessor: 5, freeMemory: 0.5 }, 60_000), null);
    assert.equal(slots.machine({ perProcessor: 0.1, freeMemory: 0.01 }, 61_000)?.slots, 2);
    slots.machine({ perProcessor: 0.5, freeMemory: 0.5 }, 62_000);
    const end = { running: 2, bytes: MIB, outcome: outcome('succeeded') };
    for (let n = 0; n < 10; n += 1) slots.ended({ ...end, startedAt: 62_000 + n }, 63_000 + n);
    assert.deepEqual([slots.limit, slots.reason], [3, 'useful']);
  });
});
