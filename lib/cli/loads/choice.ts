/** What the options of `loads` ask for. */
import { AtdError } from '../../errors.js';
import { type LoadQuery, readLoadQuery } from '../../ledger/load-filter.js';
import { GROUPINGS, type Grouping } from '../../ledger/queries.js';
import { oneOf } from '../options.js';
import { spanMs } from '../span.js';

type Values = Readonly<Record<string, string | boolean | undefined>>;

export interface Choice {
  readonly query: LoadQuery;
  /** Null for the loads themselves. */
  readonly groupBy: Grouping | null;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** @throws AtdError ATD_USAGE */
export function choiceOf(values: Values, now: number): Choice {
  const given = new Map<string, string>();
  for (const name of ['since', 'tenant', 'status', 'file', 'limit']) {
    const value = values[name];
    if (typeof value === 'string') given.set(name, value);
  }
  const since = given.get('since');
  const span = since === undefined ? null : spanMs(since);
  if (span !== null) given.set('since', String(Math.max(0, Math.round(now - span))));
  const query = readLoadQuery(given);
  if (!('problem' in query)) return { query, groupBy: oneOf('--group-by', values['group-by'], GROUPINGS) };
  const isTime = query.problem.startsWith('since ');
  throw new AtdError('ATD_USAGE', `--${query.problem}${isTime ? ', and no span, such as 90s, 30m, 1h or 2d' : ''}`);
}

/** @throws AtdError ATD_USAGE */
export function loadIdIn(text: string | undefined, action = 'show'): string {
  if (text !== undefined && UUID.test(text)) return text.toLowerCase();
  throw new AtdError('ATD_USAGE', `${action} needs the id of one load, as the list has it, not "${text ?? ''}"`);
}
