/** The page in a real browser, of a service that is played: what each mood looks like, and what no text may do to it. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import type { Browser } from 'playwright-core';
import { NO_BROWSER, openPage, startBrowser, violations } from './chromium.js';
import { type Mood, type StageOptions, startStage } from './stage.js';

/** Pictures of the page are written there, where it is set: of all looks, else only two are tried. */
const PICTURES = process.env['PAGE_PICTURES'];
const ALL_LOOKS = [1440, 400].flatMap((width) =>
  (['light', 'dark'] as const).map((scheme) => [width, scheme] as const),
);
const LOOKS = ALL_LOOKS.filter(([width, scheme]) => PICTURES !== undefined || (width === 400) === (scheme === 'dark'));

describe('the page', { skip: NO_BROWSER }, () => {
  let browser: Browser;
  before(async () => {
    browser = await startBrowser();
  });
  after(() => browser.close());

  async function stage(t: TestContext, options: StageOptions = {}) {
    const played = await startStage(options);
    t.after(() => played.http.close());
    return played;
  }

  const MOODS: readonly (readonly [mood: Mood, words: RegExp])[] = [
    ['idle', /^Well, and nothing to do$/],
    ['busy', /^Well, loading 4 files$/],
    ['failing', /^All loads are held back for \d+ s: one is tried in \d+ s$/],
  ];
  for (const [mood, words] of MOODS) {
    for (const tenants of PICTURES === undefined ? [3] : [3, 500]) {
      it(`says at a glance how a service is that is ${mood}, with ${tenants} tenants, wide and narrow, light and dark`, async (t) => {
        const { http } = await stage(t, { mood, tenants });
        for (const [width, scheme] of LOOKS) {
          const { page, faults } = await openPage(t, browser, http.url, { width, scheme });
          await page.locator('#words', { hasText: words }).waitFor();
          await page.locator('#chart-bytes canvas').waitFor();
          const wide = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
          assert.ok(Number(wide) <= 0, `${width}: ${wide} pixels wider than the window`);
          const hidden = await page.evaluate(
            '[...document.querySelectorAll(".wide")].filter((node) => node.scrollWidth > node.clientWidth).map((node) => node.ariaLabel)',
          );
          assert.deepEqual(hidden, [], `${width}: to be scrolled sideways`);
          assert.deepEqual(await violations(page), [], `${width} ${scheme}`);
          if (PICTURES !== undefined) {
            mkdirSync(PICTURES, { recursive: true });
            await page.screenshot({
              path: join(PICTURES, `${mood}-${tenants}-${width}-${scheme}.png`),
              fullPage: width < 600,
            });
          }
          assert.deepEqual(faults, []);
        }
      });
    }
  }

  it('shows what is hostile as text, with all that would hide or turn it', async (t) => {
    const { http, load } = await stage(t);
    const file = '/data/<img src=x onerror=alert(1)>/\u202egpj.exe\u0007.csv';
    load({ file, tenant: 'acme' }, '<script>alert(2)</script> \u2066"; drop');
    const { page, faults } = await openPage(t, browser, http.url);
    await page.locator('#groups summary', { hasText: '<script>alert(2)</script> ‹U+2066›"; drop' }).waitFor();
    const cell = page.locator('#loads td', { hasText: '‹U+202E›gpj.exe‹U+0007›.csv' });
    assert.equal(
      await cell.first().getAttribute('title'),
      '/data/<img src=x onerror=alert(1)>/‹U+202E›gpj.exe‹U+0007›.csv',
    );
    assert.equal(await page.locator('main img, main script').count(), 0);
    assert.deepEqual(faults, []);
  });

  it('lets the last loads and the tenants be searched, by keys alone', async (t) => {
    const { http, load } = await stage(t, { tenants: 500 });
    load({ file: '/data/needle.csv', tenant: 'tenant_77' }, 'it is bent');
    const { page, faults } = await openPage(t, browser, http.url);
    await page.locator('#loads tbody tr').nth(50).waitFor();
    await page.locator('#tenants .note', { hasText: 'and 400 more' }).waitFor();
    await page.locator('#load-filter').focus();
    await page.keyboard.type('NEEDLE');
    await page.locator('#loads tbody tr').nth(1).waitFor({ state: 'detached' });
    const cells = await page.locator('#loads tbody td').allTextContents();
    assert.deepEqual(cells.slice(0, 4), ['✕ given up', 'needle.csv', 'it is bent', 'tenant_77']);
    await page.keyboard.press('Tab');
    // One key: a browser takes several for one word only where they come soon after each other.
    await page.keyboard.press('l');
    await page.locator('#loads .note', { hasText: 'No load is like that.' }).waitFor();
    await page.locator('#tenant-filter').fill('nt_499');
    await page.locator('#tenants tbody tr').nth(1).waitFor({ state: 'detached' });
    assert.equal(await page.locator('#tenants tbody td').first().textContent(), 'tenant_499');
    assert.deepEqual(faults, []);
  });

  it('has the settings folded, and those that were set first, with where they came from and no secret', async (t) => {
    const { http } = await stage(t);
    const { page, faults } = await openPage(t, browser, http.url);
    await page.locator('#words', { hasText: /^Well, loading/ }).waitFor();
    assert.equal(await page.locator('#settings table').isVisible(), false);
    await page.locator('#settings summary').focus();
    await page.keyboard.press('Enter');
    const rows = page.locator('#settings tbody tr');
    await rows.nth(20).waitFor();
    const texts = (await rows.allTextContents()).slice(0, 4);
    assert.deepEqual(texts.slice(0, 3), [
      'kafka.topicfilesargument --topic',
      'clickhouse.hostdb1environment ATD_CLICKHOUSE_HOST',
      'clickhouse.password(set)environment ATD_CLICKHOUSE_PASSWORD',
    ]);
    assert.match(texts[3] ?? '', /default$/);
    assert.match((await page.locator('#settings .note').textContent()) ?? '', /^3 of \d+ are not at their defaults/);
    assert.ok(!(await page.content()).includes('of-the-stage'));
    assert.deepEqual(await violations(page), []);
    assert.deepEqual(faults, []);
  });

  it('keeps the focus where a row above goes away', async (t) => {
    const { http, change } = await stage(t);
    const pause = { since: 0, until: null, by: '', reason: '' };
    const [acme, none, called] = ['acme', null, 'null'].map((tenant) => ({ ...pause, tenant }));
    change({ pauses: [acme, none, called] as never });
    const { page, faults } = await openPage(t, browser, http.url);
    const rows = page.locator('#held tbody tr');
    await rows.nth(2).waitFor();
    await rows.nth(2).locator('button').focus();
    change({ pauses: [none, called] as never });
    await rows.nth(2).waitFor({ state: 'detached' });
    assert.equal(await page.evaluate('document.activeElement.ariaLabel'), 'Resume null');
    assert.equal(await rows.count(), 2);
    assert.deepEqual(faults, []);
  });

  it('has no button where nothing can be changed', async (t) => {
    const { http } = await stage(t, { permitsChanges: false });
    const { page } = await openPage(t, browser, http.url);
    await page.locator('#tenants tbody tr').first().waitFor();
    assert.equal(await page.locator('button:visible').count(), 0);
  });

  it('asks for the token before it changes anything, and says what was refused', async (t) => {
    const { http } = await stage(t);
    const { page } = await openPage(t, browser, http.url);
    await page.getByRole('button', { name: 'Pause acme' }).click();
    assert.deepEqual(await violations(page), []);
    await page.locator('#act-token').fill('wrong');
    await page.keyboard.press('Enter');
    await page.locator('#act-answer', { hasText: 'Nothing has changed: the token is wrong' }).waitFor();
    await page.locator('#act-token').fill('token');
    await page.locator('#act-do').click();
    await page.locator('#act').waitFor({ state: 'hidden' });
    await page.reload();
    await page.getByRole('button', { name: 'Reload settings' }).click();
    assert.equal(await page.locator('#act-token').inputValue(), '');
  });

  it('replays and discards dead letters, by keys alone', async (t) => {
    const { http } = await stage(t, { mood: 'failing' });
    const { page, faults } = await openPage(t, browser, http.url);
    await page.locator('#letters-look').waitFor();
    await page.locator('#letters-look').focus();
    await page.keyboard.press('Enter');
    const rows = page.locator('#letters tbody tr');
    await rows.nth(1).waitFor();
    assert.deepEqual(await violations(page), []);
    await page.getByRole('button', { name: 'Replay 0/7' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('#act-title', { hasText: 'Replay dead letter 0/7' }).waitFor();
    assert.deepEqual(await page.locator('#act label:visible').allTextContents(), ['Token ', 'Your name ', 'Reason ']);
    await page.locator('#act-token').fill('token');
    await page.keyboard.press('Enter');
    await page.locator('#act').waitFor({ state: 'hidden' });
    await rows.nth(1).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Discard all of these' }).click();
    await page.locator('#act-title', { hasText: 'Discard dead letter 3/1204' }).waitFor();
    await page.locator('#act-do').click();
    await page.locator('#letters .note', { hasText: 'There is no dead letter' }).waitFor();
    assert.deepEqual(faults, []);
  });

  it('changes the slots, drains the instance, and resumes it', async (t) => {
    const { http, change, acts } = await stage(t);
    const { page, faults } = await openPage(t, browser, http.url);
    await page.getByRole('button', { name: 'Change slots' }).click();
    assert.equal(await page.locator('#act-slots').inputValue(), '4');
    assert.deepEqual(await violations(page), []);
    await page.locator('#act-token').fill('token');
    await page.locator('#act-by').fill('maria');
    await page.locator('#act-slots').fill('8');
    await page.keyboard.press('Enter');
    await page.locator('#act').waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Drain' }).click();
    await page.locator('#act-do').click();
    await page.locator('#act').waitFor({ state: 'hidden' });
    change({ state: 'drained', drain: { since: 0, by: 'maria', reason: 'a disk' } });
    await page.locator('#words', { hasText: /^Drained: out of the group/ }).waitFor();
    await page.getByRole('button', { name: 'Resume this instance' }).click();
    await page.locator('#act-do').click();
    await page.locator('#act').waitFor({ state: 'hidden' });
    assert.deepEqual(acts, ['scale to 8 by maria', 'drain by maria', 'resume by maria']);
    assert.deepEqual(faults, []);
  });

  it('says that the service is gone, and goes on by itself when it is back', async (t) => {
    const first = await startStage({ mood: 'busy' });
    const { page, faults } = await openPage(t, browser, first.http.url);
    await page.locator('#words', { hasText: /^Well, loading/ }).waitFor();
    await first.http.close();
    await page.locator('#words', { hasText: /^No answer from the service for/ }).waitFor();
    const second = await stage(t, { mood: 'idle', port: Number(new URL(first.http.url).port) });
    await page.locator('#words', { hasText: /^Well, and nothing to do$/ }).waitFor();
    second.load({ file: '/data/first-of-the-new-run.csv' });
    await page.locator('#loads td', { hasText: 'first-of-the-new-run.csv' }).waitFor();
    assert.deepEqual(faults, []);
  });
});
