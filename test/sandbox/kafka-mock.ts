/**
 * Starts librdkafka's mock cluster inside a kcat process, for machines without Java. kafkajs produces, consumes, joins
 * groups and commits offsets with metadata against it as against a broker. What it has not (kcat 1.7.1, librdkafka
 * 2.0.2): a controller, so no createTopics, deleteTopics or topic settings (a topic appears when it is first named,
 * always with four partitions); limits of message and metadata size; deleteGroups, describeGroups, deleteRecords;
 * retention; access control; data that survives its process. A group's first member waits 3 s to join, and a second one
 * until the first one's session expires: tests of rebalancing need a real broker.
 */
import type { Guarded } from './guarded.js';
import { brokerAnswers } from './kafka-admin.js';

const START_TIMEOUT_MS = 120_000;
/** kcat is a consumer and must be told some topic; it lives as long as it waits for messages there. */
const ARGUMENTS = ['-C', '-b', 'mock', '-X', 'test.mock.num.brokers=1', '-t', 'sandbox-keep-alive'];

export interface MockCluster {
  readonly address: string;
  readonly version: string;
}

/** @throws Error where there is no kcat, or it does not start a mock cluster. */
export async function startMockCluster(guarded: Guarded): Promise<MockCluster> {
  const version = /Version (\S+)/.exec(await guarded.complete('kcat', ['-V']))?.[1] ?? 'of unknown version';
  const kcat = guarded.run('kcat', ARGUMENTS);
  const address = await guarded.ready(kcat, START_TIMEOUT_MS, async (output) => {
    const found = /(?:bootstrap\.servers=|replaced with )(127\.0\.0\.1:\d+)/.exec(output)?.[1];
    return found !== undefined && (await brokerAnswers(found)) ? found : null;
  });
  return { address, version };
}
