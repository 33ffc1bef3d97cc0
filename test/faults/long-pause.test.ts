/** A tenant that is paused for minutes while files of all tenants come; the hour is in `engine.long-pause.test.ts`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createPlace, startService, writeScript } from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { closeBooks, fixtureLoads, RunWatch } from './ledger.js';
import { ONLY_FULL } from './seed.js';

const PAUSE_MS = 180_000;
const DEADLINE_MS = 240_000;
const TOKEN = 'a-token-of-this-test';
const OTHERS = ['globex', 'initech', 'hooli'];

test('row 58: a tenant is paused for three minutes, and the others go on', ONLY_FULL, async (t) => {
  const place = await createPlace(t);
  const script = writeScript(place, 'load', 'sleep 0.05');
  const announcements = new Announcements(place);
  const http = { port: 0, token_file: writeScript(place, 'token', TOKEN) };
  const service = await startService(t, place, { thread_pool_size: 4, http });
  const watch = new RunWatch(t, place, async () => fixtureLoads(place));
  const order = async (what: string) => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const answer = await service.ask(`/api/v1/tenants/acme/${what}`, { method: 'POST', headers, body: '{}' });
    assert.equal(answer.status, 200);
  };
  const loaded = (records: readonly string[]) => {
    const loads = fixtureLoads(place);
    return records.filter((record) => loads.has(record)).length;
  };
  await order('pause');
  const [paused, others]: [string[], string[]] = [[], []];
  for (const until = performance.now() + PAUSE_MS; performance.now() < until; ) {
    paused.push(...(await announcements.files(Array(5).fill(script), { tenant: 'acme' })));
    for (const tenant of OTHERS) others.push(...(await announcements.files([script, script], { tenant })));
    await delay(500);
  }
  await service.until(() => loaded(others) === others.length, DEADLINE_MS, 'all files of the others are loaded');
  assert.equal(loaded(paused), 0);
  await order('resume');
  await service.until(() => loaded(paused) === paused.length, DEADLINE_MS, 'what waited is loaded');
  assert.equal(await service.stop(), 0);
  await watch.close();
  const { records } = announcements;
  await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: false });
  t.diagnostic(`${others.length} files of the others were loaded meanwhile, and ${paused.length} afterwards`);
});
