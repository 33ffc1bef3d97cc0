/** The engine alone: records in, ends of jobs in, and its effects carried out by nobody. The clock is the real one. */
import { Engine } from '../../../lib/core/engine.js';
import type { Effect, EngineEvent } from '../../../lib/core/events.js';
import { encodeMetadata } from '../../../lib/core/offsets/commit-metadata.js';
import { outcome, partition, SETTINGS, TOPIC } from '../../support/engine.js';
import { type Random, seededRandom } from '../../support/random.js';
import { answer } from './program.js';

export interface EngineQuestion {
  /** Records of the partition that may be uncommitted at a time, and the slots. */
  readonly window: number;
  readonly slots: number;
  /** Of each lap. */
  readonly records: number;
  readonly laps: number;
  /** Laps before those that are timed. */
  readonly warmUpLaps: number;
  /** Whether the first record's job of each lap ends last. */
  readonly stuckHead: boolean;
  readonly seed: number;
}

export interface EngineAnswer {
  readonly seconds: number;
  readonly commits: number;
}

const VALUE = new TextEncoder().encode(
  JSON.stringify({
    filename: '/data/in/2025-01-01/events-000123.parquet',
    format: 'parquet',
    size: 8_388_608,
    tenant: 'acme',
  }),
);
const ORDERLY = encodeMetadata(0, { completed: [], attempts: new Map(), clean: true });
const SUCCEEDED = outcome('succeeded');

class Driver {
  /** Ids of the jobs that run. */
  readonly running: string[] = [];
  paused = false;
  commits = 0;
  readonly #engine: Engine;

  constructor({ window, slots, seed }: EngineQuestion) {
    const environment = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/var/lib/atd', LANG: 'C.UTF-8', TZ: 'UTC' };
    const settings = {
      ...SETTINGS,
      slots,
      maxUncommitted: window,
      load: { jobs: 2 * window, waiting: 2 * window, bytes: Number.MAX_SAFE_INTEGER },
      command: { ...SETTINGS.command, environment },
    };
    this.#engine = new Engine(settings, seededRandom(seed).next);
    this.tell({ type: 'assigned', epoch: 1, partitions: [partition(0)] });
    this.tell({ type: 'restored', epoch: 1, positions: [{ ...partition(0), offset: 0, metadata: ORDERLY }] });
  }

  tell(event: EngineEvent): void {
    for (const effect of this.#engine.handle(event, performance.timeOrigin + performance.now())) this.#take(effect);
    // The service asks after every event.
    this.#engine.nextWakeAt();
  }

  deliver(offset: number): void {
    const record = { topic: TOPIC, partition: 0, offset, key: null, value: VALUE, headers: {}, timestamp: 1.7e12 };
    this.tell({ type: 'record', record });
  }

  /** Ends the running job at this place of the list. */
  end(index: number): void {
    const jobId = this.running[index] as string;
    this.running[index] = this.running.at(-1) as string;
    this.running.pop();
    this.tell({ type: 'finished', jobId, outcome: SUCCEEDED });
  }

  #take(effect: Effect): void {
    switch (effect.type) {
      case 'run':
        this.running.push(effect.job.id);
        return;
      case 'pause':
      case 'resume':
        this.paused = effect.type === 'pause';
        return;
      case 'commit':
        this.commits += 1;
        queueMicrotask(() => this.tell({ type: 'committed', offsets: effect.offsets }));
    }
  }
}

/**
 * One lap: delivers `records` as long as the engine lets it, and else ends one job after another in a random order. A
 * stuck head is one record more, the first; its job ends when all others have ended.
 */
async function lap(driver: Driver, from: number, { records, slots, stuckHead }: EngineQuestion, random: Random) {
  const held = stuckHead ? 1 : 0;
  if (stuckHead) driver.deliver(from);
  const last = from + held + records;
  let next = from + held;
  for (let ended = 0; ended < records; ) {
    const isFull = driver.paused || driver.running.length >= slots;
    if (!isFull && next < last) {
      driver.deliver(next);
      next += 1;
    } else {
      // The head's job was the first to run, and keeps the first place.
      driver.end(held + random.below(driver.running.length - held));
      ended += 1;
      // Lets a commit be answered, as it would be between two events.
      if (ended % 100 === 0) await Promise.resolve();
    }
  }
  if (stuckHead) driver.end(0);
  return last;
}

answer(async (question: EngineQuestion): Promise<EngineAnswer> => {
  const driver = new Driver(question);
  const random = seededRandom(question.seed);
  let next = 0;
  for (let warmUp = 0; warmUp < question.warmUpLaps; warmUp += 1) next = await lap(driver, next, question, random);
  const started = performance.now();
  for (let run = 0; run < question.laps; run += 1) next = await lap(driver, next, question, random);
  return { seconds: (performance.now() - started) / 1000, commits: driver.commits };
});
