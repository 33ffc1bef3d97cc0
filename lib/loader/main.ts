/** The commands of `as-cli`: finds the one that is meant, prints what it says, returns an exit code of sysexits. */
import { readFileSync } from 'node:fs';
import { ExitCode } from '../errors.js';
import { type Connect, connect } from './clickhouse/client.js';
import { type LoadResult, loadRecords } from './commands/load-records.js';
import { ProgressBar } from './commands/progress.js';
import { LoadError, oneLine, redact, type Scope } from './failures.js';
import { type Inserted, noting } from './noted-insert.js';
import type { Connection, ReadText } from './options/connection-options.js';
import { type Environment, type Parsed, unknownWord } from './options/options.js';
import { parseRecordsArguments } from './options/records-options.js';

/** Where a run writes to. Nothing else of the process is touched, so that one process can do one run after another. */
export interface Output {
  out(text: string): Promise<void>;
  error(text: string): Promise<void>;
  /** Characters in a line of the terminal that shows it; null if it is none. */
  readonly outColumns: number | null;
  readonly errorColumns: number | null;
}

/** What a command works with. */
interface Context {
  readonly env: Environment;
  readonly connect: Connect;
  readonly output: Output;
  /** The insert of this run, once there is one. */
  readonly inserted: Inserted;
}

interface End {
  readonly exitCode: ExitCode;
  readonly stdout?: string;
  readonly warning?: string | null;
  /** What failed, without the program's name. */
  readonly failure?: string;
  /** Whose failure it is; null where that is not known. */
  readonly scope?: Scope | null;
}

type Run = (args: readonly string[], context: Context) => Promise<End>;

/** A command of commands. */
interface Group {
  /** How it is called in messages. */
  readonly name: string;
  readonly subcommands: Readonly<Record<string, Group | Run>>;
}

interface CommandDefinition<Request extends { readonly connection: Connection }> {
  readonly name: string;
  parse(args: readonly string[], env: Environment, readText: ReadText): Parsed<Request>;
  perform(request: Request, context: Context): Promise<End>;
}

/** Reports a failure as one line of JSON too, where its report is wanted so. */
function reported(run: Run): Run {
  return async (args, context) => {
    const end = await run(args, context);
    const { exitCode, failure, scope } = end;
    const isWanted = args.includes('--json') || context.env['ATD_OUTPUT'] === 'json';
    if (failure === undefined || !isWanted) return end;
    const report = { exitCode, ...(scope ? { scope } : {}), error: oneLine(failure), ...context.inserted };
    return { ...end, stdout: `${JSON.stringify(report)}\n` };
  };
}

const loadOneFile = command({
  name: 'as-cli ingest records',
  parse: parseRecordsArguments,
  async perform(request, { connect, output, inserted }) {
    const { errorColumns, error } = output;
    const bar =
      request.progress && errorColumns !== null
        ? (file: string, bytes: number) => new ProgressBar(error, errorColumns, file, bytes)
        : null;
    const result = await loadRecords(request, connect, bar);
    const { warning, ...report } = result;
    const json = (): string => `${JSON.stringify({ ...report, ...inserted })}\n`;
    return { exitCode: ExitCode.ok, stdout: request.json ? json() : sentence(result), warning };
  },
});

const records = reported(loadOneFile);

/** The commands that people call are loaded only when they do. */
const tenant: Run = async (args, context) => {
  const { parseTenantArguments } = await import('./options/tenant-options.js');
  const { manageTenant } = await import('./commands/tenant.js');
  return await command({
    name: 'as-cli ingest tenant',
    parse: parseTenantArguments,
    perform: async (request, { connect }) => ({ exitCode: ExitCode.ok, stdout: await manageTenant(request, connect) }),
  })(args, context);
};

const view: Run = async (args, context) => {
  const { parseViewArguments } = await import('./options/view-options.js');
  const { viewTable } = await import('./commands/view.js');
  return await command({
    name: 'as-cli ingest view',
    parse: parseViewArguments,
    perform: async (request, { connect, output }) => ({
      exitCode: ExitCode.ok,
      stdout: await viewTable(request, connect, output.outColumns),
    }),
  })(args, context);
};

const ROOT: Group = {
  name: 'as-cli',
  subcommands: { ingest: { name: 'as-cli ingest', subcommands: { records, tenant, view } } },
};

async function dispatch(group: Group, args: readonly string[], context: Context): Promise<End> {
  const [word, ...rest] = args;
  if (word === '--help' || word === '-h' || word === 'help') return await help(group.name);
  const remedy = `see ${group.name} --help`;
  if (word === undefined) return { exitCode: ExitCode.usage, failure: `no command given; ${remedy}` };
  const known = Object.keys(group.subcommands);
  const next = known.includes(word) ? group.subcommands[word] : undefined;
  if (next === undefined) {
    const what = word.startsWith('-') ? 'option' : 'command';
    return { exitCode: ExitCode.usage, failure: `${unknownWord(what, word, known)}; ${remedy}` };
  }
  return typeof next === 'function' ? await next(rest, context) : await dispatch(next, rest, context);
}

function command<Request extends { readonly connection: Connection }>(definition: CommandDefinition<Request>): Run {
  return async (args, context) => {
    const parsed = definition.parse(args, context.env, (path) => readFileSync(path, 'utf8'));
    if (parsed.kind === 'help') return await help(definition.name);
    if (parsed.kind === 'invalid') {
      // Wrong arguments, variables and secrets are there for every file: a supervisor makes the others by itself.
      return {
        exitCode: parsed.exitCode,
        failure: `${parsed.reason}; see ${definition.name} --help`,
        scope: 'connection',
      };
    }
    try {
      return await definition.perform(parsed.request, context);
    } catch (error) {
      const expected = error instanceof LoadError;
      const failure = expected ? error.message : `internal error: ${String(error)}; report this as a bug`;
      return {
        exitCode: expected ? error.exitCode : ExitCode.internal,
        failure: redact(failure, parsed.request.connection.password),
        scope: expected ? error.scope : null,
      };
    }
  };
}

async function help(name: string): Promise<End> {
  const { helpOf } = await import('./help.js');
  return { exitCode: ExitCode.ok, stdout: helpOf(name) };
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
  const inserted: Inserted = {};
  const context = { env, connect: noting(connectTo, inserted), output, inserted };
  const { exitCode, stdout, warning, failure } = await dispatch(ROOT, args, context);
  if (stdout !== undefined) await output.out(stdout);
  if (warning) await output.error(`as-cli: warning: ${warning}\n`);
  if (failure !== undefined) await output.error(`as-cli: ${oneLine(failure, FAILURE_LIMIT)}\n`);
  return exitCode;
}
