/**
 * Where the reading of an assignment begins. A partition without a commit gets one before anything of it is read, so that
 * the group is never again taken for one that has not read.
 */
import type { Kafka } from 'kafkajs';
import type { CommitOffset, CommittedPosition } from '../core/events.js';
import { EMPTY_METADATA, encodeMetadata } from '../core/offsets/commit-metadata.js';
import { readBounds, readCommitted } from './admin.js';
import { describeLoss, findLoss, type Known, type Loss } from './group/lost-offsets.js';
import { isMadeAnew, type Landmark } from './landmarks.js';
import { readRecentLetters } from './recent-letters.js';

export interface StartOptions {
  readonly kafka: Kafka;
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly groupId: string;
  readonly letterTopic: string;
  /** Whether a group that has never read begins at the first message, not behind the last one. */
  readonly fromBeginning: boolean;
  /** What becomes of a group whose commits are gone. */
  readonly onLostOffsets: 'stop' | 'earliest' | 'latest';
  /** Topics of which the member commits what it reads by itself: without a subscription those commits would expire. */
  readonly besides?: readonly string[];
}

export interface StartingPoints {
  /** What the group has committed for the partitions of the assignment, once `begin` is. */
  readonly positions: readonly CommittedPosition[];
  /** To be committed before anything is read. */
  readonly begin: readonly CommitOffset[];
  /** Where the client would not begin by itself. */
  readonly seek: readonly CommitOffset[];
  /** Why nothing may be read; null where all is well. */
  readonly lost: string | null;
}

export class Starts {
  readonly #options: StartOptions;
  /** What this process has seen committed, by partition. */
  readonly #seen = new Map<number, number>();
  /** The last message that this process has read, by partition. */
  readonly #read = new Map<number, Landmark>();

  constructor(options: StartOptions) {
    this.#options = options;
  }

  committed(offsets: readonly CommitOffset[]): void {
    for (const { topic, partition, offset } of offsets) {
      if (topic === this.#options.topic) this.#seen.set(partition, offset);
    }
  }

  read({ partition, offset, timestamp }: Landmark): void {
    this.#read.set(partition, { partition, offset, timestamp });
  }

  /** @throws KafkaJSError when a broker does not answer */
  async find(partitions: readonly number[]): Promise<StartingPoints> {
    const { kafka, groupId, topic, onLostOffsets, fromBeginning } = this.#options;
    const all = await readCommitted(kafka, groupId, topic);
    const byPartition = new Map(all.map((position) => [position.partition, position]));
    const none = (partition: number): CommittedPosition => ({ topic, partition, offset: null, metadata: '' });
    const positions = partitions.map((partition) => byPartition.get(partition) ?? none(partition));
    for (const { partition, offset } of positions) if (offset !== null) this.#seen.set(partition, offset);
    const own = positions.filter(({ offset }) => offset === null).map(({ partition }) => partition);
    if (own.length === 0) return { positions, begin: [], seek: [], lost: null };
    const bounds = await readBounds(kafka, topic);
    const hasCommits = all.some(({ offset }) => offset !== null);
    const letters = hasCommits ? [] : await readRecentLetters(this.#options);
    const missing = hasCommits ? own : [...bounds.keys()];
    const loss = await this.#findLoss({ missing, hasCommits, bounds, seen: this.#seen }, letters);
    if (loss !== null && onLostOffsets === 'stop') {
      return { positions, begin: [], seek: [], lost: describeLoss(loss, this.#options) };
    }
    const place = (partition: number, isFirst: boolean): CommitOffset => {
      const { low, high } = bounds.get(partition) ?? { low: 0, high: 0 };
      return newPosition(topic, partition, isFirst ? low : high);
    };
    // Those of the other members, too, where all commits are gone: to each of them the group would look as if it had some.
    const again = (loss?.partitions ?? []).map((partition) => place(partition, onLostOffsets === 'earliest'));
    const isAgain = new Set(again.map(({ partition }) => partition));
    // A partition that was added later: all in it was announced after the group's first start.
    const isAdded = hasCommits;
    const anew = own
      .filter((partition) => !isAgain.has(partition))
      .map((partition) => place(partition, fromBeginning || isAdded));
    // The client begins at the first message by itself, and the engine is careful with a partition that has no commit.
    const seek = fromBeginning ? again : [...again, ...anew];
    return { positions: withCommits(positions, seek), begin: [...again, ...anew], seek, lost: null };
  }

  /** None in a topic that was made anew, where all that is known is known of the former one. */
  async #findLoss(known: Omit<Known, 'letters'>, letters: readonly Landmark[]): Promise<Loss | null> {
    const loss = findLoss({ ...known, letters });
    if (loss === null) return null;
    const { bounds } = known;
    const landmarks = [...this.#read.values(), ...letters].filter(
      ({ partition, offset }) => offset < (bounds.get(partition)?.high ?? 0),
    );
    if (!(await isMadeAnew(this.#options, landmarks))) return loss;
    this.#seen.clear();
    this.#read.clear();
    return null;
  }
}

/** Of a group that has read nothing beyond it, and lost nothing. */
function newPosition(topic: string, partition: number, offset: number): CommitOffset {
  return { topic, partition, offset, metadata: encodeMetadata(offset, { ...EMPTY_METADATA, clean: true }) };
}

function withCommits(
  positions: readonly CommittedPosition[],
  commits: readonly CommitOffset[],
): readonly CommittedPosition[] {
  return positions.map((each) => commits.find(({ partition }) => partition === each.partition) ?? each);
}
