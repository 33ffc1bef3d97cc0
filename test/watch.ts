/**
 * Runs the unit tests, and again those that a change concerns: the compiler watches the sources, and Node what it emits.
 * Arguments as for `npm run test:unit`; a test file that is new is seen after the next start. Ends with Ctrl-C.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PACKAGE_ROOT } from './support/package-root.js';
import { selectUnitTests } from './test-selection.js';

const TESTS = fileURLToPath(new URL('.', import.meta.url));
const COMPILER = join(PACKAGE_ROOT, 'node_modules/typescript/bin/tsc');
/** What the compiler prints when everything is emitted; with the tests started earlier, each file would run them again. */
const COMPILED = 'Watching for file changes';

const children: ChildProcess[] = [];
function start(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, args, { cwd: PACKAGE_ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout?.on('data', (text: Buffer) => process.stdout.write(text));
  // Neither is of use without the other.
  child.once('exit', (code) => end(code ?? 1));
  children.push(child);
  return child;
}

function end(code: number): void {
  process.exitCode ??= code;
  for (const child of children) child.kill();
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end(0));

const { flags, files } = selectUnitTests(process.argv.slice(2), TESTS);
let isCompiled = false;
start(COMPILER, '--watch', '--preserveWatchOutput').stdout?.on('data', (text: Buffer) => {
  if (isCompiled || !text.includes(COMPILED)) return;
  isCompiled = true;
  start('--test', '--watch', '--test-concurrency=2', '--test-reporter=spec', ...flags, ...files);
});
