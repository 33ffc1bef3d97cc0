/** Which loads somebody asks for. */
import { didYouMean } from '../util/did-you-mean.js';
import { tenantNamed } from '../util/tenant-name.js';
import { isGlobMatch } from './glob.js';
import { LOAD_STATUSES, type Load, type LoadStatus } from './load.js';

/** Null for any. */
export interface LoadFilter {
  /** Ended since then, in milliseconds since the epoch. */
  readonly since: number | null;
  /** Empty for the messages without one. */
  readonly tenant: string | null;
  readonly status: LoadStatus | null;
  /** Of a whole path; `*` stands for any characters, `?` for one. */
  readonly file: string | null;
  /** In its path, its tenant or its reason, in whatever case. */
  readonly text: string | null;
}

export interface LoadQuery {
  readonly filter: LoadFilter;
  /** The newest so many. */
  readonly limit: number;
}

export const DEFAULT_LIMIT = 100;
export const ANY_LOAD: LoadFilter = { since: null, tenant: null, status: null, file: null, text: null };
const NAMES = ['since', 'tenant', 'status', 'file', 'text', 'limit'];
const NUMBER = /^\d{1,15}$/;

export function isWanted(load: Load, { since, tenant, status, file, text }: LoadFilter): boolean {
  if (since !== null && load.finishedAt < since) return false;
  if (tenant !== null && (load.tenant ?? '') !== tenantNamed(tenant)) return false;
  if (status !== null && load.status !== status) return false;
  if (text !== null && !hasText(load, text.toLowerCase())) return false;
  return file === null || isGlobMatch(file, load.path);
}

function hasText({ path, tenant, reason }: Load, text: string): boolean {
  return [path, tenant ?? '', reason].some((each) => each.toLowerCase().includes(text));
}

/** Whether it asks for attempts, of which a file may have many, and not for the states of files. */
export function asksForAttempts({ status }: LoadFilter): boolean {
  return status === 'failed' || status === 'superseded';
}

/**
 * Of the parameters of a request, or of a command's options, by the same names.
 *
 * @returns the problem begins with the name of what is wrong
 */
export function readLoadQuery(given: ReadonlyMap<string, string>): LoadQuery | { readonly problem: string } {
  for (const name of given.keys()) {
    if (NAMES.includes(name)) continue;
    const meant = didYouMean(name, NAMES);
    return {
      problem: `${name} is not known; ${meant === null ? `known are ${NAMES.join(', ')}` : `did you mean ${meant}?`}`,
    };
  }
  const sinceText = given.get('since');
  const since = sinceText === undefined ? null : NUMBER.test(sinceText) ? Number(sinceText) : Date.parse(sinceText);
  if (Number.isNaN(since)) return { problem: `since ${sinceText} is no time, such as 2026-11-28T05:00:00Z` };
  const statusText = given.get('status');
  const status = LOAD_STATUSES.find((one) => one === statusText) ?? null;
  if (statusText !== undefined && status === null) {
    const meant = didYouMean(statusText, LOAD_STATUSES);
    const hint = meant === null ? `one of ${LOAD_STATUSES.join(', ')}` : `did you mean ${meant}?`;
    return { problem: `status ${statusText} is not known; ${hint}` };
  }
  const limitText = given.get('limit');
  const limit = limitText === undefined ? DEFAULT_LIMIT : Number(limitText);
  if (!Number.isInteger(limit) || limit < 1) return { problem: `limit ${limitText} is no number from 1 on` };
  const [tenant = null, file = null, text = null] = ['tenant', 'file', 'text'].map((name) => given.get(name));
  return { filter: { since, tenant, status, file, text }, limit };
}
