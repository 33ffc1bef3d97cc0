/** Kafka as the service will find it: brokers, user, topics, rights and group. Writes nothing. */
import type { Kafka } from 'kafkajs';
import type { Config } from '../../config/load.js';
import { ask, fetchFrom, withCluster } from '../../kafka/admin.js';
import { createKafkaClient } from '../../kafka/client.js';
import { groupObstacle, isMissingRight, userObstacle } from '../../kafka/group/refusals.js';
import { withinSeconds } from '../../sending/within.js';
import { kafkaOptions, letterTopicOf, mendClient, SILENT } from '../../service/adapters.js';
import { waitingTopicOf } from '../../service/settings.js';
import { countText } from '../../util/plain-text.js';
import { type Finding, ill, unasked, well } from './finding.js';

const PATIENCE_S = 10;
const READABLE = 'permit READ and DESCRIBE on it';

export async function kafkaFindings(config: Config): Promise<Finding[]> {
  mendClient(config);
  const kafka = createKafkaClient({ ...kafkaOptions(() => config), ...SILENT, retries: 1 });
  const { topic, bootstrap_servers, group_id } = config.kafka;
  const what = `Kafka at ${bootstrap_servers.join(', ')}`;
  const brokers = await brokersOf(kafka, what);
  const waiting = waitingTopicOf(config);
  if (brokers.isWell !== true) {
    const others = [`topic ${topic}`, `topic ${letterTopicOf(config)}`, `group ${group_id}`];
    return [brokers, ...others.map((other) => unasked(other, 'Kafka does not answer'))];
  }
  return [
    brokers,
    await topicFinding(
      kafka,
      config,
      topic,
      'make it, with as many partitions as instances will share, or correct kafka.topic',
    ),
    await lettersFinding(kafka, config),
    ...(waiting === null
      ? []
      : [await optionalTopic(kafka, config, waiting.topic, 'the service makes it at its start')]),
    await groupFinding(kafka, config),
  ];
}

async function brokersOf(kafka: Kafka, what: string): Promise<Finding> {
  try {
    const { brokers } = await withinSeconds(
      PATIENCE_S,
      'no broker has answered',
      ask(kafka, 0, (admin) => admin.describeCluster()),
    );
    return well(what, `${countText(brokers.length, 'broker')}, and they take the user`);
  } catch (error) {
    const ofUser = userObstacle(error);
    if (ofUser !== null) return ill(what, ofUser, 'correct kafka.sasl');
    return ill(what, (error as Error).message, 'check kafka.bootstrap_servers, kafka.ssl, and the way there');
  }
}

async function topicFinding(kafka: Kafka, config: Config, topic: string, advice: string): Promise<Finding> {
  const what = `topic ${topic}`;
  try {
    const partitions = await partitionsOf(kafka, topic);
    if (partitions === null) return ill(what, 'it is not there, or this user may not see it', advice);
    await mayRead(kafka, config.kafka.group_id, topic);
    return well(what, `${countText(partitions, 'partition')}, and it may be read`);
  } catch (error) {
    return ill(what, (error as Error).message, READABLE);
  }
}

async function lettersFinding(kafka: Kafka, config: Config): Promise<Finding> {
  const topic = letterTopicOf(config);
  const { create_topic } = config.service.dead_letter;
  if (create_topic) return optionalTopic(kafka, config, topic, 'the service makes it at the first dead letter');
  const advice = 'make it, or let the service do so (service.dead_letter.create_topic)';
  return topicFinding(kafka, config, topic, advice);
}

/** One that the service makes by itself. */
async function optionalTopic(kafka: Kafka, config: Config, topic: string, missing: string): Promise<Finding> {
  const partitions = await partitionsOf(kafka, topic).catch(() => null);
  return partitions === null
    ? well(`topic ${topic}`, `not there yet; ${missing}`)
    : topicFinding(kafka, config, topic, '');
}

async function groupFinding(kafka: Kafka, { kafka: { group_id } }: Config): Promise<Finding> {
  const what = `group ${group_id}`;
  try {
    return await ask(kafka, 1, async (admin) => {
      const { groups } = await admin.describeGroups([group_id]);
      const [group] = groups;
      await admin.fetchOffsets({ groupId: group_id });
      const members = group?.members ?? [];
      if (members.length === 0) return well(what, 'nobody reads with it: no service runs');
      const hosts = [...new Set(members.map(({ clientHost }) => clientHost.replace(/^\//, '')))];
      return well(what, `${countText(members.length, 'member')} at ${hosts.join(', ')}, ${group?.state}`);
    });
  } catch (error) {
    const why = groupObstacle(error, group_id) ?? (error as Error).message;
    return ill(what, why, 'permit READ and DESCRIBE on the group (kafka.group_id)');
  }
}

async function partitionsOf(kafka: Kafka, topic: string): Promise<number | null> {
  return ask(kafka, 1, async (admin) => {
    if (!(await admin.listTopics()).includes(topic)) return null;
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]?.partitions.length ?? 0;
  });
}

/** Asks for what comes behind the end, which needs the same right as what is there. */
async function mayRead(kafka: Kafka, groupId: string, topic: string): Promise<void> {
  const [first] = await ask(kafka, 1, (admin) => admin.fetchTopicOffsets(topic));
  if (first === undefined) return;
  try {
    await withCluster(kafka, groupId, async (cluster) => {
      await cluster.addTargetTopic(topic);
      const leaders = cluster.findLeaderForPartitions(topic, [first.partition]);
      const [nodeId = ''] = Object.keys(leaders);
      const broker = await cluster.findBroker({ nodeId });
      await fetchFrom(broker, { topic, partition: first.partition, offset: Number(first.high), maxWaitMs: 1 });
    });
  } catch (error) {
    if (isMissingRight(error)) throw new Error('this user may not read it', { cause: error });
    throw error;
  }
}
