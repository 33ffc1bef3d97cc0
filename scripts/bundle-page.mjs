/**
 * Makes the three files of the page in dist/lib/page/served: its modules and uPlot as one, the styles of both, the document.
 * A page of one script is there after one answer, and needs no path of the service for each module.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const served = path('dist/lib/page/served');
const licence = readFileSync(path('node_modules/uplot/LICENSE'), 'utf8').trim();

mkdirSync(served, { recursive: true });
cpSync(path('lib/page/index.html'), `${served}/index.html`);
const styles = [path('node_modules/uplot/dist/uPlot.min.css'), path('lib/page/page.css')];
writeFileSync(`${served}/page.css`, styles.map((file) => readFileSync(file, 'utf8').trim()).join('\n'));
buildSync({
  entryPoints: [path('dist/lib/page/browser/main.js')],
  outfile: `${served}/page.js`,
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['chrome120', 'firefox120', 'safari17'],
  banner: { js: `/* With uPlot:\n${licence}\n*/` },
  legalComments: 'none',
  logLevel: 'warning',
});
