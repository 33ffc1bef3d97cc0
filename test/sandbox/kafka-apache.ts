/** Starts Apache Kafka itself: one KRaft node in a JVM, on free ports of 127.0.0.1, with data that goes when it stops. */
import { mkdir, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import type { Guarded } from './guarded.js';
import { brokerAnswers } from './kafka-admin.js';
import type { KafkaJars } from './kafka-jars.js';
import { javaArguments, javaRelease, type KafkaPorts, serverProperties } from './kafka-settings.js';

/** Kafka 4 brokers need it. */
const MIN_JAVA_RELEASE = 17;
/** Some seconds of a processor, which a busy machine has not to spare. */
const START_TIMEOUT_MS = 300_000;
/** Any UUID in Kafka's base64 form will do for a cluster of one. */
const CLUSTER_ID = 'YXRkLWluZ2VzdGlvbi1zYg';

/** Two ports that were free a moment ago; held open together, so that they differ. */
async function freePorts(): Promise<KafkaPorts> {
  const servers = [createServer(), createServer()];
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return { broker: ports[0] as number, controller: ports[1] as number };
}

/** @throws Error where there is no Java, or one too old for Kafka 4. */
export async function requireJava(guarded: Guarded): Promise<void> {
  const output = await guarded.complete('java', ['-version']);
  const release = javaRelease(output);
  if (release !== null && release < MIN_JAVA_RELEASE)
    throw new Error(`Java ${release} was found, and Kafka 4 needs Java ${MIN_JAVA_RELEASE} or newer`);
}

/** Formats the storage and starts the node; resolves to its address once it answers. @throws Error with its output. */
export async function startApacheKafka(guarded: Guarded, jars: KafkaJars): Promise<string> {
  const ports = await freePorts();
  const properties = join(guarded.directory, 'server.properties');
  const temporary = join(guarded.directory, 'tmp');
  await mkdir(temporary);
  await writeFile(properties, serverProperties(ports, join(guarded.directory, 'data')));

  const format = ['format', '--cluster-id', CLUSTER_ID, '--config', properties];
  await guarded.complete('java', javaArguments(jars.directory, temporary, 'kafka.tools.StorageTool', format));
  const broker = guarded.run('java', javaArguments(jars.directory, temporary, 'kafka.Kafka', [properties]));
  const address = `127.0.0.1:${ports.broker}`;
  return await guarded.ready(broker, START_TIMEOUT_MS, async () => ((await brokerAnswers(address)) ? address : null));
}
