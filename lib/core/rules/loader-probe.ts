/**
 * What a probe of the loader (`… ingest records --help`) says of it. A loader that does not work at all would make a dead
 * letter of every file, so it is accused; but only of what is certain, for an accusation stops all work. A program that
 * takes the probe for something else counts as working.
 */
import type { Outcome, ProbeResult } from '../../types.js';
import type { LoaderVerdict } from '../events.js';

const NO_PLUGIN = /invalid choice: ['"]ingest['"]/;
/** What a shell ends with, and what starts programs as env does, where the program behind it may not be executed or is missing. */
const NOT_EXECUTED: readonly (number | null)[] = [126, 127];
const TRACEBACK = /^Traceback \(most recent call last\):/;
/** AppSentinels' as-cli makes `$HOME/.as-cli` when it starts. */
const NO_HOME =
  /(?:FileNotFoundError|PermissionError|NotADirectoryError|FileExistsError|OSError): .*\.as-cli|RuntimeError: Could not determine home directory/;

export function judgeProbe({ notStarted, exitCode, reason, lines }: ProbeResult): LoaderVerdict {
  if (notStarted !== null) return { kind: 'accused', reason: `it cannot be executed: ${notStarted}` };
  if (NOT_EXECUTED.includes(exitCode)) return { kind: 'accused', reason: `it cannot be executed: ${reason}` };
  if (exitCode === 0) return { kind: 'works', warning: null };
  if (lines.some((line) => NO_PLUGIN.test(line))) {
    const remedy = 'install its plugin that loads files, or set as_cli.executable to a loader that has the command';
    return { kind: 'accused', reason: `it has no command ingest; ${remedy}` };
  }
  const noHome = lines.find((line) => NO_HOME.test(line));
  if (
    noHome !== undefined &&
    lines.some((line) => TRACEBACK.test(line)) &&
    lines.some((line) => /\.as-cli/.test(line))
  ) {
    const remedy = 'set HOME to a directory that the service can write to';
    return { kind: 'accused', reason: `it cannot make its directory .as-cli (${noHome}); ${remedy}` };
  }
  return { kind: 'works', warning: `asked for its help it ended with ${reason}` };
}

/** Whether the end of an attempt may be the loader's own fault and no file's, so that only a probe can tell. */
export function isDoubtful({ result, exitCode, stderrTail }: Outcome): boolean {
  if (result !== 'failed') return false;
  // What programs end with that do not understand their command line.
  return exitCode === 2 || NOT_EXECUTED.includes(exitCode) || (exitCode === 1 && NO_HOME.test(stderrTail));
}
