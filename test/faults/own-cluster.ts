/** Three brokers for one test alone: one may be stopped, and the coordinator of a group moves from one to another. */
import type { TestContext } from 'node:test';
import { withAdmin } from '../sandbox/kafka-admin.js';
import { waitUntil } from '../support/processes.js';
import { createPlace, type Place } from '../support/service-process.js';
import { hideSuiteKafka, OwnBroker } from './own-broker.js';

const NODES = 3;
const MOVE_MS = 60_000;
const OFFSETS_TOPIC = '__consumer_offsets';

export interface OwnCluster {
  readonly place: Place;
  /** By their ids, which begin with 1. */
  readonly brokers: ReadonlyMap<number, OwnBroker>;
  /** The id of the broker that coordinates the group. */
  coordinator(): Promise<number>;
  /** Hands the group to another broker, with nothing stopped, as an operator would; resolves when it is there. */
  moveCoordinator(): Promise<number>;
}

/** Null where there is only a mock cluster. */
export async function startCluster(t: TestContext): Promise<OwnCluster | null> {
  hideSuiteKafka(t, NODES);
  const place = await createPlace(t);
  const { kafka } = place;
  if (kafka.kind !== 'kafka') {
    t.skip(`${kafka.description} is not ours to stop`);
    return null;
  }
  const brokers = new Map(kafka.brokers.map((address, index) => [index + 1, new OwnBroker(t, address)]));
  // The topic has one partition, which holds all groups.
  const leader = () =>
    withAdmin(kafka.brokers, async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [OFFSETS_TOPIC] });
      return topics[0]?.partitions[0]?.leader ?? -1;
    });
  const moveCoordinator = async (): Promise<number> => {
    const before = await leader();
    const others = [...brokers.keys()].filter((id) => id !== before);
    const target = others[0] as number;
    // The old leader loses its copy, and so must give up the lead.
    const topics = [{ topic: OFFSETS_TOPIC, partitionAssignment: [{ partition: 0, replicas: others }] }];
    await withAdmin(kafka.brokers, (admin) => admin.alterPartitionReassignments({ topics }));
    await waitUntil(async () => others.includes(await leader()), MOVE_MS, 'another broker coordinates the group');
    const back = [target, ...[...brokers.keys()].filter((id) => id !== target)];
    const whole = [{ topic: OFFSETS_TOPIC, partitionAssignment: [{ partition: 0, replicas: back }] }];
    await withAdmin(kafka.brokers, (admin) => admin.alterPartitionReassignments({ topics: whole }));
    return leader();
  };
  return { place, brokers, coordinator: leader, moveCoordinator };
}
