import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TenantLabels } from '../../lib/telemetry/tenant-labels.js';

test('the first tenants are labels of their own, all further ones share one', () => {
  const labels = new TenantLabels(2);
  const asked = ['a', 'b', 'c', 'a', 'd', 'b'];
  assert.deepEqual(
    asked.map((tenant) => labels.labelOf(tenant)),
    ['a', 'b', 'other', 'a', 'other', 'b'],
  );
});

test('no tenant is a label that uses up none', () => {
  const labels = new TenantLabels(1);
  assert.equal(labels.labelOf(null), 'none');
  assert.equal(labels.labelOf('a'), 'a');
});
