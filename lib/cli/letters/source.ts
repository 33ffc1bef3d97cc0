/** The topic of the dead letters by the settings of a command. */
import type { Config } from '../../config/load.js';
import { createKafkaClient } from '../../kafka/client.js';
import type { Source } from '../../letters/letter-topic.js';
import { kafkaOptions, letterTopicOf, mendClient, SILENT } from '../../service/adapters.js';

export function openSource(config: Config): Source {
  mendClient(config);
  const kafka = createKafkaClient({ ...kafkaOptions(() => config), ...SILENT, retries: 1 });
  return { kafka, topic: letterTopicOf(config), groupId: config.kafka.group_id };
}
