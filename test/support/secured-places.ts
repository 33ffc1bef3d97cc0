/** Topics and directories of tests on a Kafka that asks who it is talked to by. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type SecureKafka, startSecureKafka } from '../sandbox/kafka-secure.js';
import { createTopic } from '../sandbox/topics.js';
import type { Place } from './service-process.js';

export class SecuredPlaces {
  readonly kafka: SecureKafka;
  readonly #directory = mkdtempSync(join(tmpdir(), 'atd-secured-'));
  #places = 0;

  private constructor(kafka: SecureKafka) {
    this.kafka = kafka;
  }

  /** @param believedMs how long a client is believed before it has to show itself again */
  static async start(believedMs: number): Promise<SecuredPlaces> {
    return new SecuredPlaces(await startSecureKafka(believedMs));
  }

  /** A topic of its own, made by one who may. */
  async make(t: TestContext, partitions: number): Promise<Place> {
    this.#places += 1;
    const brokers = [this.kafka.address('PLAINTEXT')];
    const directory = mkdtempSync(join(this.#directory, 'place-'));
    const [topic, ledger] = [`topic-${this.#places}`, join(directory, 'ledger')];
    writeFileSync(ledger, '');
    await createTopic(brokers, topic, partitions);
    t.diagnostic(`topic ${topic}`);
    const kafka = { brokers, kind: 'kafka', description: '', stop: async () => undefined } as const;
    return { kafka, topic, group: `${topic}-group`, directory, ledger };
  }

  async stop(): Promise<void> {
    await this.kafka.stop();
    rmSync(this.#directory, { recursive: true });
  }
}
