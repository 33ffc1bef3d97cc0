/** The command line of `atd-ingestion`; the only place that ends the process with an exit code. */
import { readFileSync } from 'node:fs';
import { AtdError, ExitCode, exitCodeOf, isAtdError } from '../errors.js';
import { journalPrefix } from '../telemetry/journal.js';
import { didYouMean } from '../util/did-you-mean.js';
import { wrap } from '../util/plain-text.js';
import type { CommandDefinition } from './command-definition.js';
import { ALIASES, COMMANDS, wholeCall } from './commands.js';
import { parseOptions, renderOptions, renderRow } from './options.js';
import { terminalColumns } from './terminal.js';

export async function main(args: readonly string[]): Promise<void> {
  try {
    process.exitCode = await dispatch(args);
  } catch (error) {
    const text = `atd-ingestion: ${isAtdError(error) ? error.message : ((error as Error).stack ?? error)}`;
    process.stderr.write(`${text.replaceAll(/^/gm, journalPrefix(process.stderr)('error'))}\n`);
    process.exitCode = exitCodeOf(error);
  }
  // What is still open now (a client that does not let go) must not keep a finished process alive.
  process.exit();
}

async function dispatch(args: readonly string[]): Promise<ExitCode> {
  const named = args[0] !== undefined && !args[0].startsWith('-');
  const given = named ? (args[0] as string) : 'run';
  const name = Object.hasOwn(ALIASES, given) ? (ALIASES[given] as string) : given;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    const meant = didYouMean(name, Object.keys(COMMANDS));
    const hint = meant === null ? `commands: ${Object.keys(COMMANDS).join(', ')}` : `did you mean ${meant}?`;
    throw new AtdError('ATD_USAGE', `unknown command ${name}; ${hint}`);
  }
  const options = parseOptions(named ? args.slice(1) : args, command.options, command.positionals);
  const version = readVersion();
  if (options.values['help'] === true) {
    process.stdout.write(named ? renderHelp(command) : renderOverview());
    return ExitCode.ok;
  }
  if (options.values['version'] === true) {
    process.stdout.write(`${version}\n`);
    return ExitCode.ok;
  }
  return command.execute(options, version);
}

function renderOverview(): string {
  const columns = terminalColumns();
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => renderRow(name, summary, columns, 16));
  return `Loads every file announced on a Kafka topic into its tenant's ClickHouse table, once.

Usage: atd-ingestion [COMMAND] [OPTIONS]

Commands:
${rows.join('\n')}

\`atd-ingestion COMMAND --help\` shows the options of one.
`;
}

function renderHelp({ summary, usage, options, examples = [] }: CommandDefinition): string {
  const columns = terminalColumns();
  // A command is not wrapped, so that it can be copied.
  const shown = examples.map(([command, does]) => `  # ${does}\n  ${wholeCall(command)}`).join('\n');
  const end = shown === '' ? '' : `\nExamples:\n${shown}\n`;
  const about = wrap(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`, columns).join('\n');
  return `Usage: ${usage}\n\n${about}\n\nOptions:\n${renderOptions(options, columns)}\n${end}`;
}

function readVersion(): string {
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
