/**
 * Whether the commits of a group are gone: deleted, or expired while it stood still for longer than brokers keep them. Without
 * them it looks like a group that has never read, which would load the whole topic once more. A group that was started once
 * has commits, for it commits where it begins; whether there were any is known from what this process has seen committed, and
 * from the group's dead letters.
 */

export interface Bounds {
  /** The offset of the first message that there is. */
  readonly low: number;
  /** Behind the last one. */
  readonly high: number;
}

export interface Known {
  /** The partitions without a commit: of the whole topic where the group has no commit at all, else of those to be read. */
  readonly missing: readonly number[];
  readonly hasCommits: boolean;
  /** Of all partitions of the topic. */
  readonly bounds: ReadonlyMap<number, Bounds>;
  /** What this process has seen committed. */
  readonly seen: ReadonlyMap<number, number>;
  /** Where the messages of the group's dead letters stand. */
  readonly letters: readonly { readonly partition: number; readonly offset: number }[];
}

export interface Loss {
  readonly partitions: readonly number[];
  readonly evidence: string;
}

/**
 * Commits that expire, and those of a group that is deleted, go all at once: so a letter is evidence only where there are none.
 * A topic that was made anew begins at 0 again: what lies beyond its end says nothing about it.
 */
export function findLoss({ missing, hasCommits, bounds, seen, letters }: Known): Loss | null {
  const end = (partition: number): number => bounds.get(partition)?.high ?? 0;
  const forgotten = missing.filter((partition) => {
    const offset = seen.get(partition) ?? 0;
    return offset > 0 && offset <= end(partition);
  });
  const [first] = forgotten.sort((a, b) => a - b);
  if (first !== undefined) {
    const evidence = `this process has seen partition ${first} committed to ${seen.get(first)}`;
    return { partitions: hasCommits ? forgotten : missing, evidence };
  }
  const letter = letters.find(({ partition, offset }) => offset < end(partition));
  if (hasCommits || letter === undefined) return null;
  const evidence = `it has sent a dead letter of the message at ${letter.partition}/${letter.offset}`;
  return { partitions: missing, evidence };
}

/** What is wrong, and the commands to go on. */
export function describeLoss(
  { evidence }: Loss,
  {
    brokers,
    groupId,
    topic,
  }: { readonly brokers: readonly string[]; readonly groupId: string; readonly topic: string },
): string {
  const command =
    `kafka-consumer-groups.sh --bootstrap-server ${brokers.join(',')} --group ${groupId} --topic ${topic}` +
    ' --reset-offsets --to-earliest --execute';
  return (
    `the commits of the group ${groupId} for the topic ${topic} are gone (deleted, or expired), though ${evidence}. ` +
    'Nothing is loaded, for all messages that the topic still has would be loaded again. Stop all instances and set the ' +
    `offsets: ${command} (or --to-latest, or --to-datetime with the time of the last load); or start once with ` +
    'kafka.on_lost_offsets: earliest (loads all of them again) or latest (loads only what is announced from then on)'
  );
}
