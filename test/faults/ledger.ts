/**
 * The ledger that closes a fault run. Every announced message was loaded or is a dead letter, and which of the two once;
 * nothing that was not announced was loaded; no process and no zombie is left; the group stands at the end of every
 * partition. `RunWatch` adds what only shows while it happens: no commit passes a message that is not finished or
 * takes back another, and memory and descriptors of the services stay flat.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { withAdmin } from '../sandbox/kafka-admin.js';
import { groupCommits, groupOffsets, readAll } from '../sandbox/topics.js';
import { ownZombies, waitUntil } from '../support/processes.js';
import { type Place, readLedger, type ServiceProcess } from '../support/service-process.js';
import { processesOf } from './processes.js';
import { Vitals } from './vitals.js';

export interface Books {
  readonly place: Place;
  /** `topic/partition/offset` of everything that was announced. */
  readonly records: readonly string[];
  /** How often each record was loaded; a fraction is a part of its rows. */
  readonly loads: ReadonlyMap<string, number>;
  /** Whether members died: then loads may be repeated, with a loader that knows no tokens, and so may dead letters. */
  readonly mayRepeat: boolean;
}

export interface Balance {
  /** Loads beyond the first of each record. */
  readonly repeated: number;
  readonly letters: number;
}

/** How long children may take to leave the process table after the service did. */
const GONE_MS = 5_000;
const COMMITTED_MS = 120_000;

/** @throws AssertionError that lists everything that does not add up */
export async function closeBooks({ place, records, loads, mayRepeat }: Books): Promise<Balance> {
  const letters = await lettersByRecord(place);
  const problems: string[] = [];
  for (const record of records) {
    const [loaded, dead] = [loads.get(record) ?? 0, letters.get(record) ?? 0];
    if (loaded === 0 && dead === 0) problems.push(`${record} is lost`);
    if (loaded > 0 && dead > 0) problems.push(`${record} is loaded and a dead letter`);
    if (dead > 1 && !mayRepeat) problems.push(`${record} is ${dead} dead letters`);
    if (!Number.isInteger(loaded) || (loaded > 1 && !mayRepeat)) problems.push(`${record} is loaded ${loaded} times`);
  }
  const known = new Set(records);
  for (const record of [...loads.keys(), ...letters.keys()]) {
    if (!known.has(record)) problems.push(`${record} was never announced`);
  }
  await waitUntil(() => processesOf(place).length === 0, GONE_MS, 'all processes end').catch(() => undefined);
  for (const pid of processesOf(place)) problems.push(`process ${pid} is left`);
  for (const pid of ownZombies()) problems.push(`zombie ${pid} is left`);
  const { kafka, group, topic } = place;
  for (const { partition, committed, end } of await groupOffsets(kafka.brokers, group, topic)) {
    if ((committed ?? 0) !== end) problems.push(`partition ${partition} is committed to ${committed} of ${end}`);
  }
  assert.deepEqual(problems, []);
  const repeated = [...loads.values()].reduce((sum, count) => sum + Math.max(0, count - 1), 0);
  return { repeated, letters: letters.size };
}

/**
 * Waits until the group has committed all that there is. Where a member was lost, it is over only then, and not when all is
 * loaded: what that member had loaded and not committed is begun anew by the next, and a stop would leave it.
 */
export async function allCommitted({ kafka, group, topic }: Place, service: ServiceProcess): Promise<void> {
  const isAtEnd = async () => {
    const offsets = await groupOffsets(kafka.brokers, group, topic);
    return offsets.every(({ committed, end }) => (committed ?? 0) === end);
  };
  await service.until(isAtEnd, COMMITTED_MS, 'all is committed');
}

/** Loads by the fixture loader: ends with exit code 0, by record. */
export function fixtureLoads(place: Place): Map<string, number> {
  const loads = new Map<string, number>();
  for (const { what, job, value } of readLedger(place)) {
    if (what !== 'end' || value !== 0) continue;
    const record = job.slice(0, job.lastIndexOf('/'));
    loads.set(record, (loads.get(record) ?? 0) + 1);
  }
  return loads;
}

export async function lettersByRecord({ kafka, topic }: Place): Promise<Map<string, number>> {
  const letters = new Map<string, number>();
  const exists = await withAdmin(kafka.brokers, async (admin) => (await admin.listTopics()).includes(`${topic}.dlq`));
  for (const { headers } of exists ? await readAll(kafka.brokers, `${topic}.dlq`) : []) {
    const [partition, offset] = ['partition', 'offset'].map((name) => headers[`__connect.errors.${name}`]);
    const record = `${headers['__connect.errors.topic']}/${partition}/${offset}`;
    letters.set(record, (letters.get(record) ?? 0) + 1);
  }
  return letters;
}

const SAMPLE_EVERY_MS = 50;

/** Asks for the group's offsets again and again and compares them with what is finished; looks at the services, too. */
export class RunWatch {
  samples = 0;
  readonly #vitals: Vitals;
  readonly #t: TestContext;
  readonly #place: Place;
  readonly #finished: () => Promise<ReadonlyMap<string, number>>;
  readonly #mayFail: ReadonlySet<string>;
  readonly #checked = new Map<number, number>();
  readonly #early: string[] = [];
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;

  /**
   * @param finished what is loaded, by record
   * @param mayFail records that become dead letters instead, and so may be passed without a load
   */
  constructor(
    t: TestContext,
    place: Place,
    finished: () => Promise<ReadonlyMap<string, number>>,
    mayFail: readonly string[] = [],
  ) {
    this.#t = t;
    this.#place = place;
    this.#finished = finished;
    this.#mayFail = new Set(mayFail);
    this.#vitals = new Vitals(place);
    this.#ended = this.#watch();
    t.after(() => this.#stop());
  }

  /** @throws AssertionError that names what was committed before it was finished or taken back, and what was not flat */
  async close(): Promise<void> {
    await this.#stop();
    assert.deepEqual(this.#early, [], 'committed before it was finished');
    assert.deepEqual(await this.#takenBack(), [], 'a commit took a partition back');
    assert.ok(this.samples > 0, 'the offsets were looked at');
    assert.deepEqual(this.#vitals.problems(), [], 'memory and descriptors are flat');
    this.#t.diagnostic(`offsets looked at ${this.samples} times; ${this.#vitals.summary()}`);
  }

  /**
   * Looked up in the broker's own log: an answer to the question what is committed may be of a coordinator that is none any
   * more, and so older than the one before.
   */
  async #takenBack(): Promise<string[]> {
    const { kafka, group, topic } = this.#place;
    const [last, back] = [new Map<number, number>(), [] as string[]];
    for (const { partition, committed } of await groupCommits(kafka.brokers, group, topic)) {
      const before = last.get(partition) ?? 0;
      if (committed < before) back.push(`${partition} from ${before} to ${committed}`);
      last.set(partition, committed);
    }
    return back;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  async #watch(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      // A broker that is stopped for the test has no offsets to show.
      await this.#look().catch(() => undefined);
      this.#vitals.look();
      await delay(SAMPLE_EVERY_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    }
  }

  /** The offsets first, then what is finished: so a commit that was in order cannot look early. */
  async #look(): Promise<void> {
    const { kafka, group, topic } = this.#place;
    const offsets = await groupOffsets(kafka.brokers, group, topic);
    const finished = await this.#finished();
    this.samples += 1;
    for (const { partition, committed } of offsets) {
      for (let offset = this.#checked.get(partition) ?? 0; offset < (committed ?? 0); offset += 1) {
        const record = `${topic}/${partition}/${offset}`;
        if (!finished.has(record) && !this.#mayFail.has(record)) this.#early.push(record);
      }
      this.#checked.set(partition, Math.max(this.#checked.get(partition) ?? 0, committed ?? 0));
    }
  }
}
