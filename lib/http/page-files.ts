/** The page as it is served: read once, kept in memory, and let do nothing but show what this service answers. */
import { readFileSync } from 'node:fs';

export interface PageFile {
  readonly contentType: string;
  readonly body: Buffer;
}

/** `scripts/bundle-page.mjs` puts them there. */
const DIRECTORY = new URL('../page/served/', import.meta.url);
const FILES: Readonly<Record<string, readonly [name: string, contentType: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
};

export const PAGE_PATHS: readonly string[] = Object.keys(FILES);

/** Whatever a file's name or a loader's words might smuggle in: no script but ours runs, and nothing is asked of another host. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': [
    ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:"],
    ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"],
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** By their paths; none where the page was not built, as where the compiler alone has run. */
export function readPageFiles(): ReadonlyMap<string, PageFile> {
  try {
    return new Map(
      Object.entries(FILES).map(([path, [name, contentType]]) => [
        path,
        { contentType, body: readFileSync(new URL(name, DIRECTORY)) },
      ]),
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return new Map();
  }
}
