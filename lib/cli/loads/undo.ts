/** `atd-ingestion loads undo`: takes the rows of loads out of their tables. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { tokenOf } from '../../core/rules/replays.js';
import { AtdError, ExitCode } from '../../errors.js';
import { loadIdOf } from '../../ledger/load-id.js';
import type { Job } from '../../types.js';
import { countText, wrap } from '../../util/plain-text.js';
import { loadSettings, type ParsedOptions } from '../options.js';
import { addressOf, call } from '../remote.js';
import { terminalColumns } from '../terminal.js';
import { byTable, countsOf } from '../undone/counts.js';
import { type LoadTables, openTables } from '../undone/load-tables.js';
import { whoAsks } from '../who.js';
import { type Chosen, chosenLoads } from './chosen.js';
import { judge, undoneRow, type Verdict } from './undo-plan.js';
import { renderUndo, reportOf, type UndoOutcome } from './undo-view.js';

/** Loads that are written down and deleted together. */
const AT_ONCE = 100;

type Undoing = Extract<Verdict, { kind: 'undo' }>;

export async function undo(options: ParsedOptions, version: string): Promise<ExitCode> {
  const { values } = options;
  const { config } = loadSettings(options);
  const tables = openTables(config);
  if (tables === null) throw withoutLedger('undo');
  try {
    const chosen = await chosenLoads(options, config, tables);
    const running = await runningLoads(options);
    const verdicts = await judged(chosen, tables, running, values['keep-view-rows'] === true);
    const outcome: UndoOutcome = { verdicts, database: tables.database, isDone: false, askedService: running !== null };
    const undoing = verdicts.filter((verdict): verdict is Undoing => verdict.kind === 'undo');
    if (values['dry-run'] === true || undoing.length === 0) return finish(options, outcome);
    if (values['yes'] !== true && !(await isConfirmed(outcome, undoing, tables.database))) return ExitCode.crash;
    const reason = typeof values['reason'] === 'string' ? values['reason'] : '';
    const act = { by: whoAsks(), reason, instance: `${hostname()}/${process.pid}`, version };
    for (const [table, ofTable] of groups(undoing)) {
      for (let from = 0; from < ofTable.length; from += AT_ONCE) {
        await takeOut(tables, table, ofTable.slice(from, from + AT_ONCE), act);
      }
    }
    return finish(options, { ...outcome, isDone: true });
  } finally {
    await tables.close();
  }
}

/** By their tables. */
function groups(undoing: readonly Undoing[]): Map<string, Undoing[]> {
  const all = new Map<string, Undoing[]>();
  for (const one of undoing) all.set(one.load.table, [...(all.get(one.load.table) ?? []), one]);
  return all;
}

export function withoutLedger(action: string): AtdError {
  return new AtdError('ATD_USAGE', `${action} needs the ledger, which says what a load was: see ledger.enabled`);
}

/**
 * The ledger's row goes first: whoever is killed in between leaves rows of a load that is known to be undone, which the next call
 * deletes, and which nothing loads again before. The other way round a file could be loaded again under a token that adds nothing.
 */
async function takeOut(
  tables: LoadTables,
  table: string,
  batch: readonly Undoing[],
  act: Omit<Parameters<typeof undoneRow>[2], 'now'>,
): Promise<void> {
  const ids = batch.map(({ load }) => load.loadId);
  await tables.write(
    batch.map(({ load, rows }) => undoneRow(load, rows, { ...act, now: Date.now() })),
    `undo-${randomUUID()}`,
  );
  const incomplete = (why: string, cause?: unknown): AtdError =>
    new AtdError(
      'ATD_UNREACHABLE',
      `${tables.database}.${table}: ${why}; the ledger says of ${countText(ids.length, 'load')} that they are undone: repeat the command, without --status, which deletes what is left`,
      { cause },
    );
  await tables.remove(table, ids).catch((error: unknown) => {
    throw incomplete((error as Error).message, error);
  });
  const left = [...(await tables.counts(table, ids)).values()].reduce((sum, rows) => sum + rows, 0);
  if (left > 0) throw incomplete(`${countText(left, 'row')} are still there`);
}

async function judged(
  { loads, undone, mixed }: Chosen,
  tables: LoadTables,
  running: ReadonlySet<string> | null,
  keepViewRows: boolean,
): Promise<Verdict[]> {
  const ofTables = byTable(loads);
  const facts = await tables.facts([...ofTables.keys()]);
  const rows = await countsOf(tables, ofTables, facts);
  return loads.map((load) =>
    judge(
      {
        load,
        wasUndone: undone.has(load.loadId),
        isMixed: mixed.has(load.loadId),
        table: facts.get(load.table) ?? null,
        rows: rows.get(load.loadId) ?? 0,
        isRunning: running?.has(load.loadId) === true,
      },
      tables.database,
      keepViewRows,
    ),
  );
}

/** What a service loads at this moment; null where none answers, which may be because none runs. */
async function runningLoads(options: ParsedOptions): Promise<ReadonlySet<string> | null> {
  const base = addressOf(options);
  try {
    const { status, text } = await call(base, '/api/v1/status');
    if (status !== 200) throw new Error(`it answers ${status}`);
    const { running } = JSON.parse(text) as { running: readonly { job: Job }[] };
    return new Set(running.map(({ job }) => loadIdOf(tokenOf(job), job.replay?.generation ?? 0)));
  } catch (error) {
    const text = `warning: whether one of them is being loaded at this moment is not known: ${(error as Error).message}`;
    process.stderr.write(`${wrap(text, terminalColumns()).join('\n')}\n`);
    return null;
  }
}

/** @throws AtdError ATD_USAGE where nobody can be asked */
async function isConfirmed(outcome: UndoOutcome, undoing: readonly Undoing[], database: string): Promise<boolean> {
  const rows = undoing.reduce((sum, verdict) => sum + verdict.rows, 0);
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) {
    const what = `${countText(rows, 'row')} of ${countText(undoing.length, 'load')}`;
    throw new AtdError(
      'ATD_USAGE',
      `this deletes ${what}, and nobody can be asked here: give --yes, or --dry-run to see which`,
    );
  }
  process.stderr.write(renderUndo(outcome, terminalColumns()));
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  const question = `Delete ${countText(rows, 'row')} of ${countText(undoing.length, 'load')} from ${database}? [y/N] `;
  // Whoever presses Ctrl-C or Ctrl-D instead of an answer has given one.
  const answer = await new Promise<string>((resolve) => {
    asking.once('close', () => resolve(''));
    asking.question(question).then(resolve, () => resolve(''));
  });
  asking.close();
  return /^y(es)?$/i.test(answer.trim());
}

/** Ends with 1 where something was chosen and may not be undone. */
function finish({ values }: ParsedOptions, outcome: UndoOutcome): ExitCode {
  const text =
    values['json'] === true ? `${JSON.stringify(reportOf(outcome))}\n` : renderUndo(outcome, terminalColumns());
  process.stdout.write(text);
  return outcome.verdicts.some(({ kind }) => kind === 'refused') ? ExitCode.crash : ExitCode.ok;
}
