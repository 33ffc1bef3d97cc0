/** How the sandbox's Kafka brokers are configured and started: KRaft nodes, each broker and controller in one JVM. */

export interface KafkaPorts {
  readonly broker: number;
  readonly controller: number;
}

/** Kafka's own default for its internal topics. */
const MAX_REPLICAS = 3;

/**
 * `server.properties` of one node.
 *
 * @param cluster the ports of all nodes; the ids of the nodes are their places in it, from 1 on
 * @param index which of them it is for
 * @param directory holds the node's data
 * @param more what else is to be set, or set otherwise
 */
export function serverProperties(
  cluster: readonly KafkaPorts[],
  index: number,
  directory: string,
  more: Readonly<Record<string, string | number>> = {},
): string {
  const ports = cluster[index] as KafkaPorts;
  const replicas = Math.min(cluster.length, MAX_REPLICAS);
  const settings: Readonly<Record<string, string | number | boolean>> = {
    'process.roles': 'broker,controller',
    'node.id': index + 1,
    listeners: `PLAINTEXT://127.0.0.1:${ports.broker},CONTROLLER://127.0.0.1:${ports.controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${ports.broker}`,
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.quorum.voters': cluster.map(({ controller }, at) => `${at + 1}@127.0.0.1:${controller}`).join(','),
    'log.dirs': directory,
    'auto.create.topics.enable': true,
    'num.partitions': 1,
    'default.replication.factor': replicas,
    // Internal topics default to three replicas and 50 partitions, which one node cannot give or takes long to make.
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    // A group's first member need not wait three seconds for others.
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1_000,
  };
  return Object.entries({ ...settings, ...more })
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

/** Arguments of `java`: quick to start and small; `temporary` takes the native libraries that the jars unpack. */
export function javaArguments(jars: string, temporary: string, mainClass: string, args: readonly string[]): string[] {
  return [
    '-Xmx512m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-XX:-UsePerfData',
    `-Djava.io.tmpdir=${temporary}`,
    '-Djava.awt.headless=true',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    '-cp',
    `${jars}/*`,
    mainClass,
    ...args,
  ];
}

/** The feature release of a Java runtime from the output of `java -version`; null where it says nothing known. */
export function javaRelease(output: string): number | null {
  const found = /version "(?:1\.)?(\d+)/.exec(output)?.[1];
  return found === undefined ? null : Number(found);
}
