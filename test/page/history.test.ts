/** The page of a service that has a ledger with many rows of before: FAULTS=full for 1,000,000 of them. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { LoadAnswers } from '../../lib/ledger/load-answers.js';
import { LedgerReader } from '../../lib/ledger/reader.js';
import { RecentLoads } from '../../lib/ledger/recent-loads.js';
import { statementsFor } from '../../lib/ledger/table.js';
import { FULL } from '../faults/seed.js';
import { createLedgerPlace, type LedgerPlace } from '../support/ledger.js';
import { NO_BROWSER, openPage, startBrowser } from './chromium.js';
import { startStage } from './stage.js';

const ROWS = FULL ? 1_000_000 : 20_000;
/** Between two of them: a year in all, and a day where there are few. */
const EVERY_MS = FULL ? 31_000 : 4_000;

/** One of fifty was given up; the oldest is the only one of its name. */
async function fill({ table, execute }: LedgerPlace): Promise<void> {
  for (const statement of statementsFor(table, null)) await execute(statement);
  const columns = {
    load_id: "toUUID(concat('00000000-0000-8000-8000-', leftPad(lower(hex(number)), 12, '0')))",
    token: "concat('files/0/', toString(number), '/0@1')",
    status: "if(number % 50 = 0, 'given-up', 'loaded')",
    attempt: '1',
    tenant: "concat('tenant_', toString(number % 40))",
    table: "'atd_x'",
    path: `if(number = ${ROWS - 1}, '/data/needle.csv', concat('/data/in/', toString(number), '.parquet'))`,
    topic: "'files'",
    offset: 'number',
    taken_at: 'finished_at - toIntervalSecond(2)',
    started_at: 'finished_at - toIntervalSecond(1)',
    finished_at: `now64(3, 'UTC') - toIntervalMillisecond(number * ${EVERY_MS})`,
    rows: '1000',
    bytes: '4096',
    reason: "if(number % 50 = 0, concat('exit code 65: row ', toString(number), ' is bent'), '')",
    stderr: "if(number % 50 = 0, 'reading | as-cli: it is bent', '')",
  };
  const selected = Object.entries(columns).map(([name, expression]) => `${expression} AS \`${name}\``);
  const names = Object.keys(columns).map((name) => `\`${name}\``);
  await execute(
    `INSERT INTO ${table.database}.${table.name} (${names.join(', ')}) SELECT ${selected.join(', ')} FROM numbers(${ROWS})`,
  );
}

describe('the page of a service with a ledger', { skip: NO_BROWSER }, () => {
  let browser: Browser;
  before(async () => {
    browser = await startBrowser();
  });
  after(() => browser.close());

  it(`opens with the last of ${ROWS.toLocaleString('en-GB')} rows, and finds the oldest`, async (t) => {
    const place = await createLedgerPlace(t);
    await fill(place);
    const recent = new RecentLoads({ of: () => [] }, () => undefined);
    const reader = new LedgerReader(place.store, place.table, 10);
    // A machine as slow as can be gets an answer from there too.
    const loads = new LoadAnswers({ recent, ledger: null, reader, answerMs: 60_000 });
    const { http } = await startStage({ mood: 'idle', loads });
    t.after(() => http.close());
    // The first page has the browser and the engine warm up.
    for (const [visit, width] of [1440, 400].entries()) {
      const { page, faults } = await openPage(t, browser, http.url, { width });
      await page.locator('#loads tbody tr').nth(199).waitFor();
      const ms = Math.round(Number(await page.evaluate('performance.now()')));
      const answers = "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/loads'))";
      const each = await page.evaluate(
        `${answers}.map(({ startTime, duration }) => [startTime, duration].map(Math.round))`,
      );
      const told = `the answers, asked for when and after how long: ${JSON.stringify(each)}`;
      t.diagnostic(`visit ${visit + 1}: 200 loads are there ${ms} ms after it was asked for; ${told}`);
      assert.equal(await page.locator('#loads tbody tr').count(), 200);
      assert.equal(await page.locator('#loads tbody tr td:nth-child(2)').nth(1).textContent(), '1.parquet');
      const title = page.locator('#groups summary');
      await title.waitFor();
      assert.match((await title.textContent()) ?? '', /^\d+ × exit code 65: row 0 is bent$/);
      await title.click();
      await page.locator('#groups pre', { hasText: 'as-cli: it is bent' }).waitFor();
      await page.locator('#load-filter').fill('NEEDLE');
      await page.locator('#loads tbody tr', { hasText: 'needle.csv' }).waitFor();
      assert.equal(await page.locator('#loads tbody tr').count(), 1);
      assert.equal(await page.locator('#loads .note').textContent(), '');
      assert.deepEqual(faults, []);
    }
  });
});
