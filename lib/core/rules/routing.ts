/**
 * Request -> jobs: which table each file goes to, and which tenants and paths are let in. What needs the disk (does the
 * file exist, where do its links lead) is read by the worker right before the start and judged by `judgeInput` here.
 */
import type { IngestRequest, Job, KafkaRecord } from '../../types.js';
import { isTenantName, tenantNamed } from '../../util/tenant-name.js';
import { isUnder } from '../../util/under-root.js';
import { decode, type Poison, poison } from './decode.js';
import { readLane, readTraceparent } from './headers.js';
import { replayedFiles, replayOf } from './replays.js';

export interface RoutingRules {
  readonly tablePrefix: string;
  readonly defaultTable: string;
  /** Tenants that are let in; empty means all that are well-formed. */
  readonly allowedTenants: ReadonlySet<string>;
  /** Whether a message without a tenant is refused. */
  readonly tenantRequired: boolean;
  /** Tables that are no tenant's, beside the default one; left out for none. */
  readonly reservedTables?: ReadonlySet<string>;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
/** Linux's PATH_MAX. */
const MAX_PATH_BYTES = 4_096;
/** A character of a string is at most so many bytes of UTF-8; a pair of surrogates is 4. */
const MAX_CHARACTER_BYTES = 3;
/** Weight of a file whose message claims no size. */
export const DEFAULT_FILE_BYTES = 1024 * 1024;

/** What a record asks for. */
export type Plan = { readonly kind: 'jobs'; readonly jobs: readonly Job[] } | { readonly kind: 'tombstone' } | Poison;

export function planRecord(record: KafkaRecord, maxBytes: number, rules: RoutingRules): Plan {
  const decoded = decode(record.value, maxBytes);
  if (decoded.kind !== 'request') return decoded;
  const jobs = planJobs(record, decoded.request, rules);
  return Array.isArray(jobs) ? { kind: 'jobs', jobs } : (jobs as Poison);
}

/** The jobs of a request, or why none of them may be run: one bad file refuses its whole message, before any load. */
export function planJobs(record: KafkaRecord, request: IngestRequest, rules: RoutingRules): Job[] | Poison {
  const tenant = normaliseTenant(request.tenant, rules.allowedTenants);
  if (tenant !== null && typeof tenant !== 'string') return tenant;
  if (tenant === null && rules.tenantRequired) {
    return poison('tenant-denied', 'the message names no tenant, and tenants.required asks for one');
  }
  // Texts that are joined are whole; templates make chains of their pieces, and these are kept for as long as the job waits.
  const table = tenant === null ? rules.defaultTable : [rules.tablePrefix, tenant].join('_');
  if (tenant !== null && (table === rules.defaultTable || rules.reservedTables?.has(table) === true)) {
    return poison(
      'tenant-denied',
      `the table of tenant ${tenant}, ${table}, is another one's (default_table, ledger.table)`,
    );
  }
  const bytes = request.size === null ? DEFAULT_FILE_BYTES : Math.ceil(request.size / request.files.length);
  const traceparent = readTraceparent(record.headers);
  const { lane } = readLane(record.headers);
  for (const file of request.files) {
    const objection = objectionToPath(file);
    if (objection !== null) return poison('path-denied', `${JSON.stringify(file.slice(0, 200))}: ${objection}`);
  }
  const { topic, partition, offset, timestamp } = record;
  const place = [topic, partition, offset];
  const replay = replayOf(record);
  const replayed = replay === null ? null : replayedFiles(replay, request.files.length);
  return request.files.map((file, index) => ({
    id: [...place, index].join('/'),
    topic,
    partition,
    offset,
    index,
    file,
    tenant,
    table,
    lane,
    format: request.format,
    bytes,
    timestamp,
    traceparent,
    replay: replayed?.[index] ?? null,
  }));
}

/** The tenant as tables and metrics name it; null when the message names none or an empty one. */
export function normaliseTenant(raw: string | null, allowed: ReadonlySet<string>): string | null | Poison {
  const tenant = tenantNamed(raw ?? '');
  if (tenant === '') return null;
  if (!isTenantName(tenant)) {
    return poison(
      'tenant-denied',
      `tenant ${JSON.stringify(tenant.slice(0, 80))} is not made of 1 to 63 letters, digits and underscores`,
    );
  }
  if (!isAllowed(tenant, allowed)) {
    const refusal = poison(
      'tenant-denied',
      `tenant ${JSON.stringify(tenant)} is not in tenants.allowed or tenants.allowed_file`,
    );
    return { ...refusal, unknownTenant: tenant };
  }
  return tenant;
}

export function isAllowed(tenant: string, allowed: ReadonlySet<string>): boolean {
  return allowed.size === 0 || allowed.has(tenant);
}

function objectionToPath(file: string): string | null {
  if (CONTROL.test(file)) return 'the path contains a NUL or another control character';
  if (!file.startsWith('/')) return 'the path is not absolute';
  const mayBeTooLong = file.length * MAX_CHARACTER_BYTES >= MAX_PATH_BYTES;
  if (mayBeTooLong && new TextEncoder().encode(file).byteLength >= MAX_PATH_BYTES)
    return `the path is longer than ${MAX_PATH_BYTES} bytes`;
  return null;
}

/** What was found on the disk where a job's file should be; `realPath` has every link followed. */
export type InputOnDisk =
  | { readonly kind: 'missing' }
  | { readonly kind: 'regular'; readonly realPath: string }
  | { readonly kind: 'other'; readonly what: string };

export type InputVerdict =
  | { readonly result: 'ok' }
  | { readonly result: 'file-missing' | 'path-denied'; readonly reason: string };

export function judgeInput(file: string, found: InputOnDisk, allowedRoots: readonly string[]): InputVerdict {
  if (found.kind === 'missing') return { result: 'file-missing', reason: `no such file: ${file}` };
  if (found.kind === 'other') {
    return { result: 'path-denied', reason: `${file} is ${found.what}, not a regular file; announce a file of data` };
  }
  if (allowedRoots.length > 0 && !allowedRoots.some((root) => isUnder(found.realPath, root))) {
    const why = `${file} leads to ${found.realPath}, outside ingest.allowed_roots`;
    return { result: 'path-denied', reason: `${why}; announce a file below one of them` };
  }
  return { result: 'ok' };
}
