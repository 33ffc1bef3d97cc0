/** Settings of the loader and of its children, a part of the list in `schema.ts`. */
import { LAUNCH_SETTINGS } from '../types.js';
import { AS_CLI_FAILURES, AS_CLI_SUCCESS, PASSED_ENVIRONMENT } from './defaults.js';
import { choice, number, text, texts } from './setting.js';

const DAY = 86_400;

export const AS_CLI = {
  executable: text(
    'as-cli',
    'The loader: a name on the PATH, or a path. Without an `as-cli` on the PATH the bundled one runs.',
  ),
  launch: choice(
    'auto',
    LAUNCH_SETTINGS,
    'How loads are started: `warm` keeps one bundled loader per thread for many files; `launcher` starts a process per ' +
      'file by a small one of each thread, which is quick, `direct` by the service itself; `prefork` forks a loader that is ' +
      'a Python program from a process that has its modules. `auto` is `warm` for the bundled loader, `launcher` for others.',
  ),
  timeout: number(300, 0.001, DAY, 'Seconds that one load may take.'),
  grace: number(10, 0, 3_600, 'Seconds between SIGTERM and SIGKILL.'),
  additional_args: texts([], 'Arguments added at the end of the command line.'),
  password_in: choice(
    'environment',
    ['environment', 'argv'],
    'How the loader gets the ClickHouse password. Every user of the machine can read `argv`.',
  ),
  pass_env: texts(
    PASSED_ENVIRONMENT,
    "Variables of the service's environment that the loader gets; one that is not the bundled one also gets those " +
      'that begin with AS_. It gets no others.',
  ),
  failure_patterns: texts(
    AS_CLI_FAILURES,
    'Regular expressions; a line of stdout that matches one makes exit code 0 a failure, unless the loader is the ' +
      "bundled one. Case counts. The default is what AppSentinels' as-cli prints, in each of its formats.",
  ),
  success_pattern: text(
    AS_CLI_SUCCESS,
    'Regular expression; a later line of stdout that matches it makes that a success after all. Case is ignored.',
  ),
};
