/** Which parts of `npm run test:ops` this machine allows. */
import { spawnSync } from 'node:child_process';

/**
 * Why a part of `npm run test:ops` is left out; false where it runs.
 *
 * @param programs what it starts, each with the package of Debian that brings it
 * @throws Error as `whyMissing` does
 */
export function whyLeftOut(programs: Readonly<Record<string, string>>): string | false {
  return process.env['OPS'] === undefined ? 'runs in npm run test:ops' : whyMissing(programs);
}

/**
 * The same of a test that runs wherever its programs are.
 *
 * @throws Error in `npm run test:ops` where root, who can install it, lacks one of them: there nothing is left out
 */
export function whyMissing(programs: Readonly<Record<string, string>>): string | false {
  const missing = Object.entries(programs).filter(([name]) => spawnSync(name, ['--version']).error !== undefined);
  if (missing.length === 0) return false;
  const reason = `not installed: ${missing.map(([name, from]) => `${name} (${from})`).join(', ')}`;
  if (process.env['OPS'] === undefined || process.getuid?.() !== 0) return reason;
  throw new Error(`${reason}; as root, every part of test:ops runs`);
}
