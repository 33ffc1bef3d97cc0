/** What the engine keeps of a partition while the partition is assigned to it. */
import type { TopicPartition } from '../../types.js';
import { AttemptLedger } from '../offsets/attempt-counts.js';
import { OffsetTracker } from '../offsets/offset-tracker.js';

/** A partition of our assignment. Once lost it stays lost: a partition that comes back is a new one. */
export interface PartitionState extends TopicPartition {
  readonly tracker: OffsetTracker;
  readonly attempts: AttemptLedger;
  lost: boolean;
  /** Whether the committed position is known; until then the partition is not read. */
  restored: boolean;
  /**
   * After an unclean shutdown: while this is above 0, a job's start is committed before the job runs, so that a file that
   * kills the service is found out. Counts down with each completed record.
   */
  markersLeft: number;
  /** The metadata that the broker acknowledged last. */
  committedMetadata: string;
  /** What the group has, or will have when the commit that is on its way arrives; null where it has nothing. */
  lastCommit: { readonly offset: number; readonly metadata: string } | null;
  /** Whether the metadata of the last commit came near to what a broker accepts. */
  metadataNearlyFull: boolean;
  /** What the client was last asked for; null when a rebalance may have changed it. */
  paused: boolean | null;
  /** Since when it is not read; null while it is. */
  pausedSince: number | null;
  /** Records that completed since the last commit was sent, and those that went with it and are not acknowledged. */
  completedUnsent: number;
  completedUnacknowledged: number;
  /** Bytes of the messages that are held until their records complete. */
  heldBytes: number;
}

export function newPartitionState({ topic, partition }: TopicPartition): PartitionState {
  return {
    topic,
    partition,
    tracker: new OffsetTracker(),
    attempts: new AttemptLedger(),
    lost: false,
    restored: false,
    markersLeft: 0,
    committedMetadata: '',
    lastCommit: null,
    metadataNearlyFull: false,
    paused: null,
    pausedSince: null,
    completedUnsent: 0,
    completedUnacknowledged: 0,
    heldBytes: 0,
  };
}

export function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
