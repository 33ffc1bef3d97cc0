/** `atd-ingestion completion`: prints what a shell reads to complete the command line. */
import { AtdError, ExitCode } from '../../errors.js';
import { didYouMean } from '../../util/did-you-mean.js';
import type { ParsedOptions } from '../options.js';
import { type Completable, completionScript, SHELLS } from './scripts.js';

export function completion({ positionals }: ParsedOptions, commands: readonly Completable[]): ExitCode {
  const [name = '', ...more] = positionals;
  const shell = SHELLS.find((one) => one === name);
  if (shell === undefined || more.length > 0) {
    const meant = didYouMean(name, SHELLS);
    const hint = meant === null ? `one of ${SHELLS.join(', ')}` : `did you mean ${meant}?`;
    throw new AtdError('ATD_USAGE', `completion is for a shell, not for "${positionals.join(' ')}"; ${hint}`);
  }
  process.stdout.write(completionScript(shell, commands));
  return ExitCode.ok;
}
