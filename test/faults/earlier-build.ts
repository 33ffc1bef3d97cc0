/** The service as it was at an earlier commit, built from the history of the repository. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { PACKAGE_ROOT } from '../support/package-root.js';

const SOURCES = ['bin', 'lib', 'libexec', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];

/** The module of its command line; null, with the test skipped, where the history does not go back that far. */
export function buildEarlier(t: TestContext, commit: string): string | null {
  try {
    git('cat-file', '-e', `${commit}^{commit}`);
  } catch {
    t.skip(`there is no history here that goes back to ${commit}, as in a release`);
    return null;
  }
  const directory = mkdtempSync(join(tmpdir(), 'atd-earlier-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  execFileSync('tar', ['-x', '-C', directory], { input: git('archive', '--format=tar', commit, ...SOURCES) });
  symlinkSync(join(PACKAGE_ROOT, 'node_modules'), join(directory, 'node_modules'));
  const compiler = join(PACKAGE_ROOT, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [compiler, '-p', join(directory, 'tsconfig.build.json')]);
  return join(directory, 'dist/lib/cli/main.js');
}

function git(...args: readonly string[]): Buffer {
  return execFileSync('git', ['-C', PACKAGE_ROOT, ...args], {
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}
