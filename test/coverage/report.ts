/** What V8 saw of each folder of `lib`, also in the bundles, by their source maps. */
import { dirname, join } from 'node:path';
import { CoverageReport } from 'monocart-coverage-reports';
import { PACKAGE_ROOT } from '../support/package-root.js';
import type { FolderCoverage } from './floors.js';

/**
 * @param directory what NODE_V8_COVERAGE named
 * @returns by folder, in the order of the alphabet; a page with every line is in coverage/index.html
 */
export async function coverageOf(directory: string): Promise<Map<string, FolderCoverage>> {
  const report = new CoverageReport({
    name: 'ATD Ingestion',
    baseDir: PACKAGE_ROOT,
    outputDir: join(PACKAGE_ROOT, 'coverage'),
    reports: ['v8'],
    logging: 'error',
    entryFilter: ({ url }) => /\/dist\/(?:lib\/.*|as-cli)\.js$/.test(url),
    // What no process has loaded is there as the compiler made it, beside the sources of all else.
    sourceFilter: (path) => /^(?:lib\/.*\.ts|dist\/lib\/.*\.js)$/.test(path),
    all: { dir: ['dist/lib'], filter: { '**/page/served/*': false, '**/*.js': true } },
  });
  await report.addFromDir(directory);
  const files = (await report.generate())?.files ?? [];
  const known = new Set(files.map(({ sourcePath }) => sourcePath));
  const folders = new Map<string, FolderCoverage>();
  for (const { sourcePath, summary } of files) {
    const source = sourcePath.replace(/^dist\/(.*)\.js$/, '$1.ts');
    if (source !== sourcePath && known.has(source)) continue;
    const folder = dirname(source);
    const before = folders.get(folder);
    const sum = (what: 'lines' | 'branches') => ({
      covered: (before?.[what].covered ?? 0) + summary[what].covered,
      total: (before?.[what].total ?? 0) + summary[what].total,
    });
    folders.set(folder, { lines: sum('lines'), branches: sum('branches') });
  }
  return new Map([...folders].sort(([a], [b]) => (a < b ? -1 : 1)));
}
