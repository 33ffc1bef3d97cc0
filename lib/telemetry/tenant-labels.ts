/** Bounds the tenants that metrics are labelled with: a label that strangers can invent would grow without end. */
export class TenantLabels {
  readonly #known = new Set<string>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The label of a tenant: its name for the first `limit` of them, `other` from then on, `none` for no tenant. */
  labelOf(tenant: string | null): string {
    if (tenant === null) return 'none';
    if (this.#known.has(tenant)) return tenant;
    if (this.#known.size >= this.#limit) return 'other';
    this.#known.add(tenant);
    return tenant;
  }
}
