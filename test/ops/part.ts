/** Which parts of `npm run test:ops` this machine allows. */
import { spawnSync } from 'node:child_process';

/**
 * Why a part is left out; false where it runs.
 *
 * @param programs what it starts, each with the package of Debian, or the place, that brings it
 * @throws Error where root, who can install it, lacks one of them: there nothing is left out
 */
export function whyLeftOut(programs: Readonly<Record<string, string>>): string | false {
  if (process.env['OPS'] === undefined) return 'runs in npm run test:ops';
  const missing = Object.entries(programs).filter(([name]) => spawnSync(name, ['--version']).error !== undefined);
  if (missing.length === 0) return false;
  const reason = `not installed: ${missing.map(([name, from]) => `${name} (${from})`).join(', ')}`;
  if (process.getuid?.() === 0) throw new Error(`${reason}; as root, every part of test:ops runs`);
  return reason;
}
