/** An hour of a paused tenant on the model's clock, beside others that go on: they notice nothing, and nothing piles up. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Engine } from '../../lib/core/engine.js';
import type { CommitOffset, Effect, EngineEvent } from '../../lib/core/events.js';
import { outcome, partition, record, SETTINGS } from '../support/engine.js';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const LOAD_MS = 700;
const ANSWER_MS = 20;
const WINDOW = 12_000;
/** Partition 0 is of everybody: of each ten seconds twenty files of others and one of the tenant; partition 1 is the tenant's. */
const SHARED = 0;
const OWN = 1;
const OTHERS = ['globex', 'initech'];
const FLOOD = WINDOW + 1_000;
const PAUSE = { tenant: 'acme', since: 0, until: null, by: 'maria', reason: 'a long day' };
/** Of the heap between the 20th minute and the 60th, in which 4,800 files are loaded. */
const GROWTH_BYTES = 2 * 1024 * 1024;

interface Due {
  readonly at: number;
  readonly event: EngineEvent;
}

/** Loads take as long as they take, commits are taken, and partitions that are not paused are read. */
class Simulation {
  now = 1_000_000;
  readonly withTenant: boolean;
  readonly engine = new Engine(
    {
      ...SETTINGS,
      slots: 4,
      maxUncommitted: WINDOW,
      load: { jobs: 64, waiting: 1_000_000, bytes: 64 * 1024 * 1024 },
      fairness: { ...SETTINGS.fairness, share: 32 },
    },
    () => 1,
  );
  /** When each file of the others in the shared partition was started, by offset. */
  readonly starts = new Float64Array(8_000);
  readonly committed = new Map<number, number>();
  /** Starts of the tenant's files. */
  ofTenant = 0;
  readonly #due: Due[] = [];
  readonly #paused = new Set<number>();
  readonly #next = new Map<number, number>();

  /** @param withTenant whether its files stand among those of the others */
  constructor(withTenant: boolean) {
    this.withTenant = withTenant;
    const partitions = [partition(SHARED), partition(OWN)];
    this.tell({ type: 'assigned', epoch: 1, partitions });
    this.tell({ type: 'restored', epoch: 1, positions: partitions.map((of) => ({ ...of, offset: 0, metadata: '' })) });
  }

  tell(event: EngineEvent): void {
    for (const effect of this.engine.handle(event, this.now)) this.#perform(effect);
  }

  /** The next record of a partition, or nothing while it is not read. Returns whether it was delivered. */
  deliver(number: number, tenant: string): boolean {
    if (this.#paused.has(number)) return false;
    const offset = this.#next.get(number) ?? 0;
    this.#next.set(number, offset + 1);
    this.tell({ type: 'record', record: record(offset, { filename: '/f', tenant }, { partition: number }) });
    return true;
  }

  end(number: number): number {
    return this.#next.get(number) ?? 0;
  }

  /** Lets the time go on, with all that is due on the way. */
  runUntil(until: number): void {
    for (;;) {
      const due = this.#due[0];
      const wakeAt = this.engine.nextWakeAt() ?? Number.POSITIVE_INFINITY;
      const at = Math.min(due?.at ?? Number.POSITIVE_INFINITY, wakeAt);
      if (at > until) break;
      this.now = at;
      if (due?.at === at) this.tell((this.#due.shift() as Due).event);
      else this.tell({ type: 'tick' });
    }
    this.now = until;
  }

  get isAtRest(): boolean {
    return this.#due.length === 0 && this.engine.nextWakeAt() === null;
  }

  #perform(effect: Effect): void {
    if (effect.type === 'run') {
      const { id: jobId, offset, partition: number, tenant } = effect.job;
      if (tenant === 'acme') this.ofTenant += 1;
      else if (number === SHARED) this.starts[this.#others(offset)] = this.now;
      this.#later(LOAD_MS, { type: 'finished', jobId, outcome: outcome('succeeded') });
    } else if (effect.type === 'commit') {
      for (const { partition: number, offset } of effect.offsets as CommitOffset[]) this.committed.set(number, offset);
      this.#later(ANSWER_MS, { type: 'committed', offsets: effect.offsets });
    } else if (effect.type === 'pause') for (const { partition: number } of effect.partitions) this.#paused.add(number);
    else if (effect.type === 'resume')
      for (const { partition: number } of effect.partitions) this.#paused.delete(number);
  }

  /** Which file of the others it is, whether or not those of the tenant stand between them. */
  #others(offset: number): number {
    return this.withTenant ? offset - Math.ceil(offset / 21) : offset;
  }

  #later(ms: number, event: EngineEvent): void {
    const at = this.now + ms;
    const index = this.#due.findIndex((due) => due.at > at);
    this.#due.splice(index === -1 ? this.#due.length : index, 0, { at, event });
  }
}

/** An hour of the others' files, with or without those of the tenant among them; `minute` is called at the end of each. */
function hour(simulation: Simulation, minute: (minutes: number) => void): void {
  const begin = simulation.now;
  for (let tenth = 0; tenth < HOUR / SECOND; tenth += 10) {
    if (simulation.withTenant) assert.ok(simulation.deliver(SHARED, 'acme'), 'the shared partition is read on');
    for (let n = 0; n < 20; n += 1) {
      assert.ok(simulation.deliver(SHARED, OTHERS[n % 2] as string), 'the shared partition is read on');
      simulation.runUntil(begin + (tenth + (n + 1) / 2) * SECOND);
    }
    if ((tenth + 10) % 60 === 0) minute((tenth + 10) / 60);
  }
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}

describe('the engine: a tenant that is paused for an hour', () => {
  it('leaves the others as they are without it, keeps the memory flat, and is committed to the end afterwards', (t) => {
    const alone = new Simulation(false);
    hour(alone, () => undefined);
    assert.equal(alone.starts.filter((at) => at > 0).length, (HOUR / SECOND) * 2);

    const simulation = new Simulation(true);
    simulation.tell({ type: 'controlled', pauses: [PAUSE] });
    let flood = 0;
    while (flood < FLOOD && simulation.deliver(OWN, 'acme')) flood += 1;
    assert.equal(flood, WINDOW, 'its own partition is read as far as the window goes');
    let early = 0;
    let late = 0;
    hour(simulation, (minutes) => {
      if (minutes === 20) early = heapBytes();
      if (minutes === 60) late = heapBytes();
    });
    assert.deepEqual(simulation.starts, alone.starts, 'each file of the others is started when it would be without it');
    assert.equal(simulation.ofTenant, 0);
    assert.ok(late - early < GROWTH_BYTES, `the heap grew by ${late - early} bytes`);
    t.diagnostic(`the heap grew by ${Math.round((late - early) / 1024)} KiB in 40 minutes and 4,800 files`);

    simulation.tell({ type: 'controlled', pauses: [] });
    while (!simulation.isAtRest || flood < FLOOD) {
      while (flood < FLOOD && simulation.deliver(OWN, 'acme')) flood += 1;
      simulation.runUntil(simulation.now + SECOND);
    }
    const ends = [SHARED, OWN].map((number) => [number, simulation.end(number)] as const);
    assert.deepEqual(simulation.committed, new Map(ends), 'all is committed');
    assert.equal(simulation.ofTenant, FLOOD + HOUR / SECOND / 10);
  });
});
