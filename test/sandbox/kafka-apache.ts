/** Starts Apache Kafka itself: KRaft nodes, a JVM each, on free ports of 127.0.0.1, with data that goes when they stop. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Guarded } from './guarded.js';
import { brokerAnswers } from './kafka-admin.js';
import type { KafkaJars } from './kafka-jars.js';
import { javaArguments, javaRelease, type KafkaPorts, serverProperties } from './kafka-settings.js';
import { quietPort } from './ports.js';

/** Kafka 4 brokers need it. */
const MIN_JAVA_RELEASE = 17;
/** Some seconds of a processor, which a busy machine has not to spare. */
export const START_TIMEOUT_MS = 300_000;
/** Any UUID in Kafka's base64 form will do for a cluster of one. */
export const CLUSTER_ID = 'YXRkLWluZ2VzdGlvbi1zYg';

/** So many ports that nobody else is given. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await quietPort());
  return [...ports];
}

/** Two ports for each node. */
async function portsOf(nodes: number): Promise<KafkaPorts[]> {
  const all = await freePorts(nodes * 2);
  return Array.from({ length: nodes }, (_, node) => ({
    broker: all[node * 2] as number,
    controller: all[node * 2 + 1] as number,
  }));
}

/** @throws Error where there is no Java, or one too old for Kafka 4. */
export async function requireJava(guarded: Guarded): Promise<void> {
  const output = await guarded.complete('java', ['-version']);
  const release = javaRelease(output);
  if (release !== null && release < MIN_JAVA_RELEASE)
    throw new Error(`Java ${release} was found, and Kafka 4 needs Java ${MIN_JAVA_RELEASE} or newer`);
}

/** Formats the storage and starts the nodes; resolves to their addresses once all answer. @throws Error with the output. */
export async function startApacheKafka(guarded: Guarded, jars: KafkaJars, nodes: number): Promise<string[]> {
  const cluster = await portsOf(nodes);
  const temporary = join(guarded.directory, 'tmp');
  await mkdir(temporary);
  const files: string[] = [];
  for (const index of cluster.keys()) {
    const properties = join(guarded.directory, `server-${index + 1}.properties`);
    await writeFile(properties, serverProperties(cluster, index, join(guarded.directory, `data-${index + 1}`)));
    const format = ['format', '--cluster-id', CLUSTER_ID, '--config', properties];
    await guarded.complete('java', javaArguments(jars.directory, temporary, 'kafka.tools.StorageTool', format));
    files.push(properties);
  }
  // One node of several answers only when most of them run.
  const brokers = files.map((file) =>
    guarded.run('java', javaArguments(jars.directory, temporary, 'kafka.Kafka', [file])),
  );
  const addresses = cluster.map(({ broker }) => `127.0.0.1:${broker}`);
  for (const [index, broker] of brokers.entries()) {
    const address = addresses[index] as string;
    await guarded.ready(broker, START_TIMEOUT_MS, async () => ((await brokerAnswers(address, nodes)) ? address : null));
  }
  return addresses;
}
