/**
 * Makes one file of what a worker thread runs, in the place of dist/lib/worker/thread.js: a heap per thread holds more than
 * two megabytes less if it loads one module instead of execa's hundred and fifty (docs/performance.md, "memory").
 */
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { oldestNode } from './versions.mjs';

// Where the source was, so that what is found beside it (libexec/) is still there.
const thread = fileURLToPath(new URL('../dist/lib/worker/thread.js', import.meta.url));

buildSync({
  entryPoints: [thread],
  outfile: thread,
  allowOverwrite: true,
  bundle: true,
  platform: 'node',
  // With it a thread can load its heap's bounds before all else.
  format: 'esm',
  target: `node${oldestNode()}`,
  sourcemap: true,
  sourcesContent: false,
  // What of execa is CommonJS asks for modules of Node in its own way.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  logLevel: 'warning',
});
