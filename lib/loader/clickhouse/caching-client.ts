/**
 * A connection that is kept from one job to the next and does not ask twice what it knows. An answer about data that is in the
 * statement itself stays true; a server that comes back as another version, and the settings of its tables, are noticed a minute
 * later. Columns of tables are asked for each time, since rows depend on them.
 */
import type { ClickHouse } from './client.js';

export const FACTS_MS = 60_000;

/** Files of so many kinds may take turns. */
const ANSWERS = 16;
/** A longer statement holds the beginning of a text, which no other file shares. */
const MAX_STATEMENT_LENGTH = 64 * 1024;

/** @param now milliseconds on a clock that never goes back */
export function cachingClient(clickhouse: ClickHouse, now: () => number = () => performance.now()): ClickHouse {
  const inspected = new Answers<Awaited<ReturnType<ClickHouse['inspect']>>>();
  const facts = new Answers<{ readonly rows: Awaited<ReturnType<ClickHouse['facts']>>; readonly until: number }>();
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
      if (known !== undefined && now() < known.until) return known.rows;
      const rows = await clickhouse.facts(statement);
      facts.set(statement, { rows, until: now() + FACTS_MS });
      return rows;
    },
  };
}

/** The latest answers; the one that was not used for longest goes first. */
class Answers<Answer> {
  readonly #answers = new Map<string, Answer>();

  get(key: string): Answer | undefined {
    const answer = this.#answers.get(key);
    if (answer === undefined) return undefined;
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    return answer;
  }

  set(key: string, answer: Answer): void {
    if (key.length > MAX_STATEMENT_LENGTH) return;
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    for (const [oldest] of this.#answers) {
      if (this.#answers.size <= ANSWERS) return;
      this.#answers.delete(oldest);
    }
  }
}
