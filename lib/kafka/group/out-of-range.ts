/**
 * Where the client goes on when the broker does not have the offset that is to be read: retention has passed it, or the topic
 * was made anew. kafkajs 2.2.4 begins as a new group would, with `latest` behind all that is left. And what it commits is a
 * placeholder, which every other reader of the commits takes for none. Here it goes on at the first message that there is,
 * for a group that has once begun leaves nothing out, and commits that offset.
 */
import { createRequire } from 'node:module';

/** The client's, of one membership. */
interface OffsetManager {
  readonly groupId: string;
  readonly memberId: string;
  readonly generationId: number;
  readonly cluster: {
    fetchTopicsOffset(
      topics: readonly { topic: string; partitions: readonly { partition: number }[]; fromBeginning: boolean }[],
    ): Promise<readonly { readonly partitions: readonly { readonly offset: string }[] }[]>;
  };
  getCoordinator(): Promise<{ offsetCommit(commit: object): Promise<unknown> }>;
  /** Has the committed offset read again before the next fetch. */
  clearOffsets(place: { topic: string; partition: number }): void;
  setDefaultOffset(place: { topic: string; partition: number }): Promise<void>;
}

let isMended = false;

/** Affects all consumers of this process. */
export function mendOutOfRange(): void {
  if (isMended) return;
  isMended = true;
  const require = createRequire(import.meta.url);
  const { prototype } = require('kafkajs/src/consumer/offsetManager') as { readonly prototype: OffsetManager };
  prototype.setDefaultOffset = goToFirst;
}

async function goToFirst(
  this: OffsetManager,
  { topic, partition }: { topic: string; partition: number },
): Promise<void> {
  const [found] = await this.cluster.fetchTopicsOffset([{ topic, partitions: [{ partition }], fromBeginning: true }]);
  const offset = found?.partitions[0]?.offset;
  // The fetch is repeated, and so is this.
  if (offset === undefined) return;
  const { groupId, memberId, generationId: groupGenerationId } = this;
  const coordinator = await this.getCoordinator();
  const topics = [{ topic, partitions: [{ partition, offset }] }];
  await coordinator.offsetCommit({ groupId, memberId, groupGenerationId, topics });
  this.clearOffsets({ topic, partition });
}
