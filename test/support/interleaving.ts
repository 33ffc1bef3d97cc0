/** One random interleaving of all that can happen to the engine, against a model of its world. */
import assert from 'node:assert/strict';
import type { EngineSettings } from '../../lib/core/settings.js';
import { OUTCOME_RESULTS, type OutcomeResult } from '../../lib/types.js';
import { outcome, SETTINGS, TOPIC } from './engine.js';
import { type Random, seededRandom } from './random.js';
import { TENANTS, WAITING, World, type WorldPartition } from './world.js';

const MOVES = 250;
const PARTITIONS = 3;
const RECORDS_EACH = 14;
/** Far more moves than any world needs to come to rest. */
const MANY_MOVES = 5_000;

/** Outcomes that come by themselves, as opposed to `stopped`. */
const ENDINGS: readonly OutcomeResult[] = OUTCOME_RESULTS.filter((result) => result !== 'stopped');

function settings(random: Random): EngineSettings {
  return {
    ...SETTINGS,
    slots: 1 + random.below(8),
    adaptiveSlots: random.chance(0.5),
    records: {
      ...SETTINGS.records,
      holdUnknownMs: random.pick([0, 100, 1_000]),
      waiting: random.chance(0.5) ? { of: TOPIC, topic: WAITING } : null,
    },
    maxUncommitted: 1 + random.below(12),
    sessionTimeoutMs: 100 + random.below(3_000),
    load: { jobs: 1 + random.below(12), waiting: 1 + random.below(40), bytes: 200 + random.below(2_000) },
    retry: {
      maxAttempts: 1 + random.below(3),
      maxTimeouts: 1 + random.below(3),
      maxInterruptions: 1 + random.below(3),
      backoffMs: random.below(200),
      maxBackoffMs: 1_000,
      maxUnchargedMs: 1_000,
      permanentExitCodes: [65],
      unavailableExitCodes: [69, 75],
    },
    breaker: { threshold: 1 + random.below(3), openMs: 50, maxOpenMs: 400 },
    maxDeadLettersInRow: 1 + random.below(4),
    fairness: {
      weights: new Map([['good', 1 + random.below(3)]]),
      maxRunning: 1 + random.below(4),
      share: 1 + random.below(6),
    },
  };
}

class Player {
  readonly world: World;
  readonly #random: Random;
  /** Until then every commit is refused. */
  #refusingUntil = 0;

  constructor(random: Random) {
    this.#random = random;
    this.world = new World(settings(random), random, PARTITIONS, RECORDS_EACH);
  }

  /** One random thing happens. */
  move(): void {
    const { world } = this;
    if (world.unrestored !== null && this.#random.chance(0.4)) return world.restore();
    const dice = this.#random.below(100);
    if (world.drained) return this.#restart();
    if (world.hasLeft) return this.#whileLeft();
    if (world.isOrdered && this.#random.chance(0.05)) return this.#order();
    if (world.asides.size > 0 && this.#random.chance(0.2)) return this.#answerAside();
    if (world.copies.length > 0 && this.#random.chance(0.05)) return this.#control();
    if (dice < 35) return this.#deliver();
    if (dice < 60) return this.#endChild();
    if (dice < 68) return this.#answerLetter();
    if (dice < 80) return this.#answerCommit();
    if (dice < 90) return this.#passTime();
    if (dice < 91) return this.#random.chance(0.5) ? world.tell({ type: 'rebalancing' }) : this.#control();
    if (dice < 92 && this.#random.chance(0.7)) return this.#random.chance(0.5) ? this.#allow() : this.#burden();
    if (dice < 92) {
      this.#refusingUntil = world.now + this.#random.below(6_000);
      return;
    }
    if (dice < 96) return this.#rebalance();
    if (dice < 98) return this.#othersProgress();
    if (dice === 98) return this.#restart();
    return this.#random.chance(0.5) ? this.#drain() : this.#order();
  }

  /** Everything is answered, and well, until nothing is left to happen. */
  settle(): void {
    const { world } = this;
    if (world.draining) this.#finishDrain();
    if (world.isOrdered) this.#order();
    if (world.drained) world.restart();
    // A commit that outlives its tenure may move the group back; what it uncovers is read again after the next join.
    if (world.commit !== null) world.answerCommit(true);
    world.assign(world.partitions.map((_, number) => number));
    world.restore();
    world.tell({ type: 'controlled', pauses: [] });
    for (let moves = 0; moves < MANY_MOVES; moves += 1) if (!this.#settleOne()) return;
    assert.fail('the world does not come to rest');
  }

  #settleOne(): boolean {
    const { world } = this;
    const [child] = world.children.keys();
    const [part] = world.deliverable();
    const [aside] = world.asides.keys();
    const wakeAt = world.engine.nextWakeAt();
    const letter = [...world.letters].find(([, { onItsWay }]) => onItsWay);
    if (child !== undefined) world.end(child, outcome('succeeded'));
    else if (letter !== undefined) world.answerLetter(letter[0], true);
    else if (world.commit !== null) world.answerCommit(true);
    else if (aside !== undefined) world.answerAside(aside, true, true);
    else if (part !== undefined) world.deliver(part);
    else if (wakeAt !== null) {
      world.now = wakeAt;
      world.tell({ type: 'tick' });
    } else return false;
    return true;
  }

  #deliver(): void {
    const parts = this.world.deliverable();
    if (parts.length > 0) this.world.deliver(this.#random.pick(parts));
  }

  #endChild(): void {
    const { world } = this;
    const children = [...world.children];
    if (children.length === 0) return;
    const [jobId, { stopAsked }] = this.#random.pick(children);
    if (stopAsked && this.#random.chance(0.7)) return world.end(jobId, outcome('stopped'));
    const result = this.#random.chance(0.55) ? 'succeeded' : this.#random.pick(ENDINGS);
    const exitCode = result === 'failed' ? this.#random.pick([1, 65]) : result === 'succeeded' ? 0 : null;
    world.end(jobId, outcome(result, { exitCode }));
  }

  #answerLetter(): void {
    const onTheirWay = [...this.world.letters].filter(([, letter]) => letter.onItsWay);
    if (onTheirWay.length > 0) this.world.answerLetter(this.#random.pick(onTheirWay)[0], this.#random.chance(0.7));
  }

  #answerAside(): void {
    const [batchId] = this.#random.pick([...this.world.asides]);
    this.world.answerAside(batchId, this.#random.chance(0.8), this.#random.chance(0.9));
  }

  #answerCommit(): void {
    const { world } = this;
    if (world.commit === null) return;
    const { offsets, tenures } = world.commit;
    const isCurrent = offsets.every((at, i) => world.partOf(at).tenure === tenures[i]);
    const succeeds = world.now >= this.#refusingUntil && this.#random.chance(0.75);
    // Its answer was lost, but not the commit itself.
    if (!succeeds && isCurrent && this.#random.chance(0.3)) world.applyCommit();
    world.answerCommit(succeeds);
  }

  #passTime(): void {
    const { world } = this;
    const wakeAt = world.engine.nextWakeAt();
    if (wakeAt !== null && this.#random.chance(0.6)) world.now = Math.max(world.now, wakeAt);
    else world.now += this.#random.next() * 400;
    world.tell({ type: 'tick' });
  }

  #rebalance(): void {
    const { world } = this;
    if (this.#random.chance(0.7)) world.tell({ type: 'rebalancing' });
    world.assign(world.partitions.map((_, number) => number).filter(() => this.#random.chance(0.75)));
  }

  /** Somebody pauses some tenants, for a while or for good, and lets the others go on. */
  #control(): void {
    const { world } = this;
    const until = () => (this.#random.chance(0.5) ? null : world.now + this.#random.below(2_000));
    const paused = TENANTS.filter(() => this.#random.chance(0.3));
    const pauses = paused.map((tenant) => ({
      tenant: tenant ?? null,
      since: world.now,
      until: until(),
      by: 'test',
      reason: 'test',
    }));
    world.tell({ type: 'controlled', pauses });
  }

  /** The list of tenants changes; empty, it lets in all. */
  #allow(): void {
    const tenants = TENANTS.filter((tenant) => tenant !== undefined && this.#random.chance(0.6));
    this.world.tell({ type: 'allowed', tenants: new Set(tenants as string[]) });
  }

  #burden(): void {
    const load = { perProcessor: this.#random.pick([0, 2, 9]), freeMemory: 0.5 };
    this.world.tell({ type: 'machine', load });
  }

  #othersProgress(): void {
    const { world } = this;
    // As of a process that stood still past its session.
    if (this.#random.chance(0.2)) world.expelled = true;
    const free = world.all.filter(({ owned }) => world.expelled || !owned);
    if (free.length > 0) world.othersProgress(this.#random.pick(free) as WorldPartition);
  }

  #restart(): void {
    this.world.restart();
    if (this.#random.chance(0.9)) this.#rebalance();
  }

  /** People have the instance drained, or end that. */
  #order(): void {
    const { world } = this;
    if (world.draining) return;
    world.isOrdered = !world.isOrdered;
    const order = { since: world.now, by: 'jo', reason: '' };
    world.tell(world.isOrdered ? { type: 'drain-ordered', order } : { type: 'drain-ended', by: 'jo' });
  }

  #whileLeft(): void {
    const { world } = this;
    const dice = this.#random.below(10);
    if (dice < 3) return world.tell({ type: 'left-group' });
    if (dice < 5) return this.#passTime();
    if (dice < 7) return this.#othersProgress();
    if (dice === 7) return this.#random.chance(0.5) ? this.#restart() : this.#drain();
    if (world.asides.size > 0 && dice === 8) return this.#answerAside();
    this.#order();
    if (this.#random.chance(0.9)) this.#rebalance();
  }

  #drain(): void {
    const { world } = this;
    if (world.draining) return world.tell({ type: 'force-stop' });
    world.draining = true;
    world.isOrdered = false;
    world.tell({ type: 'drain', stopAt: world.now + this.#random.below(600) });
  }

  /** Children, letters and commits are answered somehow; a drain ends all the same. */
  #finishDrain(): void {
    const { world } = this;
    for (let moves = 0; moves < MANY_MOVES && !world.drained; moves += 1) {
      this.#endChild();
      this.#answerLetter();
      this.#answerCommit();
      if (!world.drained) this.#passTime();
    }
    assert.ok(world.drained, 'the drain does not end');
  }
}

/** @throws AssertionError where a promise is broken */
export function play(seed: number): void {
  const player = new Player(seededRandom(seed));
  const { world } = player;
  world.assign([0, 1, 2]);
  for (let moves = 0; moves < MOVES; moves += 1) player.move();
  player.settle();
  for (const [number, { log, committed }] of world.all.entries()) {
    const end = (log.at(-1)?.record.offset ?? -1) + 1;
    assert.equal(committed, end, `partition ${number} is not committed to its end`);
    for (const entry of log) assert.ok(world.isComplete(entry), `${number}/${entry.record.offset} is incomplete`);
  }
  const { running, queue, deadLettersPending } = world.engine.status();
  assert.deepEqual(
    { running, queue, deadLettersPending },
    { running: [], queue: { jobs: 0, delayed: 0, fileBytes: 0, messageBytes: 0 }, deadLettersPending: 0 },
  );
}
