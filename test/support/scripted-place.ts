/** Where one test's service lives when its Kafka is a scripted broker. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { KafkaSandbox } from '../sandbox/sandbox.js';
import { startBroker, TOPIC } from './group-member.js';
import type { BrokerOptions, ScriptedBroker } from './scripted-broker.js';
import type { Place } from './service-process.js';

export interface ScriptedPlace extends Place {
  readonly broker: ScriptedBroker;
}

/** The topic has one partition. */
export async function createScriptedPlace(t: TestContext, options: BrokerOptions = {}): Promise<ScriptedPlace> {
  const broker = await startBroker(t, 1, options);
  const directory = mkdtempSync(join(tmpdir(), 'atd-test-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const ledger = join(directory, 'ledger');
  writeFileSync(ledger, '');
  const description = 'a scripted broker';
  const kafka: KafkaSandbox = { kind: 'mock', brokers: [broker.address], description, stop: async () => undefined };
  return { broker, kafka, topic: TOPIC, group: 'group', directory, ledger };
}

/** Announces files, one message each. */
export function announce({ broker, topic }: ScriptedPlace, ...files: readonly string[]): void {
  broker.topics.append(
    topic,
    0,
    files.map((filename) => JSON.stringify({ filename })),
  );
}
