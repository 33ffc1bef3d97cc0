/** The screen of `top`: lines that fit it, by the status of a service and what was chosen. */
import { inOneLine, withoutControl, wrap } from '../../util/plain-text.js';
import { type Report, renderHead, type TenantLine, tenantLines } from '../status-view.js';
import { cursorAt, SORTS, sorted, type TopState } from './top-state.js';

export interface Screen {
  readonly columns: number;
  readonly rows: number;
  readonly colours: boolean;
}

export interface Shown {
  /** Null before the first answer. */
  readonly report: Report | null;
  /** Why there is no newer one; null where there is. */
  readonly error: string | null;
  /** What came of the last key; null for nothing. */
  readonly message: string | null;
  readonly url: string;
  /** Whether there is a token to change anything. */
  readonly hasToken: boolean;
}

const REVERSE = '\u001b[7m';
const PLAIN = '\u001b[0m';
/** Of the table, however much there is to say above it. */
const LEAST_TABLE = 4;
const COUNT_COLUMNS = 9;

export function tenantsShown({ report }: Pick<Shown, 'report'>, { sort }: TopState): TenantLine[] {
  return report === null ? [] : sorted(tenantLines(report), sort);
}

/** No more lines than the screen has, and none that is longer. */
export function renderTop(shown: Shown, state: TopState, screen: Screen): string[] {
  const { columns, rows, colours } = screen;
  if (state.showsHelp) return helpLines(shown, columns).slice(0, rows);
  const { report, error, message, url } = shown;
  const notes = [error, message].filter((text) => text !== null).flatMap((text) => wrap(withoutControl(text), columns));
  const foot = [...notes.slice(0, 3), footer(shown, state, columns)];
  if (report === null) return [...(error === null ? [`asking ${url} …`.slice(0, columns)] : []), ...foot].slice(-rows);
  const room = Math.max(0, rows - foot.length);
  const head = renderHead(report, url, { columns, colours });
  const tenants = tenantsShown(shown, state);
  const table = tenants.length === 0 ? 0 : Math.min(room, Math.max(LEAST_TABLE, room - head.length));
  const top = head.slice(0, room - table);
  const body = table === 0 ? [] : tableLines(tenants, state, { ...screen, rows: table });
  const filler = Array.from({ length: Math.max(0, room - top.length - body.length) }, () => '');
  return [...top, ...body, ...filler, ...foot].slice(-rows);
}

function tableLines(tenants: readonly TenantLine[], state: TopState, { columns, rows, colours }: Screen): string[] {
  const cursor = cursorAt(state, tenants);
  const visible = Math.max(1, rows - 1);
  // The cursor is on the screen, as far down as it must be.
  const from = Math.max(0, Math.min(cursor - Math.floor(visible / 2), tenants.length - visible));
  const nameColumns = Math.max(6, columns - 2 - 4 * COUNT_COLUMNS);
  const line = (name: string, cells: readonly string[]) =>
    `${name.slice(0, nameColumns).padEnd(nameColumns)}${cells.map((cell) => cell.slice(0, COUNT_COLUMNS - 1).padStart(COUNT_COLUMNS)).join('')}`;
  const header = `  ${line('Tenant', ['waiting', 'running', 'loaded', 'given up'])}`.slice(0, columns);
  const body = tenants
    .slice(from, from + visible)
    .map(({ tenant, waiting, running, loaded, failed, isPaused }, index) => {
      const name = inOneLine(tenant ?? '(none)');
      const counts = [waiting, running, loaded, failed].map((count) => count.toLocaleString('en-GB'));
      const isChosen = from + index === cursor;
      const mark = isPaused ? 'P ' : '  ';
      const text = `${isChosen && !colours ? '> ' : mark}${line(name, counts)}`.slice(0, columns);
      return isChosen && colours ? `${REVERSE}${text}${PLAIN}` : text;
    });
  return [header, ...body].slice(0, rows);
}

function footer({ hasToken }: Shown, { sort }: TopState, columns: number): string {
  const keys = ['q quit', ...(hasToken ? ['p pause/resume'] : []), 'w r l f n sort', '? help'].join(', ');
  return `by ${SORTS[sort]}; ${keys}`.slice(0, columns);
}

function helpLines({ hasToken }: Shown, columns: number): string[] {
  const pause = hasToken
    ? 'have the files of the tenant under the cursor wait, or go on, in all instances'
    : 'would pause the tenant under the cursor: needs --token-file, or http.token_file in the settings';
  const rows: readonly (readonly [keys: string, does: string])[] = [
    ['q, Ctrl-C', 'quit'],
    ['up, down', 'move the cursor, also k and j, Page Up and Page Down, Home and End'],
    ['p', pause],
    ...Object.entries(SORTS).map(([key, what]) => [key, `sort the tenants by ${what}`] as const),
    ['?', 'this help; any key takes it away'],
  ];
  return [
    'Tenants marked P are paused. Keys:',
    ...rows.flatMap(([keys, does]) => {
      const [first = '', ...rest] = wrap(does, Math.max(10, columns - 12));
      return [`  ${keys.padEnd(10)}${first}`, ...rest.map((text) => `${' '.repeat(12)}${text}`)];
    }),
  ].map((text) => text.slice(0, columns));
}
