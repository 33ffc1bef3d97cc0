/** Files that are announced while their exporter still writes. */
import assert from 'node:assert/strict';
import { renameSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { produce } from '../sandbox/topics.js';
import { createPlace, type Settings, startService, writeScript } from '../support/service-process.js';

const DEADLINE_MS = 120_000;
/** Much more often than the service looks, so that this process may stand still for seconds. */
const WRITE_EVERY_MS = 50;
/** An attempt would be the last one. */
const ONE_ATTEMPT = { retry: { max_attempts: 1 } };

for (const launch of ['launcher', 'direct'] as const) {
  test(`a file that is still written to is loaded when it rests (${launch})`, async (t) => {
    const place = await createPlace(t);
    const write = (script: string) => writeScript(place, 'exported', script);
    const file = write('exit 65');
    const writer = setInterval(() => write('exit 65'), WRITE_EVERY_MS);
    t.after(() => clearInterval(writer));
    await produce(place.kafka.brokers, place.topic, [{ value: JSON.stringify({ filename: file }) }]);
    const settings: Settings = { ingest: { settle_seconds: 5 }, as_cli: { launch }, service: ONE_ATTEMPT };
    const service = await startService(t, place, settings);
    const [retry] = await service.seen('job.retry', 2, DEADLINE_MS);
    assert.equal(retry?.['charged'], false);
    assert.match(String(retry?.['why']), /may still be written to/);
    clearInterval(writer);
    write('exit 0');
    await service.seen('job.loaded', 1, DEADLINE_MS);
    assert.equal(await service.stop(), 0);
    assert.equal(service.events('letter.sent').length, 0);
  });
}

test('a file that never rests is loaded as it is in the end', async (t) => {
  const place = await createPlace(t);
  const file = join(place.directory, 'endless');
  // By its time it never rests, also where nobody gets to write to it for a while: that is later than any look.
  const write = () => {
    const next = writeScript(place, 'endless.next', 'exit 0');
    const time = Date.now() / 1_000 + 86_400;
    utimesSync(next, time, time);
    renameSync(next, file);
  };
  write();
  const writer = setInterval(write, WRITE_EVERY_MS);
  t.after(() => clearInterval(writer));
  await produce(place.kafka.brokers, place.topic, [{ value: JSON.stringify({ filename: file }) }]);
  const service = await startService(t, place, { ingest: { settle_seconds: 0.5 }, service: ONE_ATTEMPT });
  await service.seen('job.loaded', 1, DEADLINE_MS);
  const waits = service.events('job.ended').filter((line) => line['result'] === 'file-unsettled').length;
  assert.ok(waits > 0 && waits <= 10, `${waits} waits`);
  clearInterval(writer);
  assert.equal(await service.stop(), 0);
});
