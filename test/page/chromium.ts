/** A real browser that opens the page, and notes what no page of ours may do: errors, and requests to another host. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { TestContext } from 'node:test';
import { type Browser, chromium, type Page } from 'playwright-core';

const PROGRAM = 'chromium';

/** Why there can be no browser; false where there is one. */
export const NO_BROWSER: string | false =
  spawnSync(PROGRAM, ['--version']).error === undefined ? false : 'not installed: chromium (chromium)';

export interface Look {
  readonly width?: number;
  readonly scheme?: 'light' | 'dark';
}

export interface OpenPage {
  readonly page: Page;
  /** Errors of the console and requests elsewhere, since the page was opened. */
  readonly faults: readonly string[];
}

export async function startBrowser(): Promise<Browser> {
  const file = spawnSync('which', [PROGRAM], { encoding: 'utf8' }).stdout.trim();
  // The page is ours; as root there is no sandbox, and a container's /dev/shm is small.
  return chromium.launch({ executablePath: file, args: ['--no-sandbox', '--disable-dev-shm-usage'], timeout: 120_000 });
}

export async function openPage(
  t: Pick<TestContext, 'after'>,
  browser: Browser,
  url: string,
  { width = 1440, scheme = 'light' }: Look = {},
): Promise<OpenPage> {
  const viewport = { width, height: width < 600 ? 800 : 900 };
  const context = await browser.newContext({ viewport, colorScheme: scheme, reducedMotion: 'reduce' });
  t.after(() => context.close());
  context.setDefaultTimeout(120_000);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    // That the service does not answer while it is away the browser itself writes.
    const isAway = /ERR_(CONNECTION|EMPTY|INCOMPLETE|NETWORK)/.test(message.text());
    if (message.type() === 'error' && !isAway) faults.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:')) faults.push(`asked ${request.url()}`);
  });
  await page.goto(`${url}/`);
  return { page, faults };
}

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core finds wrong for people who do not see, hear or use a mouse. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const found = (await page.evaluate('axe.run().then(({ violations }) => violations)')) as readonly Violation[];
  return found.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary = '' }) => `${id}: ${help}: ${html} ${failureSummary}`),
  );
}
