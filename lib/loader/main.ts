/** The commands of `as-cli`: finds the one that is meant, prints one line, returns an exit code of sysexits. */
import { ExitCode } from '../errors.js';
import { type Environment, parseRecordsArguments, unknownWord } from './arguments.js';
import { type Connect, connect } from './clickhouse.js';
import { LoadError, oneLine, redact } from './failures.js';
import { INGEST_HELP, ROOT_HELP, recordsHelp } from './help.js';
import { type LoadResult, loadRecords } from './records.js';

/** Where a run writes to. Nothing else of the process is touched, so that one process can do one run after another. */
export interface Output {
  out(text: string): Promise<void>;
  error(text: string): Promise<void>;
}

/** What a command works with. */
interface Context {
  readonly env: Environment;
  readonly connect: Connect;
}

interface End {
  readonly exitCode: ExitCode;
  readonly stdout?: string;
  readonly warning?: string | null;
  /** What failed, without the program's name. */
  readonly failure?: string;
}

type Run = (args: readonly string[], context: Context) => Promise<End>;

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

async function dispatch(command: Command, args: readonly string[], context: Context): Promise<End> {
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
  return typeof next === 'function' ? next(rest, context) : dispatch(next, rest, context);
}

async function records(args: readonly string[], { env, connect }: Context): Promise<End> {
  const parsed = parseRecordsArguments(args, env);
  if (parsed.kind === 'help') return { exitCode: ExitCode.ok, stdout: recordsHelp() };
  if (parsed.kind === 'invalid') {
    return { exitCode: parsed.exitCode, failure: `${parsed.reason}; see as-cli ingest records --help` };
  }
  const { request } = parsed;
  try {
    const result = await loadRecords(request, connect);
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

/** One run. `connectTo` may keep a connection from one run to the next. */
export async function run(
  args: readonly string[],
  env: Environment,
  output: Output,
  connectTo: Connect = connect,
): Promise<ExitCode> {
  const { exitCode, stdout, warning, failure } = await dispatch(ROOT, args, { env, connect: connectTo });
  if (stdout !== undefined) await output.out(stdout);
  if (warning) await output.error(`as-cli: warning: ${warning}\n`);
  if (failure !== undefined) await output.error(`as-cli: ${oneLine(failure, FAILURE_LIMIT)}\n`);
  return exitCode;
}
