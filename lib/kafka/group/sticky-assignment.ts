/**
 * Who of a group reads which partitions: all members of a topic as many as the others, within one, and each partition by
 * who has it already, as far as that allows. What moves is loaded again in part, and so is moved only for balance.
 */

/** What a member says when it joins. */
export interface Claim {
  readonly memberId: string;
  readonly topics: readonly string[];
  /** By topic, what it was given last. */
  readonly owned: ReadonlyMap<string, readonly number[]>;
  /** Since which generation of the group it has had all of that; of two claims the later one counts. */
  readonly since: number;
}

/** Partitions by topic, by member; every member is named. */
export type Assignment = ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>;

/**
 * The same for any order of the members and partitions.
 *
 * @param partitions the partitions of each topic; topics that are not named here are given to nobody
 */
export function assignPartitions(
  members: readonly Claim[],
  partitions: ReadonlyMap<string, readonly number[]>,
): Assignment {
  const claims = [...members].sort((a, b) => compare(a.memberId, b.memberId));
  const assignment = new Map(claims.map(({ memberId }) => [memberId, new Map<string, number[]>()]));
  const load = new Map(claims.map(({ memberId }) => [memberId, 0]));
  for (const topic of [...partitions.keys()].sort(compare)) {
    const readers = claims.filter(({ topics }) => topics.includes(topic));
    const numbers = [...new Set(partitions.get(topic))].sort((a, b) => a - b);
    for (const [memberId, share] of shareOut(topic, numbers, readers, load)) {
      assignment.get(memberId)?.set(topic, share);
      load.set(memberId, (load.get(memberId) ?? 0) + share.length);
    }
  }
  return assignment;
}

function shareOut(
  topic: string,
  partitions: readonly number[],
  readers: readonly Claim[],
  load: ReadonlyMap<string, number>,
): Map<string, number[]> {
  if (readers.length === 0) return new Map();
  const had = whatEachHad(topic, partitions, readers);
  const size = Math.floor(partitions.length / readers.length);
  const larger = partitions.length % readers.length;
  const count = (memberId: string): number => had.get(memberId)?.length ?? 0;
  // The larger shares spare a move where a member has more than the small one holds; else they go to who has least to do.
  const ranked = [...readers].sort(
    (a, b) =>
      Number(count(b.memberId) > size) - Number(count(a.memberId) > size) ||
      (load.get(a.memberId) ?? 0) - (load.get(b.memberId) ?? 0) ||
      compare(a.memberId, b.memberId),
  );
  const shares = new Map<string, number[]>();
  const places = new Map<string, number>();
  for (const [rank, { memberId }] of ranked.entries()) {
    places.set(memberId, size + (rank < larger ? 1 : 0));
    shares.set(memberId, had.get(memberId)?.slice(0, places.get(memberId)) ?? []);
  }
  const kept = new Set([...shares.values()].flat());
  const free = partitions.filter((partition) => !kept.has(partition));
  for (const [memberId, share] of shares) {
    share.push(...free.splice(0, (places.get(memberId) ?? 0) - share.length));
    share.sort((a, b) => a - b);
  }
  return shares;
}

/** Each partition with the one reader whose claim counts. */
function whatEachHad(topic: string, partitions: readonly number[], readers: readonly Claim[]): Map<string, number[]> {
  const owners = new Map<number, Claim>();
  for (const reader of readers) {
    for (const partition of reader.owned.get(topic) ?? []) {
      const other = owners.get(partition);
      if (other === undefined || other.since < reader.since) owners.set(partition, reader);
    }
  }
  const had = new Map<string, number[]>();
  for (const partition of partitions) {
    const owner = owners.get(partition)?.memberId;
    if (owner !== undefined) had.set(owner, [...(had.get(owner) ?? []), partition]);
  }
  return had;
}

/** By code units: the same on every machine. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
