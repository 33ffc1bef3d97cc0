/** The status of a service as a person reads it in a terminal, 60 columns wide and more. */
import type { Overview } from '../service/overview.js';
import {
  bytesText,
  countText,
  duration,
  inOneLine,
  rateText as rate,
  table,
  withoutControl,
  wrap,
} from '../util/plain-text.js';

/** What `/api/status` answers. */
export type Report = ReturnType<Overview['of']>;

export interface Look {
  /** Of the terminal; text that does not fit goes on in the next line. */
  readonly columns: number;
  readonly colours: boolean;
}

const LABEL_COLUMNS = 10;
const SHOWN = 10;
const RED = '\u001b[31m';
const GREEN = '\u001b[32m';
const PLAIN = '\u001b[0m';

export function isHealthy({ live, ready }: Report): boolean {
  return live.ok && ready.ok;
}

export function renderStatus(report: Report, url: string, look: Look): string {
  const head = renderHead(report, url, look).map((line) => `${line}\n`);
  return `${head.join('')}${tenantsOf(report, look.columns)}`;
}

/** Its lines but those of the tenants. */
export function renderHead(report: Report, url: string, { columns, colours }: Look): string[] {
  const lines = rowsOf(report, url).flatMap(([label, text, mood]) => {
    const [first = '', ...rest] = wrap(withoutControl(text), columns - LABEL_COLUMNS);
    const colour = mood === 'good' ? GREEN : RED;
    const paint = (line: string) => (colours && mood !== undefined ? `${colour}${line}${PLAIN}` : line);
    return [label.padEnd(LABEL_COLUMNS) + paint(first), ...rest.map((line) => ' '.repeat(LABEL_COLUMNS) + paint(line))];
  });
  return lines.map((line) => line.trimEnd());
}

type Row = readonly [label: string, text: string, mood?: 'good' | 'bad'];

function rowsOf(report: Report, url: string): Row[] {
  const { at, startedAt, version, live, ready, slots, running, queue, lastHour, perSecond } = report;
  const waiting = queue.jobs === 0 ? 'nothing waits' : `${countText(queue.jobs, 'file')} wait`;
  const delayed = queue.delayed === 0 ? '' : `, ${queue.delayed} of them for another attempt or a held table`;
  return [
    ['Service', `atd-ingestion ${version} at ${url}, up ${duration(at - startedAt)}`],
    ['State', stateInWords(report), isHealthy(report) ? 'good' : 'bad'],
    ...[...live.reasons, ...ready.reasons].map((reason): Row => ['', reason, 'bad']),
    ['Lag', lagInWords(report)],
    ['Oldest', oldestInWords(report)],
    [
      'Speed',
      `${rate(perSecond.loaded)} files/s, ${rate(perSecond.rows)} rows/s, ${bytesText(Math.round(perSecond.bytes))}/s in the last 5 min`,
    ],
    ['', `${countText(lastHour.loaded, 'file')} loaded and ${lastHour.failed} given up in the last hour`],
    ['Slots', `${running.length} of ${slots} busy, ${waiting}${delayed}`],
    ...scaledBy(report),
    ...few(running).map(
      ({ job, attempt, startedAt: since }, index): Row => [
        index === 0 ? 'Running' : '',
        `${job.file} (${job.tenant ?? 'no tenant'}) for ${duration(at - since)}${attempt > 1 ? `, attempt ${attempt}` : ''}`,
      ],
    ),
    ...more(running),
    ...held(report),
    ...paused(report),
    ...partitionsOf(report),
    ...settingsOf(report),
  ];
}

function scaledBy({ at, settings: { scaled } }: Report): Row[] {
  if (scaled === null) return [];
  const { slots, configured, by, reason, at: since } = scaled;
  const who = by === '' ? 'somebody' : by;
  const why = reason === '' ? '' : `: ${reason}`;
  return [['', `${who} set ${slots} instead of ${configured}, ${duration(at - since)} ago${why}`]];
}

function stateInWords({ state, drain, at, breaker, commits, partitions, live, ready, suspects }: Report): string {
  if (state === 'drained') return 'is drained: it has left the group, and reads nothing until somebody resumes it';
  if (drain !== null) return 'is being drained: what runs is finished, then it leaves the group and stays up';
  if (state === 'draining' || state === 'stopped') return 'is stopping: what runs is finished, nothing new begins';
  if (state === 'starting') return 'is starting';
  if (breaker.state !== 'closed') {
    const since = breaker.since === null ? '' : ` for ${duration(at - breaker.since)}`;
    return `holds all loads back${since}: ${breaker.reason ?? 'no reason is known'}`;
  }
  if (commits.startsHeld) return 'starts no load: commits are not acknowledged';
  if (!live.ok || !ready.ok) return 'is not well';
  if (suspects.isAlone) return 'runs one file alone, during whose load the service ended before';
  if (partitions.length === 0) return 'is well, and other instances read all partitions';
  if (state === 'paused') return 'is well, and reads no more for now: enough waits';
  return 'is well';
}

function lagInWords({ lag }: Report): string {
  if (lag.messages === null) return 'is not known: no broker has said where the topic ends';
  if (lag.messages === 0) return 'none';
  const left =
    lag.secondsLeft === null ? 'nothing was done in the last 5 min' : `done in ${duration(lag.secondsLeft * 1_000)}`;
  return `${countText(lag.messages, 'message')}, some ${bytesText(lag.fileBytes ?? 0)} of files; ${left}`;
}

function oldestInWords({ at, partitions, lastLoadedAt }: Report): string {
  const times = partitions.flatMap(({ oldestAt }) => (oldestAt === null ? [] : [oldestAt]));
  const oldest =
    times.length === 0 ? 'nothing waits' : `${duration(Math.max(0, at - Math.min(...times)))} since its announcement`;
  const last =
    lastLoadedAt === null ? 'no file was loaded yet' : `the last file was loaded ${duration(at - lastLoadedAt)} ago`;
  return `${oldest}; ${last}`;
}

function held({ at, heldTables, heldTenants }: Report): Row[] {
  const tables = few(heldTables).map(
    ({ table: name, jobs, since, reason }): Row => [
      'Held',
      `${name}: ${countText(jobs, 'file')} for ${duration(at - since)}: ${reason}`,
      'bad',
    ],
  );
  const tenants = few(heldTenants).map(
    ({ tenant, records, until }): Row => [
      'Held',
      `${tenant} is not on the allow-list: ${countText(records, 'message')}, for another ${duration(until - at)}`,
      'bad',
    ],
  );
  return [...tables, ...more(heldTables), ...tenants, ...more(heldTenants)];
}

function paused({ at, pauses }: Report): Row[] {
  const rows = few(pauses).map(({ tenant, since, until, by, reason }): Row => {
    const end = until === null ? '' : `, for another ${duration(until - at)}`;
    const who = by === '' ? '' : ` by ${by}`;
    return [
      'Paused',
      `${tenant ?? 'no tenant'}${who} for ${duration(at - since)}${end}${reason === '' ? '' : `: ${reason}`}`,
    ];
  });
  return [...rows, ...more(pauses)];
}

function partitionsOf({ at, partitions }: Report): Row[] {
  const standing = partitions.filter(({ flood }) => flood !== null);
  const rows = few(standing).map(
    ({ topic, partition, pausedSince, flood }): Row => [
      'Full',
      `${topic}/${partition} for ${duration(at - (pausedSince ?? at))}: most is of ${flood?.tenant ?? 'no tenant'}`,
    ],
  );
  return [...rows, ...more(standing)];
}

function settingsOf({ settings: { needRestart, lastReload } }: Report): Row[] {
  const error = lastReload?.error ?? null;
  const refused: Row[] = error === null ? [] : [['Settings', `the last reload was refused: ${error}`, 'bad']];
  const waiting: Row[] = needRestart.length === 0 ? [] : [['Settings', `need a restart: ${needRestart.join(', ')}`]];
  return [...refused, ...waiting];
}

function few<T>(all: readonly T[]): readonly T[] {
  return all.slice(0, SHOWN);
}

function more(all: readonly unknown[]): Row[] {
  return all.length <= SHOWN ? [] : [['', `and ${all.length - SHOWN} more`]];
}

export interface TenantLine {
  /** Null for the messages without one. */
  readonly tenant: string | null;
  readonly waiting: number;
  readonly running: number;
  readonly loaded: number;
  readonly failed: number;
  readonly isPaused: boolean;
}

/** Of all that wait, run, have been loaded in this run of the service, or are paused. */
export function tenantLines({ tenants, totals, pauses }: Report): TenantLine[] {
  const names = new Set([...tenants, ...totals.tenants, ...pauses].map(({ tenant }) => tenant));
  return [...names].map((tenant) => {
    const load = tenants.find((one) => one.tenant === tenant);
    const total = totals.tenants.find((one) => one.tenant === tenant);
    const { waiting = 0, running = 0 } = load ?? {};
    const isPaused = pauses.some((one) => one.tenant === tenant);
    return { tenant, waiting, running, loaded: total?.loaded ?? 0, failed: total?.failed ?? 0, isPaused };
  });
}

/** Those with most to do first. */
function tenantsOf(report: Report, columns: number): string {
  const found = tenantLines(report).map(({ isPaused: _, ...line }) => line);
  if (found.length === 0) return '';
  found.sort((a, b) => b.waiting + b.running - a.waiting - a.running || b.loaded - a.loaded);
  const nameColumns = Math.max(LABEL_COLUMNS, columns - 4 * (LABEL_COLUMNS + 2));
  const rows = few(found).map(({ tenant, ...counts }) => [
    inOneLine(tenant ?? '(none)').slice(0, nameColumns),
    ...Object.values(counts).map((count) => count.toLocaleString('en-GB')),
  ]);
  const rest = found.length <= SHOWN ? '' : `and ${found.length - SHOWN} more\n`;
  const aligned = table(['Tenant', 'waiting', 'running', 'loaded', 'given up'], rows, [
    'left',
    'right',
    'right',
    'right',
    'right',
  ]);
  return `\n${aligned}${rest}`;
}
