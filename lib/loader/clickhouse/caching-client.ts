/**
 * A connection that is kept from one job to the next and does not ask twice what it knows. A server that comes back as another
 * version, which may have other types for the same data, and the settings of its tables are noticed a minute later. Columns of
 * tables are asked for each time, since rows depend on them.
 */
import type { ClickHouse } from './client.js';

export const FACTS_MS = 60_000;

/** Files of so many kinds may take turns. */
const ANSWERS = 16;
/** A longer statement holds the beginning of a text, which no other file shares. */
const MAX_STATEMENT_LENGTH = 64 * 1024;

/** @param now milliseconds on a clock that never goes back */
export function cachingClient(clickhouse: ClickHouse, now: () => number = () => performance.now()): ClickHouse {
  const inspected = new Answers<Awaited<ReturnType<ClickHouse['inspect']>>>(now);
  const facts = new Answers<Awaited<ReturnType<ClickHouse['facts']>>>(now);
  return {
    ...clickhouse,
    async inspect(statement, settings) {
      const key = `${JSON.stringify(settings)} ${statement}`;
      const known = inspected.get(key);
      if (known !== undefined) return known;
      const columns = await clickhouse.inspect(statement, settings);
      inspected.set(key, columns);
      return columns;
    },
    async facts(statement) {
      const known = facts.get(statement);
      if (known !== undefined) return known;
      const rows = await clickhouse.facts(statement);
      facts.set(statement, rows);
      return rows;
    },
  };
}

/** The latest answers, as long as they are believed; the one that was not used for longest goes first. */
class Answers<Answer> {
  readonly #now: () => number;
  readonly #answers = new Map<string, { readonly answer: Answer; readonly until: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  get(key: string): Answer | undefined {
    const known = this.#answers.get(key);
    if (known === undefined || this.#now() >= known.until) return undefined;
    this.#answers.delete(key);
    this.#answers.set(key, known);
    return known.answer;
  }

  set(key: string, answer: Answer): void {
    if (key.length > MAX_STATEMENT_LENGTH) return;
    this.#answers.delete(key);
    this.#answers.set(key, { answer, until: this.#now() + FACTS_MS });
    for (const [oldest] of this.#answers) {
      if (this.#answers.size <= ANSWERS) return;
      this.#answers.delete(oldest);
    }
  }
}
