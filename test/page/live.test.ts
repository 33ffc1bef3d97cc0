/** The page in a real browser, of a service as a process that reads a real Kafka. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { produce } from '../sandbox/topics.js';
import { Gate } from '../support/gate.js';
import { createPlace, startService, writeScript } from '../support/service-process.js';
import { NO_BROWSER, openPage, startBrowser } from './chromium.js';

const DEADLINE_MS = 60_000;

describe('the page of a service that runs', { skip: NO_BROWSER }, () => {
  let browser: Browser;
  before(async () => {
    browser = await startBrowser();
  });
  after(() => browser.close());

  it('shows a load that runs and that it is done, one that fails and why, its replay, loads that are held back, a pause, a restart', async (t) => {
    const place = await createPlace(t);
    const token = writeScript(place, 'token', 'a-token-of-this-test');
    const http = { token_file: token };
    const breaker = { exit_codes: [7], open_seconds: 0.5, max_open_seconds: 1 };
    const settings = { http, service: { retry: { permanent_exit_codes: [9] }, circuit_breaker: breaker } };
    const service = await startService(t, place, settings);
    const { page, faults } = await openPage(t, browser, service.http);
    const announce = (filename: string, tenant: string) =>
      produce(place.kafka.brokers, place.topic, [{ value: JSON.stringify({ filename, tenant }) }]);
    await page.locator('#words', { hasText: /^Well/ }).waitFor();

    const gate = new Gate(place);
    const said = 'echo "row 7 of 9, as $ATD_TENANT"';
    await announce(writeScript(place, 'slow.csv', `${said}\n${gate.after(0)}`), 'acme');
    const running = page.locator('#running tbody tr', { hasText: 'slow.csv' });
    await running.waitFor();
    await running.locator('td', { hasText: 'row 7 of 9, as acme' }).waitFor();
    assert.match((await running.textContent()) ?? '', /slow\.csvacme(\d+ min )?\d+ (s|min) of 10 min/);
    gate.open();
    await page.locator('#loads tbody tr', { hasText: '✓ loadedslow.csv' }).waitFor();
    await running.waitFor({ state: 'detached' });

    await announce(writeScript(place, 'bad.csv', 'echo "line 4: no such \u202ecolumn" >&2; exit 9'), 'globex');
    await page.locator('#groups summary', { hasText: /^1 × .*line 4: no such/ }).click();
    await page.locator('#groups pre', { hasText: 'line 4: no such' }).waitFor();
    await page.locator('#verdict[data-mood="attention"] li', { hasText: '1 file given up' }).waitFor();
    await page.locator('#figures dd.note', { hasText: '1 dead letter since the start' }).waitFor();

    writeScript(place, 'bad.csv', 'true');
    await page.locator('#letters-look').click();
    await page.getByRole('button', { name: /^Replay \d/ }).click();
    await page.locator('#act-token').fill('a-token-of-this-test');
    await page.locator('#act-by').fill('maria');
    await page.locator('#act-do').click();
    await page.locator('#loads tbody tr', { hasText: '✓ loadedbad.csv' }).waitFor();
    await page.locator('#letters .note', { hasText: 'There is no dead letter' }).waitFor();

    const away = new Gate(place, 'clickhouse');
    const script = `[ -e '${place.directory}/clickhouse-is-open' ] || { echo 'no ClickHouse today' >&2; exit 7; }`;
    await announce(writeScript(place, 'early.csv', script), 'acme');
    await page.locator('#verdict[data-mood="bad"] #words', { hasText: /^All loads are held back/ }).waitFor();
    await page.locator('#reasons li', { hasText: 'no ClickHouse today' }).waitFor();
    away.open();
    await page.locator('#words', { hasText: /^Well/ }).waitFor();
    await page.locator('#loads tbody tr', { hasText: '✓ loadedearly.csv' }).waitFor();

    await page.getByRole('button', { name: 'Pause acme' }).click();
    await page.locator('#act-by').fill('maria');
    await page.locator('#act-reason').fill('their disk is full');
    await page.locator('#act-do').click();
    await page.locator('#held tbody tr', { hasText: /acme.*by maria: their disk is full/ }).waitFor();
    const [paused] = await service.seen('tenant.paused', 1, DEADLINE_MS);
    assert.equal(paused?.['tenant'], 'acme');
    await page.getByRole('button', { name: 'Resume acme' }).first().click();
    await page.locator('#act-do').click();
    await page.locator('#held').waitFor({ state: 'hidden' });
    await service.seen('tenant.resumed', 1, DEADLINE_MS);

    const port = Number(new URL(service.http).port);
    assert.equal(await service.stop(), 0);
    await page.locator('#words', { hasText: 'No answer from the service' }).waitFor();
    const next = await startService(t, place, { http: { ...http, port } });
    await page.locator('#words', { hasText: /^Well/ }).waitFor();
    await announce(writeScript(place, 'later.csv', 'true'), 'acme');
    await page.locator('#loads tbody tr', { hasText: 'later.csv' }).waitFor();
    // What was before is still there to be read, a file once.
    assert.equal(await page.locator('#loads tbody tr', { hasText: 'bad.csv' }).count(), 1);
    assert.deepEqual(faults, []);
    assert.equal(await next.stop(), 0);
  });
});
