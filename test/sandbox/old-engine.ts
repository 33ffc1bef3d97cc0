/**
 * Runs statements in the chDB of a Python, which is there in older versions of ClickHouse than that of Node: one process for each
 * statement, one after the other, since such a process has the directory for itself.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { fixture } from '../support/commands.js';
import type { EngineResult, EngineRun, StatementEngine } from './clickhouse-engine.js';
import { ClickHouseError } from './clickhouse-errors.js';
import { identifier, literal } from './clickhouse-statement.js';

const SCRIPT = fixture('old-engine.py');

/** The one called `default` is not kept by each version. */
export const OLD_ENGINE_DATABASE = 'atd';

/** A statement becomes longer on the way. */
const MAX_QUERY_SIZE = ['max_query_size', String(64 * 1024 * 1024)] as const;

interface Answer {
  readonly rows?: number;
  readonly error?: string;
  readonly elapsed: number;
}

export class OldEngine implements StatementEngine {
  readonly #python: string;
  readonly #directory: string;
  #last: Promise<unknown> = Promise.resolve();
  version = '';

  private constructor(python: string, directory: string) {
    this.#python = python;
    this.#directory = directory;
  }

  static async open(python: string, directory: string): Promise<OldEngine> {
    mkdirSync(directory, { recursive: true });
    const engine = new OldEngine(python, directory);
    await engine.#execute(`CREATE DATABASE ${OLD_ENGINE_DATABASE} ENGINE = Atomic`, 'TSVRaw');
    const { bytes } = await engine.#execute('SELECT version()', 'TSVRaw');
    engine.version = Buffer.from(bytes).toString('utf8').trim();
    return engine;
  }

  async run({
    statement,
    insert,
    format,
    database,
    settings,
    params,
    session,
    roles,
  }: EngineRun): Promise<EngineResult> {
    if (session !== null || roles.length > 0)
      throw new ClickHouseError(48, 'NOT_IMPLEMENTED', 'No sessions or roles here');
    const assignments = [
      ...[...params].map(([name, value]) => `${identifier(`param_${name}`)} = ${literal(value)}`),
      ...[...settings, MAX_QUERY_SIZE].map(([name, value]) => `${name} = ${literal(value)}`),
    ];
    const script = [
      `USE ${identifier(database ?? OLD_ENGINE_DATABASE)}`,
      ...(assignments.length === 0 ? [] : [`SET ${assignments.join(', ')}`]),
      withoutBase64(statement),
    ].join(';\n');
    const run = this.#last.then(() => this.#execute(script, format));
    this.#last = run.catch(() => undefined);
    const result = await run;
    return insert ? { ...result, writtenRows: result.resultRows } : result;
  }

  async #execute(script: string, format: string): Promise<EngineResult> {
    const child = spawn(this.#python, [SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    child.stdin.end(`${JSON.stringify({ script, format, directory: this.#directory })}\n`);
    const chunks: Buffer[] = [];
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) chunks.push(chunk);
    await ended;
    const output = Buffer.concat(chunks);
    const end = output.indexOf('\n');
    if (end < 0)
      throw new Error('Code: 1002. DB::Exception: The old engine ended without an answer. (UNKNOWN_EXCEPTION)');
    const { rows = 0, error, elapsed } = JSON.parse(output.toString('utf8', 0, end)) as Answer;
    if (error !== undefined) throw new Error(error);
    const bytes = output.subarray(end + 1);
    return {
      ...{
        bytes,
        resultRows: rows,
        resultBytes: bytes.length,
        writtenRows: 0,
        writtenBytes: 0,
        elapsedSeconds: elapsed,
      },
    };
  }
}

/** Servers of these versions have the function; the wheels were built without it. */
function withoutBase64(statement: string): string {
  return statement.replace(
    /base64Decode\('([\w+/=]*)'\)/g,
    (_, data: string) => `unhex('${Buffer.from(data, 'base64').toString('hex')}')`,
  );
}
