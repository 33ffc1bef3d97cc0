/** What `emit` announces of a file: its tenant, its message, and why it would become a dead letter. */
import { type InputOnDisk, judgeInput, planRecord, type RoutingRules } from '../../core/rules/routing.js';
import { AtdError } from '../../errors.js';
import { tenantNamed } from '../../util/tenant-name.js';
import { globPattern } from './glob.js';

/** The fields of a message. */
export interface Announcement {
  readonly filename: string;
  readonly format: string | null;
  readonly size: number | null;
  readonly tenant: string | null;
}

const FORMATS: Readonly<Record<string, string>> = {
  '.parquet': 'parquet',
  '.csv': 'csv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
};

/** By the end of its name; null for what only the loader may know. */
export function formatOf(path: string): string | null {
  return FORMATS[/\.[^./]*$/.exec(path)?.[0].toLowerCase() ?? ''] ?? null;
}

/** Fields that are not known are left out. */
export function encode(fields: Announcement): string {
  return JSON.stringify(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)));
}

/** Whose a file is, by its path; null for nobody's, undefined where its path does not say. */
export type TenantRule = (path: string) => string | null | undefined;

const PLACEHOLDER = '{tenant}';

/** @throws AtdError ATD_USAGE */
export function tenantRule(tenant: string | null, from: string | null): TenantRule {
  if (from === null) return () => tenant;
  if (tenant !== null)
    throw new AtdError('ATD_USAGE', 'a file has one tenant: give --tenant or --tenant-from, not both');
  if (from === 'directory') return (path) => tenantNamed(path.split('/').at(-2) ?? '') || undefined;
  if (from.split(PLACEHOLDER).length !== 2) {
    const forms = `directory, or a pattern such as '/srv/export/${PLACEHOLDER}/**'`;
    throw new AtdError('ATD_USAGE', `--tenant-from ${from} says nothing of a tenant; it is ${forms}`);
  }
  const pattern = globPattern(from, PLACEHOLDER);
  return (path) => {
    const found = pattern.exec(path)?.[1];
    return found === undefined ? undefined : tenantNamed(found);
  };
}

export interface EmitRules {
  readonly maxMessageBytes: number;
  readonly routing: RoutingRules;
  /** Without links; none for everywhere. */
  readonly allowedRoots: readonly string[];
}

/** Why the service would give the file up, as the settings are here; null where it would not. */
export function objectionTo(announcement: Announcement, found: InputOnDisk, rules: EmitRules): string | null {
  const value = new TextEncoder().encode(encode(announcement));
  const place = { topic: '', partition: 0, offset: 0, timestamp: 0 };
  const plan = planRecord({ ...place, key: null, value, headers: {} }, rules.maxMessageBytes, rules.routing);
  if (plan.kind === 'poison') return plan.reason;
  const verdict = judgeInput(announcement.filename, found, rules.allowedRoots);
  return verdict.result === 'ok' ? null : verdict.reason;
}
