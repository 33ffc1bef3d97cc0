/** What `loads undo` deletes or has deleted, for people and for programs. */
import { countText, withoutControl, wrap } from '../../util/plain-text.js';
import type { Verdict } from './undo-plan.js';

export interface UndoOutcome {
  readonly verdicts: readonly Verdict[];
  readonly database: string;
  readonly isDone: boolean;
  /** Whether a service said what it loads. */
  readonly askedService: boolean;
}

const MOST_SHOWN = 20;

export function renderUndo({ verdicts, database, isDone }: UndoOutcome, columns: number): string {
  const undone = verdicts.filter((verdict) => verdict.kind === 'undo');
  const refused = verdicts.filter((verdict) => verdict.kind === 'refused');
  const nothing = verdicts.filter((verdict) => verdict.kind === 'nothing');
  const rows = undone.reduce((sum, verdict) => sum + verdict.rows, 0);
  const parts = [
    `${countText(undone.length, 'load')} ${isDone ? 'undone' : 'would be undone'}, ${countText(rows, 'row')}${isDone ? ' deleted' : ''}`,
    ...(refused.length === 0 ? [] : [`${refused.length.toLocaleString('en-GB')} refused`]),
    ...(nothing.length === 0 ? [] : [`${nothing.length.toLocaleString('en-GB')} without rows`]),
  ];
  const lines = [
    ...cut(
      undone.map(
        ({ load, rows }) => `${countText(rows, 'row')} of ${database}.${load.table}: ${load.path} (${load.loadId})`,
      ),
    ),
    ...viewLines(undone),
    ...cut(nothing.map(({ load, why }) => `nothing to do for ${load.path} (${load.loadId}): ${why}`)),
    ...cut(refused.map(({ load, why }) => `not undone: ${load.path} (${load.loadId}): ${why}`)),
    parts.join(', '),
  ];
  return lines
    .flatMap((line) => wrap(withoutControl(line), columns))
    .map((line) => `${line}\n`)
    .join('');
}

function viewLines(undone: readonly Extract<Verdict, { kind: 'undo' }>[]): string[] {
  const views = [...new Set(undone.flatMap(({ views: of }) => of))];
  return views.length === 0 ? [] : [`what was handed on by ${views.join(', ')} stays where it is`];
}

/** One object for programs. */
export function reportOf({ verdicts, database, isDone, askedService }: UndoOutcome): object {
  const of = (kind: Verdict['kind']): object[] =>
    verdicts
      .filter((verdict) => verdict.kind === kind)
      .map(({ load: { loadId, table, path, generation }, kind: _, ...rest }) => ({
        ...{ loadId, table: `${database}.${table}`, path, generation },
        ...rest,
      }));
  return {
    act: 'undone',
    dryRun: !isDone,
    done: of('undo'),
    refused: of('refused'),
    nothing: of('nothing'),
    askedService,
  };
}

export function cut(lines: readonly string[]): readonly string[] {
  const more = lines.length - MOST_SHOWN;
  return more <= 0
    ? lines
    : [...lines.slice(0, MOST_SHOWN), `… and ${more.toLocaleString('en-GB')} more (--json names all)`];
}
