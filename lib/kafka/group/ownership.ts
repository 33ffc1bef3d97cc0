/** What a member tells the group of the partitions that it has, as the bytes that its join carries beside its topics. */
import type { Claim } from './sticky-assignment.js';

type Owned = Readonly<Record<string, readonly number[]>>;

export class Ownership {
  #owned: Owned = {};
  #since = 0;
  #generation = 0;

  /**
   * The group has given the member these partitions. While they stay the same the member's words do, too: a member that
   * joins again with other words than before has the whole group join again.
   */
  assigned(generation: number, assignment: Owned): void {
    const isGapless = generation === this.#generation || generation === this.#generation + 1;
    const owned = inOrder(assignment);
    // Over a generation without this member another one may have had them.
    if (!isGapless || JSON.stringify(owned) !== JSON.stringify(this.#owned)) this.#since = generation;
    this.#generation = generation;
    this.#owned = owned;
  }

  encode(): Buffer {
    return Buffer.from(JSON.stringify({ since: this.#since, owned: this.#owned }));
  }
}

/** What no member of ours can have said counts as nothing: such a member is given what is free. */
export function decodeOwnership(bytes: Uint8Array | null): Pick<Claim, 'owned' | 'since'> {
  const nothing = { owned: new Map<string, number[]>(), since: 0 };
  try {
    const said: unknown = JSON.parse(Buffer.from(bytes ?? []).toString());
    if (!isObject(said) || !Number.isSafeInteger(said['since']) || !isObject(said['owned'])) return nothing;
    const owned = Object.entries(said['owned']).map(([topic, list]) => [topic, partitionsIn(list)] as const);
    return { owned: new Map(owned), since: said['since'] as number };
  } catch {
    return nothing;
  }
}

function inOrder(assignment: Owned): Owned {
  const topics = Object.entries(assignment).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(topics.map(([topic, list]) => [topic, [...list].sort((a, b) => a - b)]));
}

function partitionsIn(list: unknown): number[] {
  return Array.isArray(list) ? list.filter((partition) => Number.isSafeInteger(partition) && partition >= 0) : [];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
