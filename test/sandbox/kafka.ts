/**
 * Starts the Kafka of the sandbox: an external one where KAFKA_BROKERS names it, else Apache Kafka, else, where neither
 * its jars nor Java can be had, librdkafka's mock cluster. What runs is said in `description`. SANDBOX_KAFKA_BROKERS says how
 * many nodes Apache Kafka is to have (1).
 */
import { Guarded } from './guarded.js';
import { requireJava, startApacheKafka } from './kafka-apache.js';
import { type KafkaJars, kafkaJars } from './kafka-jars.js';
import { startMockCluster } from './kafka-mock.js';

export type KafkaKind = 'external' | 'kafka' | 'mock';

export interface KafkaSandbox {
  readonly brokers: string[];
  readonly kind: KafkaKind;
  readonly description: string;
  stop(): Promise<void>;
}

const KINDS: readonly KafkaKind[] = ['external', 'kafka', 'mock'];

/** The test runner starts one Kafka for all files and tells by SANDBOX_KAFKA_KIND what it is. */
function external(brokers: string): KafkaSandbox {
  return {
    brokers: brokers.split(',').map((broker) => broker.trim()),
    kind: KINDS.find((kind) => kind === process.env['SANDBOX_KAFKA_KIND']) ?? 'external',
    description: `the Kafka at ${brokers} (KAFKA_BROKERS)`,
    stop: async () => undefined,
  };
}

/** One line: what failed, and the first error that the command itself named. */
function reasonOf(error: unknown): string {
  const [what, ...output] = (error instanceof Error ? error.message : String(error)).split('\n');
  const first = output.find((line) => /error/i.test(line));
  return first === undefined ? String(what) : `${what} ${first.trim()}`;
}

/**
 * Jars and Java, or the reason why there is no Apache Kafka here. Which version SANDBOX_KAFKA may say.
 *
 * @throws Error when Maven cannot fetch the version that was asked for
 */
async function findKafka(guarded: Guarded): Promise<KafkaJars | { readonly missing: string }> {
  const wanted = process.env['SANDBOX_KAFKA'] || null;
  if (wanted === 'mock') return { missing: 'SANDBOX_KAFKA=mock asks for it' };
  try {
    await requireJava(guarded);
  } catch (error) {
    return { missing: `Java cannot be had: ${reasonOf(error)}` };
  }
  try {
    return await kafkaJars(guarded, wanted);
  } catch (error) {
    // Who asks for a version is not served by something else.
    if (wanted !== null) throw error;
    return { missing: `Kafka's jars could not be fetched from Maven Central: ${reasonOf(error)}` };
  }
}

async function startMock(guarded: Guarded, reason: string): Promise<KafkaSandbox> {
  try {
    const { address, version } = await startMockCluster(guarded);
    return {
      brokers: [address],
      kind: 'mock',
      description: `librdkafka's mock cluster (kcat ${version}) at ${address}, because ${reason}`,
      stop: () => guarded.stop(),
    };
  } catch (error) {
    const advice = 'install a JDK 17 with Maven, or kcat, or set KAFKA_BROKERS to a Kafka of your own';
    throw new Error(`no Kafka for the sandbox: ${advice}.\n${reason}\nkcat: ${reasonOf(error)}`, { cause: error });
  }
}

/** @throws Error that says what to install or to set, where no Kafka can be had. */
export async function startKafka(): Promise<KafkaSandbox> {
  const brokers = process.env['KAFKA_BROKERS'];
  if (brokers !== undefined && brokers.trim() !== '') return external(brokers);
  const guarded = await Guarded.start('atd-kafka-');
  try {
    const kafka = await findKafka(guarded);
    let sandbox: KafkaSandbox;
    if ('missing' in kafka) {
      sandbox = await startMock(guarded, kafka.missing);
    } else {
      const nodes = Number(process.env['SANDBOX_KAFKA_BROKERS'] || 1);
      const brokers = await startApacheKafka(guarded, kafka, nodes);
      const size = nodes === 1 ? 'one node' : `${nodes} nodes`;
      sandbox = {
        brokers,
        kind: 'kafka',
        description: `Apache Kafka ${kafka.version} (KRaft, ${size}) at ${brokers.join(', ')}`,
        stop: () => guarded.stop(),
      };
    }
    guarded.release();
    return sandbox;
  } catch (error) {
    await guarded.stop();
    throw error;
  }
}
