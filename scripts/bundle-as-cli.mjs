/**
 * Makes one file of the bundled loader, dist/as-cli.js, and beside it the code that this Node compiles it to: where as-cli is one
 * process per file to load, most of its CPU time would be finding and compiling modules (docs/loader.md has the figures). The
 * loader that stays becomes one file, too, in the place of dist/lib/loader/warm.js: by that file an upgrade is noticed.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { buildSync } from 'esbuild';
import { oldestNode } from './versions.mjs';

const path = (name) => fileURLToPath(new URL(`../dist/${name}`, import.meta.url));
const bundle = path('as-cli.js');

buildSync({
  entryPoints: [path('lib/loader/as-cli.js')],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: `node${oldestNode()}`,
  // A module that is wanted later is a function of the bundle, or a `require` of a module of Node.
  supported: { 'dynamic-import': false },
  banner: { js: '(function (require) {' },
  footer: { js: '})' },
  // The default, on which bin/as-cli relies: it reads the file byte by byte.
  charset: 'ascii',
  // For the coverage: what is executed here counts for the sources.
  sourcemap: 'linked',
  sourcesContent: false,
  logLevel: 'warning',
});

// Every function is compiled, not only those that would be met first; the flag must be as it was when the cache is made.
setFlagsFromString('--no-lazy');
const script = new Script(readFileSync(bundle, 'latin1'), { filename: bundle });
setFlagsFromString('--lazy');
const cache = path(`as-cli.${process.version}-${process.arch}.cache`);
rmSync(cache, { force: true });
writeFileSync(cache, script.createCachedData());

const warm = path('lib/loader/warm.js');
buildSync({
  entryPoints: [warm],
  outfile: warm,
  allowOverwrite: true,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: `node${oldestNode()}`,
  sourcemap: true,
  sourcesContent: false,
  logLevel: 'warning',
});
