/** The entry of `as-cli`: finds the command, prints one line, ends with an exit code of sysexits. */
import { ExitCode } from '../errors.js';
import { type Environment, parseRecordsArguments, unknownWord } from './arguments.js';
import { LoadError, oneLine, redact } from './failures.js';
import { INGEST_HELP, ROOT_HELP, recordsHelp } from './help.js';
import { type LoadResult, loadRecords } from './records.js';

interface End {
  readonly exitCode: ExitCode;
  readonly stdout?: string;
  readonly warning?: string | null;
  /** What failed, without the program's name. */
  readonly failure?: string;
}

type Run = (args: readonly string[], env: Environment) => Promise<End>;

interface Command {
  /** How the command is called in messages. */
  readonly name: string;
  readonly help: string;
  readonly subcommands: Readonly<Record<string, Command | Run>>;
}

const ROOT: Command = {
  name: 'as-cli',
  help: ROOT_HELP,
  subcommands: { ingest: { name: 'as-cli ingest', help: INGEST_HELP, subcommands: { records } } },
};

async function dispatch(command: Command, args: readonly string[], env: Environment): Promise<End> {
  const [word, ...rest] = args;
  if (word === '--help' || word === '-h' || word === 'help') return { exitCode: ExitCode.ok, stdout: command.help };
  const remedy = `see ${command.name} --help`;
  if (word === undefined) return { exitCode: ExitCode.usage, failure: `no command given; ${remedy}` };
  const known = Object.keys(command.subcommands);
  const next = known.includes(word) ? command.subcommands[word] : undefined;
  if (next === undefined) {
    const what = word.startsWith('-') ? 'option' : 'command';
    return { exitCode: ExitCode.usage, failure: `${unknownWord(what, word, known)}; ${remedy}` };
  }
  return typeof next === 'function' ? next(rest, env) : dispatch(next, rest, env);
}

async function records(args: readonly string[], env: Environment): Promise<End> {
  const parsed = parseRecordsArguments(args, env);
  if (parsed.kind === 'help') return { exitCode: ExitCode.ok, stdout: recordsHelp() };
  if (parsed.kind === 'invalid') {
    return { exitCode: parsed.exitCode, failure: `${parsed.reason}; see as-cli ingest records --help` };
  }
  const { request } = parsed;
  try {
    const result = await loadRecords(request);
    const { warning, ...report } = result;
    return { exitCode: ExitCode.ok, stdout: request.json ? `${JSON.stringify(report)}\n` : sentence(result), warning };
  } catch (error) {
    const exitCode = error instanceof LoadError ? error.exitCode : ExitCode.internal;
    const failure =
      error instanceof LoadError ? error.message : `internal error: ${String(error)}; report this as a bug`;
    return { exitCode, failure: redact(failure, request.connection.password) };
  }
}

function sentence({ rows, bytes, seconds, table, file }: LoadResult): string {
  return `Loaded ${rows} ${rows === 1 ? 'row' : 'rows'} (${bytes} bytes) from ${file} into ${table} in ${seconds.toFixed(2)} s\n`;
}

/** A path alone may have 4,096 characters; what other programs said is bounded before. */
const FAILURE_LIMIT = 8_192;

const { exitCode, stdout, warning, failure } = await dispatch(ROOT, process.argv.slice(2), process.env);
if (stdout !== undefined) process.stdout.write(stdout);
if (warning) process.stderr.write(`as-cli: warning: ${warning}\n`);
if (failure !== undefined) process.stderr.write(`as-cli: ${oneLine(failure, FAILURE_LIMIT)}\n`);
process.exitCode = exitCode;
