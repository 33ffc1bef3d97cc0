/** `emit --wait`: asks Kafka again and again what became of the announced files. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import type { Config } from '../../config/load.js';
import { ORIGIN_HEADER, textOf } from '../../core/rules/headers.js';
import { AtdError } from '../../errors.js';
import { hasTopic, readBounds, readCommitted, readRanges } from '../../kafka/admin.js';
import { groupObstacle } from '../../kafka/group/refusals.js';
import { toRecord } from '../../kafka/shapes.js';
import { letterOf } from '../../letters/letter.js';
import { letterTopicOf } from '../../service/adapters.js';
import { waitingTopicOf } from '../../service/settings.js';
import type { KafkaRecord } from '../../types.js';
import { Progress } from '../progress/progress.js';
import type { SentMessage } from './announce.js';
import { Waited } from './wait-state.js';

const ASK_MS = 1_000;

/** Reads what comes to a topic, from where it ended at the beginning. */
class Follower {
  readonly #kafka: Kafka;
  readonly #groupId: string;
  readonly topic: string;
  readonly #next = new Map<number, number>();

  constructor(kafka: Kafka, groupId: string, topic: string) {
    this.#kafka = kafka;
    this.#groupId = groupId;
    this.topic = topic;
  }

  async read(onRecord: (record: KafkaRecord) => void): Promise<void> {
    const [kafka, groupId, topic] = [this.#kafka, this.#groupId, this.topic];
    if (!(await hasTopic(kafka, topic))) return;
    const bounds = await readBounds(kafka, topic);
    const ranges = new Map(
      [...bounds].map(([partition, { low, high }]) => {
        return [partition, { low: Math.max(low, this.#next.get(partition) ?? low), high }] as const;
      }),
    );
    await readRanges({ kafka, groupId, topic }, ranges, (partition, message) => {
      onRecord(toRecord(topic, partition, message));
    });
    for (const [partition, { high }] of ranges) this.#next.set(partition, high);
  }

  /** What is there now is older than what is waited for. */
  async skip(): Promise<void> {
    if (!(await hasTopic(this.#kafka, this.topic))) return;
    for (const [partition, { high }] of await readBounds(this.#kafka, this.topic)) this.#next.set(partition, high);
  }
}

/** What a run of `emit` has to look at from before its first message on. */
export class Wait {
  readonly #kafka: Kafka;
  readonly #config: Config;
  readonly #letters: Follower;
  readonly #aside: Follower | null;

  constructor(kafka: Kafka, config: Config) {
    const { group_id } = config.kafka;
    this.#kafka = kafka;
    this.#config = config;
    this.#letters = new Follower(kafka, group_id, letterTopicOf(config));
    const waiting = waitingTopicOf(config);
    this.#aside = waiting === null ? null : new Follower(kafka, group_id, waiting.topic);
  }

  /** @param isNew whether nothing was announced before: then older letters are of no interest */
  async begin(isNew: boolean): Promise<void> {
    if (!isNew) return;
    await this.#asking(async () => {
      await this.#letters.skip();
      await this.#aside?.skip();
    });
  }

  /** @param patienceMs null for as long as it takes */
  async until(messages: readonly SentMessage[], patienceMs: number | null): Promise<Waited> {
    const waited = new Waited(messages);
    const progress = new Progress('loaded or given up', messages.length);
    const startedAt = performance.now();
    try {
      for (;;) {
        await this.#asking(() => this.#look(waited));
        progress.at(messages.length - waited.open);
        const isOver = patienceMs !== null && performance.now() - startedAt >= patienceMs;
        if (waited.open === 0 || isOver) return waited;
        await delay(ASK_MS);
      }
    } finally {
      progress.end();
    }
  }

  /** Commits first: a letter, and a copy, are acknowledged before the commit that passes their message. */
  async #look(waited: Waited): Promise<void> {
    const { topic, group_id } = this.#config.kafka;
    const topics = this.#aside === null ? [topic] : [topic, this.#aside.topic];
    const positions = [];
    for (const of of topics) positions.push(await readCommitted(this.#kafka, group_id, of).catch(ignoreMissing));
    await this.#letters.read((record) => {
      const letter = letterOf(record);
      if (letter !== null) waited.letter(letter);
    });
    await this.#aside?.read(({ headers, ...place }) => {
      const [original] = textOf(headers[ORIGIN_HEADER])?.split('@') ?? [];
      if (original !== undefined) waited.setAside(original, place);
    });
    for (const of of positions) waited.committed(of);
  }

  async #asking(question: () => Promise<void>): Promise<void> {
    try {
      await question();
    } catch (cause) {
      const { group_id } = this.#config.kafka;
      const why = groupObstacle(cause, group_id) ?? (cause as Error).message;
      throw new AtdError('ATD_KAFKA_CONNECT', `announced, but cannot see what becomes of it: ${why}`, { cause });
    }
  }
}

function ignoreMissing(error: unknown): [] {
  if (['UNKNOWN_TOPIC_OR_PARTITION'].includes(String((error as { type?: unknown }).type))) return [];
  throw error;
}
