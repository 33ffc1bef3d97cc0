/**
 * Measures the page under a flood: 500 tenants and 200 loads a second, of a service that is played in a process of its own.
 *
 *   npm run build && node dist/test/page/smoothness.js [seconds] [readers beside the page]
 *
 * Prints the longest time between two frames and the longest task of the page, its heap at the beginning and at the end, its CPU,
 * and what the feed and the HTTP side cost of a core with the page open, and without. For people: no test depends on it.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { CDPSession, Page } from 'playwright-core';
import { openPage, startBrowser } from './chromium.js';
import { startStage } from './stage.js';

const LOADS_A_SECOND = 200;
const TENANTS = 500;
const EVERY_MS = 50;

/** In the page: notes the frames and the tasks that take long. */
const WATCH = `
  globalThis.seen = { frame: 0, task: 0, frames: 0, late: 0 };
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.task = Math.max(seen.task, duration);
  }).observe({ type: 'longtask' });
  let last = performance.now();
  const tick = (now) => {
    seen.frames += 1;
    seen.frame = Math.max(seen.frame, now - last);
    if (now - last > 100) seen.late += 1;
    last = now;
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
`;

async function play(): Promise<void> {
  const { http, load } = await startStage({ tenants: TENANTS });
  setInterval(() => {
    for (let each = 0; each < (LOADS_A_SECOND * EVERY_MS) / 1_000; each += 1) load();
  }, EVERY_MS);
  process.on('message', () => process.send?.(process.cpuUsage()));
  process.send?.(http.url);
}

/** Seconds of CPU of the page's thread since it began: on a busy machine they say more than the time that passes. */
async function workOf(session: CDPSession): Promise<Readonly<Record<string, number>>> {
  const { metrics } = await session.send('Performance.getMetrics');
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
}

async function heapOf(page: Page): Promise<string> {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  return `${(usedSize / 1e6).toFixed(1)} MB`;
}

/** Until the play is over. */
async function read(url: string): Promise<void> {
  const { body } = await fetch(url);
  try {
    for await (const _ of body ?? []);
  } catch {
    // The play has ended.
  }
}

async function measure(seconds: number, readers: number): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ['play']);
  const [url] = (await once(child, 'message')) as [string];
  const share = async (): Promise<string> => {
    const used = async () => {
      const answer = once(child, 'message');
      child.send('how much');
      const [{ user, system }] = (await answer) as [NodeJS.CpuUsage];
      return user + system;
    };
    const before = await used();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    return `${(((await used()) - before) / (seconds * 10_000)).toFixed(2)} % of a core`;
  };
  console.log(`no page open: ${await share()}, the play itself included`);
  const browser = await startBrowser();
  const ends: (() => unknown)[] = [];
  const cleanup = { after: (end: () => unknown) => void ends.push(end) };
  const { page } = await openPage(cleanup as never, browser, url);
  for (let reader = 0; reader < readers; reader += 1) void read(`${url}/api/v1/events`);
  await page.locator('#loads tbody tr').nth(199).waitFor();
  const heap = await heapOf(page);
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  await page.evaluate(WATCH);
  const before = await workOf(session);
  console.log(`a page open and ${readers} more who read: ${await share()}`);
  console.log(`frames: ${JSON.stringify(await page.evaluate('seen'))}; heap ${heap}, then ${await heapOf(page)}`);
  const after = await workOf(session);
  for (const name of ['TaskDuration', 'ScriptDuration', 'LayoutDuration', 'RecalcStyleDuration']) {
    const used = (after[name] ?? 0) - (before[name] ?? 0);
    console.log(`${name}: ${((used * 1_000) / seconds).toFixed(1)} ms of CPU a second`);
  }
  for (const end of ends) await end();
  await browser.close();
  child.kill();
}

if (process.argv[2] === 'play') await play();
else await measure(Number(process.argv[2] ?? 60), Number(process.argv[3] ?? 0));
