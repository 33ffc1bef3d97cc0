/** The consumer adapter over the real client and a scripted broker, with a transcript of what it reports. */
import type { TestContext } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import type { CommitOffset } from '../../lib/core/events.js';
import { type ConsumerAdapter, type ConsumerEvents, createConsumer } from '../../lib/kafka/consumer.js';
import type { KafkaRecord, TopicPartition } from '../../lib/types.js';
import { waitUntil } from './processes.js';
import { type BrokerOptions, ScriptedBroker } from './scripted-broker.js';

export const TOPIC = 'files';
const DEADLINE_MS = 60_000;

export interface MemberOptions {
  /** Whether a consumer that crashed may start again. */
  readonly mayRestart?: () => boolean;
  readonly fromBeginning?: boolean;
  readonly onLostOffsets?: 'stop' | 'earliest' | 'latest';
  readonly kafka?: Kafka;
  /** Called with each event, before it is written down. */
  readonly on?: Partial<ConsumerEvents>;
}

/** Fails soon: what a broker refuses is tried again after some milliseconds. Its time-outs are for what hangs. */
export function hastyKafka(broker: ScriptedBroker, mayRestart: () => boolean = () => true): Kafka {
  return new Kafka({
    brokers: [broker.address],
    connectionTimeout: 60_000,
    requestTimeout: 60_000,
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 10, maxRetryTime: 20, restartOnFailure: async () => mayRestart() },
  });
}

/** With the topic, all partitions of which the member is to get. */
export async function startBroker(
  t: TestContext,
  partitions: number,
  options: BrokerOptions = {},
): Promise<ScriptedBroker> {
  const broker = await ScriptedBroker.start(t, { topics: { [TOPIC]: partitions }, ...options });
  broker.assignment = Array.from({ length: partitions }, (_, number) => number);
  return broker;
}

export class GroupMember {
  /** What was reported, in order: `assigned 1: 0 1`, `restored 1: 0@5`, `record 0@5`, `waiting: …`. */
  readonly lines: string[] = [];
  readonly records: KafkaRecord[] = [];
  readonly adapter: ConsumerAdapter;

  private constructor(broker: ScriptedBroker, options: MemberOptions) {
    const { on = {}, fromBeginning = true, onLostOffsets = 'stop', mayRestart } = options;
    const kafka = options.kafka ?? hastyKafka(broker, mayRestart);
    const positions = (list: readonly { partition: number; offset: number | null }[]) =>
      list.map(({ partition, offset }) => `${partition}@${offset ?? 'none'}`).join(' ');
    this.adapter = createConsumer(
      {
        ...{
          kafka,
          asking: kafka,
          brokers: [broker.address],
          topic: TOPIC,
          groupId: 'group',
          letterTopic: `${TOPIC}.dlq`,
        },
        ...{ fromBeginning, onLostOffsets, sessionTimeoutMs: 500, maxWaitMs: 20 },
      },
      {
        assigned: (epoch, partitions) => {
          this.lines.push(`assigned ${epoch}: ${partitions.map(({ partition }) => partition).join(' ')}`);
          on.assigned?.(epoch, partitions);
        },
        restored: (epoch, restored) => {
          this.lines.push(`restored ${epoch}: ${positions(restored)}`);
          on.restored?.(epoch, restored);
        },
        record: (record, defect) => {
          this.lines.push(`record ${record.partition}@${record.offset}`);
          this.records.push(record);
          on.record?.(record, defect);
        },
        rebalancing: () => {
          this.lines.push('rebalancing');
          on.rebalancing?.();
        },
        restarting: (error) => {
          this.lines.push('restarting');
          on.restarting?.(error);
        },
        failed: (error) => {
          this.lines.push('failed');
          on.failed?.(error);
        },
        waiting: (reason) => {
          this.lines.push(`waiting: ${reason}`);
          on.waiting?.(reason);
        },
      },
    );
  }

  /** Stopped at the end of the test. */
  static create(t: TestContext, broker: ScriptedBroker, options: MemberOptions = {}): GroupMember {
    const member = new GroupMember(broker, options);
    t.after(() => member.adapter.stop());
    return member;
  }

  /** In its group, with all that the group has committed. */
  static async join(t: TestContext, broker: ScriptedBroker, options: MemberOptions = {}): Promise<GroupMember> {
    const member = GroupMember.create(t, broker, options);
    await member.adapter.start();
    await member.reports('restored 1');
    return member;
  }

  /** The lines that begin so. */
  found(beginning: string): string[] {
    return this.lines.filter((line) => line.startsWith(beginning));
  }

  /** Waits until so many lines that begin so were reported. */
  async reports(beginning: string, count = 1): Promise<void> {
    await waitUntil(
      () => this.found(beginning).length >= count,
      DEADLINE_MS,
      `${count} times '${beginning}' among ${this.lines.join(', ')}`,
    );
  }
}

export function partition(number: number): TopicPartition {
  return { topic: TOPIC, partition: number };
}

export function position(number: number, offset: number, metadata = ''): CommitOffset {
  return { ...partition(number), offset, metadata };
}
