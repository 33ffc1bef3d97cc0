/**
 * The topic of those that wait is the only place where they are. So it must keep them for as long as it takes: that is looked
 * at before anything is entrusted to it.
 */
import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import type { WaitingTopic } from '../core/rules/headers.js';
import { AtdError } from '../errors.js';
import { ask, createMissingTopic } from '../kafka/admin.js';

/** What it is made with, and what nobody may have changed. */
const CONFIG: Readonly<Record<string, string>> = {
  'cleanup.policy': 'delete',
  'retention.ms': '-1',
  'retention.bytes': '-1',
};

/**
 * Makes the topic where it is missing, with as many partitions as the one that is read.
 *
 * @throws AtdError ATD_CONFIG_INVALID when it would not keep what it is given
 * @throws KafkaJSError when no broker answers, or the user may not look at it
 */
export async function checkWaitingTopic(kafka: Kafka, { of, topic }: WaitingTopic): Promise<void> {
  await createMissingTopic(kafka, { topic, like: of, config: CONFIG });
  await ask(kafka, 3, async (admin) => {
    await checkConfig(admin, topic);
    await addPartitions(admin, { of, topic });
  });
}

async function checkConfig(admin: Admin, topic: string): Promise<void> {
  const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: Object.keys(CONFIG) }];
  const answer = await admin.describeConfigs({ includeSynonyms: false, resources });
  const entries = answer.resources[0]?.configEntries ?? [];
  const found = new Map(entries.map(({ configName, configValue }) => [configName, configValue]));
  const wrong = Object.entries(CONFIG).filter(([name, value]) => found.get(name) !== value);
  if (wrong.length === 0) return;
  const is = wrong.map(([name]) => `${name}=${found.get(name) ?? 'unknown'}`).join(', ');
  const should = wrong.map(([name, value]) => `${name}=${value}`).join(',');
  throw new AtdError(
    'ATD_CONFIG_INVALID',
    `tenants.set_aside is topic, and the topic ${topic} has ${is}: it would lose messages that wait. ` +
      `Set it right (kafka-configs.sh --alter --topic ${topic} --add-config ${should}), or tenants.set_aside: off`,
  );
}

/** A record is set aside on the partition of its own number. */
async function addPartitions(admin: Admin, { of, topic }: WaitingTopic): Promise<void> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [of, topic] });
  const countOf = (name: string) => topics.find((each) => each.name === name)?.partitions.length ?? 0;
  if (countOf(topic) >= countOf(of)) return;
  await admin.createPartitions({ topicPartitions: [{ topic, count: countOf(of) }] });
}
