/** How far the service is behind the topic, of what the engine knows of its partitions and the brokers of their ends. */
import type { EngineStatus, PartitionStatus } from '../core/status.js';
import type { Sums } from './rates.js';

/** Where a partition begins and ends, as a broker said not long ago; null where none did. */
export type EndOf = (partition: PartitionStatus) => { readonly low: number; readonly high: number } | null;

export interface Lag {
  /** Of each partition of `EngineStatus`, in its order: messages that are not done; null where its end is not known. */
  readonly partitions: readonly (number | null)[];
  /** The sum; null where it is not known of all. */
  readonly messages: number | null;
  /** What their files have: as announced where the message was read, else as much each as the last hour's had. */
  readonly fileBytes: number | null;
  /** Until all is done that is there now, as fast as in the last five minutes; null where nothing was done. */
  readonly secondsLeft: number | null;
}

/**
 * @param hour what was done in the last hour
 * @param perSecond what was done for each second of the last five minutes
 */
export function lagOf(status: EngineStatus, endOf: EndOf, hour: Sums, perSecond: Sums): Lag {
  const partitions = status.partitions.map((partition) => partitionLag(partition, endOf(partition)));
  const known = partitions.filter((lag) => lag !== null);
  if (known.length < partitions.length) return { partitions, messages: null, fileBytes: null, secondsLeft: null };
  const messages = known.reduce((sum, lag) => sum + lag, 0);
  const { jobs, fileBytes } = status.queue;
  const unread = Math.max(0, messages - jobs - status.running.length);
  const mean = hour.loaded === 0 ? 0 : hour.bytes / hour.loaded;
  const speed = perSecond.loaded + perSecond.failed;
  return {
    partitions,
    messages,
    fileBytes: Math.round(fileBytes + unread * mean),
    secondsLeft: messages === 0 ? 0 : speed === 0 ? null : Math.round(messages / speed),
  };
}

/** What is completed beyond the frontier is done, although no commit's offset can say so. */
function partitionLag(
  { frontier, completedAhead }: PartitionStatus,
  bounds: { readonly low: number; readonly high: number } | null,
): number | null {
  return bounds === null ? null : Math.max(0, bounds.high - (frontier ?? bounds.low) - completedAhead);
}
