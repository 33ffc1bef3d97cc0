/** Another commit, checked out and built beside this tree. */
import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../support/package-root.js';
import type { Bench } from '../bench.js';
import { outputOf } from '../commands.js';

export interface OtherTree {
  readonly root: string;
  /** Its abbreviated hash and subject. */
  readonly description: string;
  /** Null where it wants the same packages as this tree, whose packages it is given. */
  readonly warning: string | null;
}

/** Not in version control: the packages, and what the tests have fetched. */
const SHARED = ['node_modules', '.sandbox'];

/** Removed with the scope of the bench. @throws Error where there is no such commit, or where it cannot be built */
export async function checkOut(bench: Bench, revision: string): Promise<OtherTree> {
  const git = (...args: string[]) => outputOf('git', args, { directory: PACKAGE_ROOT });
  const commit = (await git('rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`)).trim();
  const root = join(bench.directory, 'other');
  await git('worktree', 'add', '--detach', root, commit);
  bench.scope.after(() => git('worktree', 'remove', '--force', root));
  for (const name of SHARED) {
    const source = join(PACKAGE_ROOT, name);
    if (existsSync(source)) symlinkSync(source, join(root, name));
  }
  await outputOf('npm', ['run', '--silent', 'build'], { directory: root });
  const packages = await git('diff', '--name-only', commit, '--', 'package-lock.json');
  return {
    root,
    description: (await git('log', '-1', '--format=%h %s', commit)).trim(),
    warning: packages === '' ? null : `${revision} wants other packages, but runs with those of this tree`,
  };
}
