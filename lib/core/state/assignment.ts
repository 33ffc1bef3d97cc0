/**
 * The partitions that the group gave us, and what the client was asked for about reading them. After every group join the
 * client may have forgotten pauses or kept stale ones, so they are all stated anew.
 */
import type { TopicPartition } from '../../types.js';
import { newPartitionState, type PartitionState, partitionKey } from './partition-state.js';

export interface PauseChanges {
  readonly pause: TopicPartition[];
  readonly resume: TopicPartition[];
}

export class Assignment {
  #owned = new Map<string, PartitionState>();
  /** The same as a list, which every event goes through. */
  #list: readonly PartitionState[] = [];
  /** The one that was asked for last: records come by the batch, each of one partition. */
  #last: PartitionState | null = null;

  get size(): number {
    return this.#owned.size;
  }

  get(partition: TopicPartition): PartitionState | null {
    const last = this.#last;
    if (last?.partition === partition.partition && last.topic === partition.topic) return last;
    this.#last = this.#owned.get(partitionKey(partition)) ?? null;
    return this.#last;
  }

  values(): Iterable<PartitionState> {
    return this.#list;
  }

  /** Takes the whole new assignment. Retained partitions keep their trackers; the lost ones are returned. */
  replace(partitions: readonly TopicPartition[]): PartitionState[] {
    const before = this.#owned;
    this.#owned = new Map();
    this.#last = null;
    for (const partition of partitions) {
      const key = partitionKey(partition);
      const owned = before.get(key) ?? newPartitionState(partition);
      owned.paused = null;
      owned.restored = false;
      owned.tracker.rejoined();
      this.#owned.set(key, owned);
      before.delete(key);
    }
    this.#list = [...this.#owned.values()];
    const lost = [...before.values()];
    for (const owned of lost) owned.lost = true;
    return lost;
  }

  /** The partition's offsets began anew: what was kept of it is lost, and it is owned as if it had just been given. */
  renew(owned: PartitionState): PartitionState {
    const fresh: PartitionState = { ...newPartitionState(owned), paused: owned.paused, restored: true };
    owned.lost = true;
    this.#owned.set(partitionKey(owned), fresh);
    this.#list = [...this.#owned.values()];
    this.#last = null;
    return fresh;
  }

  /** Whether it is known of every partition what was committed. */
  get isRestored(): boolean {
    for (const { restored } of this.#list) if (!restored) return false;
    return true;
  }

  /** Notes what each partition should be and returns those for which that is news, or null where there are none. */
  setPaused(wanted: (owned: PartitionState) => boolean, now: number): PauseChanges | null {
    let changes: PauseChanges | null = null;
    for (const owned of this.#list) {
      const paused = wanted(owned);
      if (paused === owned.paused) continue;
      owned.paused = paused;
      owned.pausedSince = paused ? (owned.pausedSince ?? now) : null;
      changes ??= { pause: [], resume: [] };
      changes[paused ? 'pause' : 'resume'].push({ topic: owned.topic, partition: owned.partition });
    }
    return changes;
  }
}
