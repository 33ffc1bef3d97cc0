/**
 * The world of an engine as a model: partitions with their records and committed positions, loaders that run, letters and
 * a commit on their way. It performs the engine's actions and knows the truth about what was loaded, so it can say at
 * every effect whether the engine keeps its promises.
 */
import assert from 'node:assert/strict';
import { Engine } from '../../lib/core/engine.js';
import type { CommitOffset, CommittedPosition, DeadLetter, Effect, EngineEvent } from '../../lib/core/events.js';
import { decodeMetadata, type Range } from '../../lib/core/offsets/commit-metadata.js';
import { ORIGIN_HEADER, originHeader } from '../../lib/core/rules/headers.js';
import type { EngineSettings } from '../../lib/core/settings.js';
import type { EngineStatus } from '../../lib/core/status.js';
import type { KafkaRecord, Outcome, TopicPartition } from '../../lib/types.js';
import { partition, record, TOPIC } from './engine.js';
import { LaneWatch } from './lane-watch.js';
import type { Random } from './random.js';

export const TENANTS = ['acme', 'globex', 'initech', undefined];
const LANE_HEADERS = [{}, {}, { lane: 'live' }, { lane: 'backfill' }, { lane: 'odd' }];

/** Where records are set aside, in the worlds that do so. */
export const WAITING = `${TOPIC}.waiting`;

export interface LogEntry {
  readonly record: KafkaRecord;
  /** The record that this is a copy of. */
  readonly of?: LogEntry;
  /** The jobs that the record asks for, by their files; empty for a tombstone and for poison. */
  readonly jobs: ReadonlyMap<string, string>;
  readonly isPoison: boolean;
  /** A dead letter of it was acknowledged. */
  lettered: boolean;
}

interface Child {
  readonly partition: number;
  /** The time of ownership that its end counts for. */
  tenure: number;
  stopAsked: boolean;
}

/** One partition and what this member of the group knows and has of it. */
export class WorldPartition {
  readonly log: LogEntry[];
  committed = 0;
  hasCommit = false;
  metadata = '';
  /** What was known to be completed when this tenure began. */
  restored: readonly Range[] = [];
  /** Where the group had it when it was joined. */
  start = 0;
  /** Whether a commit from before the last join was taken after it, of which the engine cannot know in time. */
  overtaken = false;
  owned = false;
  paused = false;
  /** Counts the times of uninterrupted ownership. */
  tenure = 0;
  /** Index in the log of the record to be delivered next. */
  cursor = 0;
  /** One more than the highest offset delivered in this tenure. */
  delivered = 0;
  /** Jobs with a final verdict and records with a letter in this tenure. */
  readonly settled = new Set<string>();

  constructor(log: LogEntry[]) {
    this.log = log;
  }

  rewind(): void {
    this.cursor = this.next();
  }

  /** Index in the log of the first record that no commit passed. */
  next(): number {
    const index = this.log.findIndex((entry) => entry.record.offset >= this.committed);
    return index === -1 ? this.log.length : index;
  }

  beginTenure(): void {
    this.tenure += 1;
    this.delivered = 0;
    this.restored = [];
    this.start = 0;
    this.settled.clear();
  }
}

export interface CommitInFlight {
  readonly offsets: readonly CommitOffset[];
  readonly tenures: readonly number[];
  readonly epoch: number;
  /** Whether the broker has taken it already; its answer is still to come. */
  applied: boolean;
}

export class World {
  now = 1_000_000;
  engine: Engine;
  drained = false;
  draining = false;
  /** People have ordered the drain of this instance, and not ended it. */
  isOrdered = false;
  /** It is out of the group for that. */
  hasLeft = false;
  /** The engine has said that it starts no load. */
  startsHeld = false;
  /** The longest metadata that the broker takes. */
  readonly metadataLimit: number;
  /** The group holds this member for dead and gave its partitions away; it does not know that yet. */
  expelled = false;
  commit: CommitInFlight | null = null;
  /** What the engine is still to be told after the last assignment. */
  unrestored: CommittedPosition[] | null = null;
  readonly partitions: readonly WorldPartition[];
  /** Of the topic of those that wait, by the same numbers; none where nothing is set aside. */
  readonly copies: readonly WorldPartition[];
  /** What is to be set aside, by batch. */
  readonly asides = new Map<number, { readonly to: WorldPartition; readonly entries: readonly LogEntry[] }>();
  readonly children = new Map<string, Child>();
  /** Letters on their way and those that were refused, by id. */
  readonly letters = new Map<number, { readonly entry: LogEntry; onItsWay: boolean }>();
  readonly loaded = new Set<string>();
  readonly #settings: EngineSettings;
  readonly #random: Random;
  #epoch = 0;
  #lanes = new LaneWatch();

  constructor(settings: EngineSettings, random: Random, partitions: number, recordsEach: number) {
    this.#settings = settings;
    this.#random = random;
    this.metadataLimit = random.pick([4_096, 4_096, 40, 12, 0]);
    this.partitions = Array.from({ length: partitions }, (_, n) => new WorldPartition(makeLog(n, recordsEach, random)));
    this.copies = settings.records.waiting === null ? [] : this.partitions.map(() => new WorldPartition([]));
    this.engine = new Engine(settings, random.next);
  }

  /** Of both topics. */
  get all(): readonly WorldPartition[] {
    return [...this.partitions, ...this.copies];
  }

  tell(event: EngineEvent): void {
    const effects = this.engine.handle(event, this.now);
    const at = this.engine.nextWakeAt();
    assert.ok(
      at === null || at > this.now,
      `hot loop: after ${event.type} the engine wants a tick that is due already`,
    );
    if (this.drained) assert.deepEqual(effects, [], 'nothing happens after the drain');
    for (const effect of effects) this.#perform(effect);
    const status = this.engine.status();
    this.#checkSlots(status);
    this.#lanes.look(status);
    const { unacknowledgedSince: since, startsHeld } = status.commits;
    assert.equal(startsHeld, this.startsHeld, 'what is reported of held starts is true');
    if (since === null || since === this.now) return;
    const isOverdue = this.now - since >= this.#settings.sessionTimeoutMs;
    assert.ok(this.drained || isOverdue === startsHeld, `starts held: ${startsHeld}, commit overdue: ${isOverdue}`);
  }

  /** Nobody with work waits while a slot is free and nothing forbids a start. */
  #checkSlots({ state, slots, running, breaker, tenants, commits, suspects }: EngineStatus): void {
    const isForbidden =
      state === 'starting' ||
      state === 'draining' ||
      state === 'stopped' ||
      state === 'drained' ||
      breaker.state !== 'closed' ||
      commits.startsHeld ||
      suspects.isAlone;
    if (isForbidden || this.unrestored !== null || running.length >= slots) return;
    for (const { tenant, due, running: own, isPaused } of tenants) {
      const mayRun = !isPaused && due > 0 && own < this.#settings.fairness.maxRunning;
      assert.ok(!mayRun, `${tenant} has ${due} jobs, and of ${slots} slots only ${running.length} are taken`);
    }
  }

  /** The group gives us exactly these partitions; all are read again from their committed positions. */
  assign(wanted: readonly number[]): void {
    this.#epoch += 1;
    this.expelled = false;
    for (const parts of [this.partitions, this.copies]) {
      for (const [number, part] of parts.entries()) {
        const owned = wanted.includes(number);
        if (owned !== part.owned) part.beginTenure();
        part.owned = owned;
        part.paused = false;
        part.overtaken = false;
        part.rewind();
      }
    }
    const both = this.copies.length === 0 ? [TOPIC] : [TOPIC, WAITING];
    const partitions = both.flatMap((topic) => wanted.map((number) => ({ topic, partition: number })));
    this.unrestored = partitions.map((at) => {
      const { committed, hasCommit, metadata } = this.partOf(at);
      return { ...at, offset: hasCommit ? committed : null, metadata };
    });
    this.tell({ type: 'assigned', epoch: this.#epoch, partitions });
    for (const at of partitions) assert.ok(this.partOf(at).paused, `${at.topic}/${at.partition} is read too early`);
  }

  /** The broker answers what was committed when the assignment was made. */
  restore(): void {
    const positions = this.unrestored ?? [];
    this.unrestored = null;
    for (const { offset, metadata, ...at } of positions) {
      const part = this.partOf(at);
      part.start = Math.max(part.start, offset ?? 0);
      if (part.delivered === 0 && offset !== null) part.restored = decodeMetadata(offset, metadata)?.completed ?? [];
    }
    this.tell({ type: 'restored', epoch: this.#epoch, positions });
  }

  deliver(part: WorldPartition): void {
    const entry = part.log[part.cursor] as LogEntry;
    part.cursor += 1;
    part.delivered = Math.max(part.delivered, entry.record.offset + 1);
    this.tell({ type: 'record', record: entry.record });
  }

  deliverable(): WorldPartition[] {
    return this.all.filter((part) => part.owned && !part.paused && part.cursor < part.log.length);
  }

  end(jobId: string, outcome: Outcome): void {
    const child = this.children.get(jobId) as Child;
    const part = this.partOf(partition(child.partition));
    this.children.delete(jobId);
    if (outcome.result === 'succeeded') {
      this.loaded.add(jobId);
      if (child.tenure === part.tenure) part.settled.add(jobId);
    }
    this.tell({ type: 'finished', jobId, outcome });
  }

  answerLetter(letterId: number, taken: boolean): void {
    const letter = this.letters.get(letterId) as { readonly entry: LogEntry; onItsWay: boolean };
    if (taken) {
      letter.entry.lettered = true;
      this.letters.delete(letterId);
      this.tell({ type: 'dead-lettered', letterId });
    } else {
      letter.onItsWay = false;
      this.tell({ type: 'dead-letter-failed', letterId, error: 'refused' });
    }
  }

  /**
   * @param arrives whether the copies get into the topic
   * @param isAnswered whether that is acknowledged
   */
  answerAside(batchId: number, arrives: boolean, isAnswered: boolean): void {
    const { to, entries } = this.asides.get(batchId) as { to: WorldPartition; entries: readonly LogEntry[] };
    this.asides.delete(batchId);
    if (arrives) for (const entry of entries) this.#append(to, entry);
    if (arrives && isAnswered) return this.tell({ type: 'set-aside-done', batchId });
    const [isForbidden, isTooLarge] = [this.#random.chance(0.02), this.#random.chance(0.1)];
    this.tell({ type: 'set-aside-failed', batchId, error: 'refused', isForbidden, isTooLarge });
  }

  #append(to: WorldPartition, of: LogEntry): void {
    const offset = (to.log.at(-1)?.record.offset ?? -1) + 1 + this.#random.below(2);
    const headers = { ...of.record.headers, [ORIGIN_HEADER]: originHeader(of.record) };
    const copy = { ...of.record, topic: WAITING, offset, timestamp: this.now, headers };
    to.log.push({ ...of, record: copy, of });
  }

  /** @param accepted whether the broker takes it; not from a member that it does not know any more */
  answerCommit(accepted: boolean): void {
    const { offsets, applied } = this.commit as CommitInFlight;
    if (this.#isTooLong(offsets)) {
      this.commit = null;
      return this.tell({ type: 'commit-failed', offsets, error: 'too large', isMetadataTooLarge: true });
    }
    const succeeds = accepted && (applied || !this.expelled);
    if (succeeds) this.applyCommit();
    this.commit = null;
    if (succeeds) this.tell({ type: 'committed', offsets });
    else this.tell({ type: 'commit-failed', offsets, error: 'failed', isMetadataTooLarge: false });
  }

  /** The broker takes the commit that is on its way, if it has not already. */
  applyCommit(): void {
    if (this.commit === null || this.commit.applied || this.expelled || this.#isTooLong(this.commit.offsets)) return;
    this.commit.applied = true;
    for (const { offset, metadata, ...at } of this.commit.offsets) {
      const part = this.partOf(at);
      part.committed = offset;
      part.hasCommit = true;
      part.metadata = metadata;
      part.overtaken ||= this.commit.epoch !== this.#epoch;
    }
  }

  /** The process is gone with its children; a new one starts from the committed positions and owns nothing yet. */
  restart(): void {
    for (const { entry, onItsWay } of this.letters.values()) {
      if (onItsWay && this.#random.chance(0.5)) entry.lettered = true;
    }
    if (this.#random.chance(0.5)) this.applyCommit();
    this.commit = null;
    this.unrestored = null;
    for (const { to, entries } of this.asides.values()) {
      if (this.#random.chance(0.5)) for (const entry of entries) this.#append(to, entry);
    }
    this.asides.clear();
    this.letters.clear();
    this.children.clear();
    this.drained = false;
    this.draining = false;
    this.isOrdered = false;
    this.hasLeft = false;
    this.startsHeld = false;
    this.expelled = false;
    for (const part of this.all) {
      part.owned = false;
      part.beginTenure();
    }
    this.engine = new Engine(this.#settings, this.#random.next);
    this.#lanes = new LaneWatch();
  }

  /** Another member, which owns a partition meanwhile, loads some of its records. */
  othersProgress(part: WorldPartition): void {
    const next = part.next();
    for (const entry of part.log.slice(next, next + 1 + this.#random.below(4))) {
      for (const jobId of entry.jobs.keys()) this.loaded.add(jobId);
      if (entry.isPoison) entry.lettered = true;
      part.committed = entry.record.offset + 1;
      part.metadata = '';
      part.hasCommit = true;
    }
  }

  isComplete(entry: LogEntry): boolean {
    const { jobs, isPoison, lettered } = entry.of ?? entry;
    return lettered || (!isPoison && [...jobs.keys()].every((jobId) => this.loaded.has(jobId)));
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'run':
        return this.#run(effect.job.id, effect.job.partition);
      case 'stop':
        (this.children.get(effect.jobId) as Child).stopAsked = true;
        return;
      case 'reattached': {
        const child = this.children.get(effect.job.id);
        assert.ok(child !== undefined, `${effect.job.id} does not run and cannot be reattached`);
        child.tenure = this.partOf(partition(child.partition)).tenure;
        return;
      }
      case 'set-aside': {
        const to = this.partOf(effect.to);
        const entries = effect.records.map((original) => this.#entryOf(original));
        assert.ok(entries.length <= 100, `${entries.length} records are set aside at once`);
        this.asides.set(effect.batchId, { to, entries });
        return;
      }
      case 'dead-letter':
        return this.#send(effect.letterId, effect.letter);
      case 'commit':
        return this.#commit(effect.offsets);
      case 'pause':
      case 'resume':
        for (const at of effect.partitions) {
          assert.ok(this.partOf(at).owned, `${effect.type} of ${at.topic}/${at.partition}, which is not ours`);
          this.partOf(at).paused = effect.type === 'pause';
        }
        return;
      case 'drained':
        assert.equal(this.children.size, 0, 'drained while children run');
        this.drained = true;
        return;
      case 'leave-group':
        return this.#leave();
      case 'join-group':
        this.hasLeft = false;
        return;
      case 'starts-held':
        this.startsHeld = effect.held;
        return;
      case 'offsets-reset':
        return assert.fail(`nobody reset partition ${effect.partition.partition}`);
    }
  }

  #leave(): void {
    assert.equal(this.children.size, 0, 'the group is left while children run');
    assert.equal(this.commit, null, 'the group is left while a commit is under way');
    assert.ok(
      ![...this.letters.values()].some(({ onItsWay }) => onItsWay),
      'the group is left while a letter is on its way',
    );
    this.hasLeft = true;
    this.expelled = false;
    this.unrestored = null;
    for (const part of this.all) {
      part.owned = false;
      part.beginTenure();
    }
  }

  #run(jobId: string, number: number): void {
    const part = this.partOf(partition(number));
    assert.ok(!this.draining, `${jobId} is started in a drain`);
    assert.ok(!this.hasLeft, `${jobId} is started out of the group`);
    assert.ok(!this.startsHeld, `${jobId} is started though no commit was acknowledged for a session`);
    assert.ok(part.owned, `${jobId} is started though its partition is not ours`);
    assert.ok(!this.children.has(jobId), `${jobId} is started while it runs`);
    const offset = Number(jobId.split('/')[2]);
    const entry = this.#entryOf({ ...record(offset), partition: number });
    const isCopied = (this.copies[number]?.log ?? []).some(({ of }) => of === entry);
    // What is set aside is loaded at least once: of several files of a record those that are loaded already are loaded again,
    // and where another member finished a record or its copy, the commits do not tell whether it was loaded or copied.
    assert.ok(isCopied || !part.settled.has(jobId), `${jobId} is started after it completed`);
    const isKnown =
      !isCopied && (offset < part.start || part.restored.some(([from, to]) => offset >= from && offset < to));
    assert.ok(!isKnown, `${jobId} is started though it was known to be complete when the group was joined`);
    this.children.set(jobId, { partition: number, tenure: part.tenure, stopAsked: false });
    assert.ok(this.children.size <= this.#settings.slots, `${this.children.size} children run`);
  }

  #send(letterId: number, letter: DeadLetter): void {
    const { partition: number, offset } = letter.record;
    const part = this.partOf(partition(number));
    const entry = this.#entryOf(letter.record);
    const key = `letter of ${number}/${offset}`;
    const before = this.letters.get(letterId);
    assert.ok(!before?.onItsWay, `${key} is sent while it is on its way`);
    assert.ok(before !== undefined || !part.settled.has(key), `a second ${key}`);
    part.settled.add(key);
    // One whose tenant is on no list is refused as a whole.
    for (const [jobId, file] of letter.disposition === 'tenant-denied' ? [] : entry.jobs) {
      assert.ok(this.loaded.has(jobId) || letter.files.includes(file), `${key} does not name ${file}`);
    }
    this.letters.set(letterId, { entry, onItsWay: true });
  }

  #commit(offsets: readonly CommitOffset[]): void {
    assert.equal(this.commit, null, 'a commit while another is on its way');
    assert.ok(offsets.length > 0, 'a commit of nothing');
    for (const { topic, partition: number, offset } of offsets) {
      const part = this.partOf({ topic, partition: number });
      assert.ok(part.owned, `a commit of partition ${number}, which is not ours`);
      assert.ok(
        this.expelled || part.overtaken || offset >= part.committed,
        `commit ${offset} moves partition ${number} back from ${part.committed}`,
      );
      assert.ok(
        offset <= Math.max(part.delivered, part.start),
        `commit ${offset} is beyond the delivered ${part.delivered} of ${number}`,
      );
      for (const entry of part.log) {
        const passes =
          entry.record.offset < offset && !this.isComplete(entry) && !this.#isCarried(entry, number, offsets);
        assert.ok(!passes, `commit ${offset} passes ${number}/${entry.record.offset}, which is incomplete`);
      }
    }
    const tenures = offsets.map((at) => this.partOf(at).tenure);
    this.commit = { offsets, tenures, epoch: this.#epoch, applied: this.#random.chance(0.3) };
    if (this.commit.applied) {
      this.commit.applied = false;
      this.applyCommit();
    }
  }

  #isTooLong(offsets: readonly CommitOffset[]): boolean {
    return offsets.some(({ metadata }) => metadata.length > this.metadataLimit);
  }

  /** Whether another copy is there, which this commit does not pass and none before it did. */
  #isCarried(entry: LogEntry, number: number, offsets: readonly CommitOffset[]): boolean {
    const copies = this.copies[number];
    const named = offsets.find(({ topic, partition: of }) => topic === WAITING && of === number);
    const passed = Math.max(copies?.committed ?? 0, named?.offset ?? 0);
    const original = entry.of ?? entry;
    return (copies?.log ?? []).some((copy) => copy.of === original && copy !== entry && copy.record.offset >= passed);
  }

  #entryOf({ topic, partition: number, offset }: KafkaRecord): LogEntry {
    assert.equal(topic, TOPIC, 'what is set aside or given up is the original');
    return this.partOf(partition(number)).log.find(({ record: { offset: at } }) => at === offset) as LogEntry;
  }

  partOf({ topic, partition: number }: TopicPartition): WorldPartition {
    return (topic === WAITING ? this.copies : this.partitions)[number] as WorldPartition;
  }
}

function makeLog(number: number, count: number, random: Random): LogEntry[] {
  let offset = random.below(3);
  return Array.from({ length: count }, () => {
    const entry = makeEntry(number, offset, random);
    // Compaction and transaction markers leave gaps.
    offset += random.chance(0.3) ? 1 + random.below(5) : 1;
    return entry;
  });
}

function makeEntry(number: number, offset: number, random: Random): LogEntry {
  const at = { partition: number };
  const dice = random.next();
  if (dice < 0.1) return { record: record(offset, null, at), jobs: new Map(), isPoison: false, lettered: false };
  if (dice < 0.2) return { record: record(offset, 'poison', at), jobs: new Map(), isPoison: true, lettered: false };
  const files = Array.from({ length: dice < 0.4 ? 2 + random.below(2) : 1 }, (_, i) => `/in/${number}/${offset}/${i}`);
  const made = record(
    offset,
    { filename: files, tenant: random.pick(TENANTS) },
    { ...at, headers: random.pick(LANE_HEADERS) },
  );
  const jobs = new Map(files.map((file, i) => [`${made.topic}/${number}/${offset}/${i}`, file]));
  return { record: made, jobs, isPoison: false, lettered: false };
}
