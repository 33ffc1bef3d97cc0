/** A reporter of `node --test` that says only how many tests ran: no suites, no skipped ones, no files without tests. */
import { resolve } from 'node:path';
import type { TestEvent } from 'node:test/reporters';

export default async function* countReporter(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let ran = 0;
  for await (const event of events) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { details, file, name, skip } = event.data;
    if (details.type !== 'suite' && skip === undefined && resolve(name) !== file) ran += 1;
  }
  yield String(ran);
}
