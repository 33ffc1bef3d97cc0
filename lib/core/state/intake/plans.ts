/** What records ask for, under the list of tenants that holds at the moment. */
import type { KafkaRecord } from '../../../types.js';
import type { Effect, RecordDefect } from '../../events.js';
import { type Poison, poison } from '../../rules/decode.js';
import { isAllowed, type Plan, planRecord, type RoutingRules } from '../../rules/routing.js';

export class Plans {
  readonly #maxMessageBytes: number;
  readonly #emit: (effect: Effect) => void;
  #routing: RoutingRules;

  constructor(maxMessageBytes: number, routing: RoutingRules, emit: (effect: Effect) => void) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#routing = routing;
    this.#emit = emit;
  }

  /** Takes another allow-list, for all that is planned from now on. */
  allow(tenants: ReadonlySet<string>): void {
    const { allowedTenants: before } = this.#routing;
    this.#routing = { ...this.#routing, allowedTenants: tenants };
    const added = [...tenants].filter((tenant) => !before.has(tenant));
    const removed = [...before].filter((tenant) => !tenants.has(tenant));
    if (added.length + removed.length > 0) this.#emit({ type: 'tenants-allowed', added, removed, count: tenants.size });
  }

  readonly lets = (tenant: string): boolean => isAllowed(tenant, this.#routing.allowedTenants);

  /**
   * Everything that depends on what the record holds. It changes nothing, and its offset is begun already: so a record that
   * this part has no answer to becomes a dead letter like any other, instead of the end of all reading.
   */
  of(record: KafkaRecord): Plan {
    try {
      return planRecord(record, this.#maxMessageBytes, this.#routing);
    } catch (error) {
      return this.defective(record, (error as Error | undefined)?.stack ?? String(error));
    }
  }

  defective(record: KafkaRecord, error: RecordDefect): Poison {
    if (typeof error !== 'string') return poison('invalid-message', `not read: ${error.unread}`);
    this.#emit({ type: 'record-defect', record, error });
    return poison('invalid-message', `the service failed to take it in: ${error.split('\n', 1)[0]}`);
  }
}
