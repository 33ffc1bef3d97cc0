/**
 * Runs statements in chDB, the ClickHouse engine inside this process. Every request gets a session of its own, as in
 * the server: opening one on the same directory costs less than a millisecond, SET and USE stay in it, and sessions run
 * in parallel while one session serialises its queries (chDB 3.4.0, engine 26.7: two CPU-bound queries took 1.3 s in two
 * sessions and 1.9 s in one).
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Session } from 'chdb';
import { ClickHouseError } from './clickhouse-errors.js';
import { type SessionRequest, Sessions } from './clickhouse-sessions.js';
import { identifier, literal } from './clickhouse-statement.js';

export interface EngineRun {
  readonly statement: string;
  readonly insert: boolean;
  readonly format: string;
  readonly database: string | null;
  readonly settings: ReadonlyMap<string, string>;
  readonly params: ReadonlyMap<string, string>;
  readonly readOnly: boolean;
  readonly session: SessionRequest | null;
  readonly roles: readonly string[];
}

/** What the front needs of an engine. */
export interface StatementEngine {
  readonly version: string;
  /** @throws Error whose message begins with `Code: NN. DB::Exception: …` */
  run(run: EngineRun): Promise<EngineResult>;
}

export interface EngineResult {
  readonly bytes: Uint8Array;
  /** chDB tells the size of the result, not how many rows were read to make it. */
  readonly resultRows: number;
  readonly resultBytes: number;
  /** As the engine counts them: rows handed to the table, whether or not it then recognised them as duplicates. */
  readonly writtenRows: number;
  readonly writtenBytes: number;
  readonly elapsedSeconds: number;
}

/**
 * The addon below chDB's package: its raw insert is the one call that tells how many rows were written. The package's
 * own insert() takes a table and a text format only, and there is no system.query_log in chDB.
 */
interface Addon {
  InsertRawAsyncConnection(
    connection: unknown,
    statement: string,
    data: Buffer,
    countLines: boolean,
  ): Promise<{ readonly rowsWritten: number; readonly bytesWritten: number; readonly elapsed: number }>;
}

function loadAddon(): Addon {
  const require = createRequire(import.meta.url);
  const loader = require(join(dirname(require.resolve('chdb')), 'dist', 'loader.js')) as { loadNative(): Addon };
  return loader.loadNative();
}

export class Engine implements StatementEngine {
  readonly #directory: string;
  readonly #addon: Addon;
  /** Keeps the data directory open between requests. */
  readonly #keeper: Session;
  readonly #sessions: Sessions;
  readonly version: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.#addon = loadAddon();
    this.#sessions = new Sessions(() => new Session(directory));
    this.#keeper = new Session(directory);
    this.version = this.#keeper.query('SELECT version()', 'TSVRaw').trim();
  }

  async run(run: EngineRun): Promise<EngineResult> {
    if (run.session !== null) return await this.#runInSession(run, run.session);
    const session = new Session(this.#directory);
    try {
      await prepare(session, run);
      return await this.#execute(session, run);
    } finally {
      session.close();
    }
  }

  /** Settings of the request are those of its statement alone; what the statement itself sets stays. */
  async #runInSession(run: EngineRun, request: SessionRequest): Promise<EngineResult> {
    if (run.readOnly)
      throw new ClickHouseError(48, 'NOT_IMPLEMENTED', 'A GET in a session is not supported by this front');
    const session = this.#sessions.take(request);
    try {
      await prepare(session, run);
      return await this.#execute(session, run);
    } finally {
      const names = [...run.settings.keys()];
      const resets = names.map((name) => `${identifier(name)} = DEFAULT`).join(', ');
      if (names.length > 0) await session.queryAsync(`SET ${resets}`).catch(() => undefined);
      this.#sessions.giveBack(request);
    }
  }

  async #execute(session: Session, run: EngineRun): Promise<EngineResult> {
    if (run.insert) return await this.#insert(session, run.statement);
    const result = await session.queryAsync(run.statement, { format: run.format });
    return {
      bytes: result.bytes(),
      resultRows: result.rowsRead,
      resultBytes: result.bytesRead,
      writtenRows: 0,
      writtenBytes: 0,
      elapsedSeconds: result.elapsed,
    };
  }

  async #insert(session: Session, statement: string): Promise<EngineResult> {
    const result = await this.#addon.InsertRawAsyncConnection(session.connection, statement, Buffer.alloc(0), false);
    return {
      bytes: new Uint8Array(0),
      resultRows: result.rowsWritten,
      resultBytes: result.bytesWritten,
      writtenRows: result.rowsWritten,
      writtenBytes: result.bytesWritten,
      elapsedSeconds: result.elapsed,
    };
  }
}

/** `readonly` comes last: it forbids the other settings from then on. */
async function prepare(session: Session, run: EngineRun): Promise<void> {
  const assignments = [
    ...[...run.params].map(([name, value]) => `${identifier(`param_${name}`)} = ${literal(value)}`),
    ...[...run.settings].map(([name, value]) => `${identifier(name)} = ${literal(value)}`),
  ];
  // This engine has no roles: it says of each that it does not know it, as a server does of one that is not there.
  if (run.roles.length > 0) await session.queryAsync(`SET ROLE ${run.roles.map(identifier).join(', ')}`);
  if (run.database !== null) await session.queryAsync(`USE ${identifier(run.database)}`);
  if (assignments.length > 0) await session.queryAsync(`SET ${assignments.join(', ')}`);
  if (run.readOnly) await session.queryAsync('SET readonly = 2');
}
