/** Sessions of the HTTP interface: what is SET in one, and its temporary tables, stay for the next request of the same id. */
import type { Session } from 'chdb';
import { ClickHouseError } from './clickhouse-errors.js';

export interface SessionRequest {
  readonly id: string;
  /** The server forgets an idle session after so long. */
  readonly timeoutSeconds: number;
  /** Refuses a session that is not there. */
  readonly check: boolean;
}

interface Held {
  readonly session: Session;
  busy: boolean;
  idle: NodeJS.Timeout | null;
}

export class Sessions {
  readonly #open: () => Session;
  readonly #held = new Map<string, Held>();

  constructor(open: () => Session) {
    this.#open = open;
  }

  /** @throws ClickHouseError where it is in use, or is to be there and is not */
  take({ id, check }: SessionRequest): Session {
    const held = this.#held.get(id);
    if (held?.busy)
      throw new ClickHouseError(373, 'SESSION_IS_LOCKED', `Session ${id} is locked by a concurrent client`);
    if (held !== undefined) {
      if (held.idle !== null) clearTimeout(held.idle);
      held.busy = true;
      return held.session;
    }
    if (check) throw new ClickHouseError(372, 'SESSION_NOT_FOUND', `Session ${id} not found`);
    const session = this.#open();
    this.#held.set(id, { session, busy: true, idle: null });
    return session;
  }

  giveBack({ id, timeoutSeconds }: SessionRequest): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    held.busy = false;
    held.idle = setTimeout(() => {
      held.session.close();
      this.#held.delete(id);
    }, timeoutSeconds * 1000).unref();
  }
}
