/** `etc/man/atd-ingestion.1`: the commands as `--help` shows them, all on one page. */
import { ALIASES, COMMANDS, type CommandDefinition, wholeCall } from '../../lib/cli/commands.js';
import type { OptionDefinition } from '../../lib/cli/options.js';
import { environmentName, listSettings } from '../../lib/config/schema.js';
import { AtdError, ERROR_CODES, ExitCode, exitCodeOf } from '../../lib/errors.js';
import { read } from '../support/documents.js';
import { bold, brokenCommand, italic, roff, term, verbatim } from './roff.js';

const PROGRAM = 'atd-ingestion';
/** The narrowest terminal on which nothing of it is broken, and what the indents of an example leave of that. */
export const LEAST_COLUMNS = 60;
const EXAMPLE_CHARACTERS = LEAST_COLUMNS - 11;

/** Of each exit code; null for those that only a loader ends with. */
const ENDS: Readonly<Record<keyof typeof ExitCode, string | null>> = {
  ok: 'Done; of the service: stopped in order.',
  crash:
    'Of the service: a crash that a restart may mend. Of status and doctor: something is not well. Of emit --wait and dead-letters replay: of what was asked for, something was not done.',
  unreachable: 'The service that was asked did not answer.',
  usage: 'The command line is wrong, or names what is not there.',
  dataError: null,
  noInput: null,
  unavailable: null,
  internal: 'A defect, or worker threads that do not start.',
  ioError: null,
  tryAgain:
    'Of the service: stopped, but the last commit was not acknowledged, so some files are loaded again. Of others: out of time, or not taken by the brokers; try again.',
  notPermitted: 'The token is wrong, or the service permits no changes.',
  configuration: 'The settings cannot work; check-config says why.',
};

const ENVIRONMENT: readonly (readonly [name: string, does: string])[] = [
  ['ATD_CONFIG', 'The settings file, where --config names none.'],
  [
    'ATD_...',
    'Each setting has a variable, which wins over the file: ATD_ and its key in capitals, with underscores for dots. kafka.topic is ATD_KAFKA_TOPIC. One that is empty counts as not set; a list is written with commas.',
  ],
  ...listSettings().flatMap(([key, { alias }]): [string, string][] => {
    return alias === undefined ? [] : [[alias, `Older name of ${environmentName(key)}, which wins over it.`]];
  }),
  ['NO_COLOR', 'Without colours, where it is not empty.'],
  ['PATH', 'Where a loader is looked for that as_cli.executable names without a directory.'],
  ['XDG_STATE_HOME', 'Where emit notes how far it is; ~/.local/state where it is not set.'],
];

const FILES: readonly (readonly [path: string, has: string])[] = [
  ['/etc/atd-ingestion/atd-ingestion.yaml', 'Settings of the service under systemd; each is explained there.'],
  ['/etc/atd-ingestion/environment', 'Variables of that service, one NAME=value a line.'],
  ['/var/log/atd-ingestion/', 'Its log, where log_file is set; else the journal has it.'],
  ['/var/lib/atd-ingestion/', 'Its home, where a loader may keep settings of its own.'],
  ['~/.local/state/atd-ingestion/', 'How far each emit is, for emit --continue.'],
  ['./atd-samples/', 'Sample files of emit --num-messages.'],
];

/** @param commands by their names; those of the command line unless a test has others */
export function manPage(commands: Readonly<Record<string, CommandDefinition>> = COMMANDS): string {
  const { description } = JSON.parse(read('package.json')) as { readonly description: string };
  const summary = `${description.charAt(0).toLowerCase()}${description.slice(1).replace(/\.$/, '')}`;
  const lines = [
    '.\\" Made by `npm run docs` from the tables of the commands in lib/cli/commands.ts.',
    '.TH ATD\\-INGESTION 1 "" "ATD Ingestion" "User Commands"',
    // Neither hyphens nor stretched blanks: what stands here is to be copied.
    '.nh',
    '.ad l',
    '.SH NAME',
    `${PROGRAM.replace('-', '\\-')} \\- ${roff(summary)}`,
    '.SH SYNOPSIS',
    ...synopsis(`${PROGRAM} [COMMAND] [OPTIONS]\n${PROGRAM} COMMAND --help\n${PROGRAM} --version`),
    '.SH DESCRIPTION',
    roff(
      'Consumes messages that name files, and has each file loaded by one run of a loader, as-cli. A message is committed when all its files are loaded, or given up and sent to the topic of dead letters.',
    ),
    '.PP',
    roff(
      'Without a command it is the service that runs. Its settings come from a file, variables and the command line.',
    ),
    '.SH COMMANDS',
    ...Object.entries(commands).flatMap(([name, command]) => commandLines(name, command)),
    '.SH EXIT STATUS',
    ...exitStatus(),
    '.SH ENVIRONMENT',
    ...ENVIRONMENT.flatMap(([name, does]) => term(bold(name), does)),
    '.SH FILES',
    ...FILES.flatMap(([path, has]) => term(italic(path), has)),
    '.SH SEE ALSO',
    `${bold('systemctl')}(1), ${bold('journalctl')}(1)`,
    '.PP',
    roff(
      'The loader has a help of its own: as-cli --help. The directory docs of an installation has configuration.md, errors.md, operations.md and more.',
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function commandLines(name: string, { summary, usage, options, examples = [] }: CommandDefinition): string[] {
  const shorter = Object.entries(ALIASES).flatMap(([alias, full]) => (full === name ? [alias] : []));
  return [
    `.SS "${[name, ...shorter].map(roff).join(', ')}"`,
    ...synopsis(usage),
    '.PP',
    roff(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`),
    ...Object.entries(options).flatMap(([option, definition]) => term(optionHead(option, definition), definition.help)),
    ...examples.flatMap(([command, does], index) => [
      ...(index === 0 ? ['.PP', 'Examples:'] : []),
      '.PP',
      roff(`${does.charAt(0).toUpperCase()}${does.slice(1)}:`),
      ...verbatim(brokenCommand(wholeCall(command), EXAMPLE_CHARACTERS)),
    ]),
  ];
}

/** Each call, broken only between its arguments, and below the first of them. */
function synopsis(usage: string): string[] {
  const calls = usage.split('\n').flatMap((call) => {
    const [program = '', ...rest] = call.trim().split(' ');
    return [`.SY ${roff(program)}`, roff(rest.join(' ')).replaceAll(/\[(\S+) (\S+)\]/g, '[$1\\ $2]')];
  });
  // The end of a synopsis has words hyphenated again.
  return [...calls, '.YS', '.nh'];
}

function optionHead(name: string, { short, value }: OptionDefinition): string {
  const long = bold(`--${name}`);
  const names = short === undefined ? long : `${bold(`-${short}`)}, ${long}`;
  return value === undefined ? names : `${names} ${italic(value)}`;
}

function exitStatus(): string[] {
  return Object.entries(ENDS).flatMap(([name, meaning]) => {
    if (meaning === null) return [];
    const code = ExitCode[name as keyof typeof ExitCode];
    const errors = ERROR_CODES.filter((error) => exitCodeOf(new AtdError(error, '')) === code);
    return term(bold(String(code)), errors.length === 0 ? meaning : `${meaning} (${errors.join(', ')})`);
  });
}
