/** A reporter of `node --test` that ends the process at the first failure, and else says how much CPU time it has used. */
import type { TestEvent } from 'node:test/reporters';

export default async function* endAtFailure(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) if (event.type === 'test:fail') process.exit(1);
  const { user, system } = process.cpuUsage();
  yield String((user + system) / 1e6);
}
