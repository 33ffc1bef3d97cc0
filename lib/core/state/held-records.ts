/**
 * Records of tenants that are not on the allow-list, for as long as the list may be late. They wait here, without jobs, and
 * hold up nothing but the commit of their partition and their share of the memory. What has waited too long is given up as
 * it would have been at once. A restart finds them uncommitted.
 */
import type { Poison } from '../rules/decode.js';
import type { PartitionState } from './partition-state.js';
import { isNoLongerOurs, type PendingRecord } from './pending-record.js';

interface Held {
  readonly pending: PendingRecord;
  readonly tenant: string;
  readonly refusal: Poison;
  readonly since: number;
  readonly until: number;
}

export interface HeldTenant {
  readonly tenant: string;
  readonly records: number;
  /** Since when, and until when, the first of them waits; milliseconds since the epoch. */
  readonly since: number;
  readonly until: number;
}

export interface Expired {
  readonly pending: PendingRecord;
  readonly refusal: Poison;
  readonly since: number;
}

export class HeldRecords {
  /** All wait equally long, so the first one is the first whose time is over. */
  #held: Held[] = [];

  /** Returns whether it is the only one of its tenant. */
  add(pending: PendingRecord, tenant: string, refusal: Poison, now: number, ms: number): boolean {
    const isFirst = !this.#held.some((held) => held.tenant === tenant && !isNoLongerOurs(held.pending));
    this.#held.push({ pending, tenant, refusal, since: now, until: now + ms });
    return isFirst;
  }

  nextAt(): number | null {
    return this.#held[0]?.until ?? null;
  }

  /** Those whose time is over. */
  expired(now: number): Expired[] {
    const first = this.#held[0];
    if (first === undefined || first.until > now) return [];
    const expired = this.#held.filter(({ until }) => until <= now);
    this.#held = this.#held.slice(expired.length);
    return expired.filter(({ pending }) => !isNoLongerOurs(pending));
  }

  /** Forgets the records of the tenants that are let in, and returns those that are ours, as they have come. */
  release(isLetIn: (tenant: string) => boolean): Map<string, PendingRecord[]> {
    const released = new Map<string, PendingRecord[]>();
    this.#held = this.#held.filter(({ tenant, pending }) => {
      if (!isLetIn(tenant)) return true;
      if (isNoLongerOurs(pending)) return false;
      const waiting = released.get(tenant) ?? [];
      waiting.push(pending);
      released.set(tenant, waiting);
      return false;
    });
    return released;
  }

  /** Forgets these records of the partition, and returns them. */
  drop(owned: PartitionState, offsets: readonly number[]): PendingRecord[] {
    if (this.#held.length === 0 || offsets.length === 0) return [];
    const wanted = new Set(offsets);
    const isMeant = ({ pending }: Held) => pending.owned === owned && wanted.has(pending.record.offset);
    const dropped = this.#held.filter(isMeant);
    if (dropped.length > 0) this.#held = this.#held.filter((held) => !isMeant(held));
    return dropped.map(({ pending }) => pending);
  }

  tenants(): HeldTenant[] {
    const tenants = new Map<string, HeldTenant>();
    for (const { tenant, pending, since, until } of this.#held) {
      if (isNoLongerOurs(pending)) continue;
      const known = tenants.get(tenant) ?? { tenant, records: 0, since, until };
      tenants.set(tenant, { ...known, records: known.records + 1 });
    }
    return [...tenants.values()];
  }
}
