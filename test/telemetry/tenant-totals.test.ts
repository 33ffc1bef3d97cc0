import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Effect } from '../../lib/core/events.js';
import { TenantTotals } from '../../lib/telemetry/tenant-totals.js';
import { JOB, outcome } from '../support/engine.js';

function ended(tenant: string | null, result: Parameters<typeof outcome>[0], changes = {}): Effect {
  return { type: 'job-ended', job: { ...JOB, tenant }, attempt: 1, outcome: outcome(result, changes), queuedMs: 0 };
}

test('each tenant has its own totals, and all beyond the bound have theirs together', () => {
  const totals = new TenantTotals(2);
  assert.deepEqual(totals.all(), { tenants: [], others: null });
  totals.observe([ended('a', 'succeeded', { rows: 5, bytes: 70 }), ended(null, 'failed')]);
  totals.observe([
    ended('a', 'failed'),
    { type: 'job-failed', job: { ...JOB, tenant: 'a' }, disposition: 'attempts-exhausted', reason: '' },
    ended('a', 'succeeded'),
    ended('b', 'succeeded', { rows: 1, bytes: 2 }),
    ended('c', 'timed-out'),
  ]);
  assert.deepEqual(totals.all(), {
    tenants: [
      { tenant: 'a', attempts: 3, loaded: 2, failed: 1, rows: 5, bytes: 70 },
      { tenant: null, attempts: 1, loaded: 0, failed: 0, rows: 0, bytes: 0 },
    ],
    others: { attempts: 2, loaded: 1, failed: 0, rows: 1, bytes: 2 },
  });
});
