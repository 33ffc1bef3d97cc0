/** Loads as a person reads them in a terminal, 60 columns wide and more. */
import type { Load } from '../../ledger/load.js';
import type { Group, Grouping } from '../../ledger/queries.js';
import { bytesText, countText, inOneLine, momentText, table, withoutControl, wrap } from '../../util/plain-text.js';

export interface Look {
  /** Of the terminal. */
  readonly columns: number;
  readonly colours: boolean;
}

const INDENT = '  ';
const RED = '\u001b[31m';
const GREEN = '\u001b[32m';
const PLAIN = '\u001b[0m';
/** The longest status. */
const STATUS_COLUMNS = 'superseded'.length;
/** With the time, and what is between. */
const LEFT_COLUMNS = STATUS_COLUMNS + '  2026-11-28 05:12:33Z  '.length;

/** A line of what it is, and below it the file, the reason and the id. */
export function renderLoad(load: Load, look: Look): string {
  const { path, reason, loadId } = load;
  return lines([head(load, look), ...indented([path, reason, loadId], look.columns)]);
}

/** All rows of one load, and what they have in common. */
export function renderRows(rows: readonly Load[], look: Look): string {
  const [first] = rows;
  const last = rows.at(-1);
  if (first === undefined || last === undefined) return '';
  const { topic, partition, offset, index, announcedAt, takenAt } = last;
  const announced = announcedAt === null ? 'at no known time' : momentText(announcedAt);
  const common = [
    last.path,
    last.table === '' ? 'no table was chosen' : `table ${last.table}, tenant ${last.tenant ?? '(none)'}`,
    `announced ${announced}, read ${momentText(takenAt)}`,
    `message ${topic}/${partition}/${offset}, file ${index}`,
    `token ${last.token}`,
  ];
  const texts = rows.flatMap((row) => [head(row, look), ...indented(about(row), look.columns)]);
  return lines([first.loadId, ...indented(common, look.columns), '', ...texts]);
}

export function renderGroups(groups: readonly Group[], by: Grouping, { columns }: Look): string {
  const title = `${by[0]?.toUpperCase()}${by.slice(1)}`;
  const rows = groups.map(({ name, loads, latestAt }) => [
    loads.toLocaleString('en-GB'),
    momentText(latestAt),
    inOneLine(name),
  ]);
  // What is cut is at the end of a line, where the name stands.
  return table(['Loads', 'Latest', title], rows, ['right', 'left', 'left']).replaceAll(/^.*$/gm, (line) =>
    line.length <= columns ? line : `${line.slice(0, columns - 1)}…`,
  );
}

function head(load: Load, { columns, colours }: Look): string {
  const { status, finishedAt, tenant } = load;
  const colour = status === 'loaded' ? GREEN : RED;
  const word = colours ? `${colour}${status}${PLAIN}` : status;
  const left = `${word}${' '.repeat(STATUS_COLUMNS - status.length)}  ${momentText(finishedAt)}  `;
  const [first = '', ...rest] = wrap(
    withoutControl(`${tenant ?? '(no tenant)'}  ${detail(load)}`),
    columns - LEFT_COLUMNS,
  );
  return [left + first, ...rest.map((line) => ' '.repeat(LEFT_COLUMNS) + line)].join('\n');
}

function detail({ status, disposition, rows, bytes, startedAt, finishedAt, attempt, exitCode, signal }: Load): string {
  const parts = [
    disposition,
    status === 'loaded' && rows !== null ? countText(rows, 'row') : null,
    status === 'loaded' && bytes !== null ? bytesText(bytes) : null,
    startedAt === null ? null : `${((finishedAt - startedAt) / 1_000).toFixed(1)} s`,
    attempt > 1 || (attempt === 1 && status !== 'loaded') ? `attempt ${attempt}` : null,
    status !== 'loaded' && exitCode !== null ? `exit code ${exitCode}` : null,
    signal === null ? null : `signal ${signal}`,
  ];
  return parts.filter((part) => part !== null).join(', ');
}

/** What is known of one attempt beside how it ended. */
function about(row: Load): string[] {
  const { reason, stderr, size, modifiedAt, cpuMs, peakMemory, queryId, startedAt, instance, version, loader } = row;
  const written = modifiedAt === null ? '' : `, last written ${momentText(modifiedAt)}`;
  const used = [
    cpuMs === null ? '' : `${(cpuMs / 1_000).toFixed(2)} s of CPU`,
    peakMemory === null ? '' : `at most ${bytesText(peakMemory)} of memory`,
  ].filter((text) => text !== '');
  return [
    reason,
    // The reason has its last line.
    stderr.includes(' | ') ? `stderr: ${stderr}` : '',
    startedAt === null ? '' : `started ${momentText(startedAt)}`,
    size === null ? '' : `file of ${bytesText(size)}${written}`,
    used.length === 0 ? '' : `the loader used ${used.join(', ')}`,
    queryId === null ? '' : `query ${queryId}`,
    `by ${instance}, version ${version}, loader ${loader === '' ? 'not noted' : loader}`,
  ];
}

function indented(texts: readonly string[], columns: number): string[] {
  return texts
    .filter((text) => text !== '')
    .flatMap((text) => wrap(withoutControl(text), columns - INDENT.length).map((line) => INDENT + line));
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line.trimEnd()}\n`).join('');
}
