/** The probes of this service, for an orchestrator and for systemd: what its parts say of themselves, handed to the rules. */
import type { EngineStatus } from '../core/status.js';
import { type Probe, probeLiveness, probeReadiness } from '../http/probes.js';
import type { UnitState } from '../telemetry/unit-messages.js';
import type { Adapters } from './adapters.js';
import { unitState } from './unit-state.js';

export class Health {
  readonly #status: () => EngineStatus;
  readonly #adapters: Pick<Adapters, 'consumer' | 'pool'>;
  readonly #sessionMs: number;
  readonly #now: () => number;
  readonly #isReloading: () => boolean;

  constructor(
    status: () => EngineStatus,
    adapters: Pick<Adapters, 'consumer' | 'pool'>,
    sessionMs: number,
    now: () => number,
    isReloading: () => boolean,
  ) {
    this.#status = status;
    this.#adapters = adapters;
    this.#sessionMs = sessionMs;
    this.#isReloading = isReloading;
    this.#now = now;
  }

  live(status = this.#status()): Probe {
    const { silentMs, dueMs } = this.#adapters.consumer.health();
    const since = status.commits.unacknowledgedSince;
    const commitMs = since === null ? 0 : Math.min(this.#now() - since, dueMs);
    return probeLiveness({ memberMs: silentMs, commitMs }, this.#sessionMs * 2);
  }

  ready(status = this.#status()): Probe {
    const { pool, consumer } = this.#adapters;
    return probeReadiness(status, pool.ready(), consumer.health().obstacle);
  }

  unit(): UnitState {
    // Made once: it goes through all that waits.
    const status = this.#status();
    const [live, ready] = [this.live(status), this.ready(status)];
    return unitState(status, live, ready, this.#adapters.pool.ready(), this.#isReloading());
  }
}
