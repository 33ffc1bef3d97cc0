import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Orders, pauseOrder, resumeOrder } from '../../lib/control/orders.js';
import type { TenantPause } from '../../lib/core/events.js';

const PAUSE: TenantPause = { tenant: 'acme', since: 5, until: 9, by: 'maria', reason: 'their disk is full' };

function read(...orders: { readonly key: string | null; readonly value: string | null }[]): Orders {
  const all = new Orders();
  for (const { key, value } of orders) all.take(key, value);
  return all;
}

describe('orders', () => {
  it('hold until they are taken back, the last of each tenant', () => {
    const none: TenantPause = { ...PAUSE, tenant: null, until: null };
    assert.deepEqual(read(pauseOrder(PAUSE), pauseOrder(none)).pauses, [PAUSE, none]);
    assert.deepEqual(read(pauseOrder(PAUSE), pauseOrder({ ...PAUSE, until: 99 })).pauses, [{ ...PAUSE, until: 99 }]);
    assert.deepEqual(read(pauseOrder(PAUSE), pauseOrder(none), resumeOrder('acme')).pauses, [none]);
  });

  it('are news only where they change something', () => {
    const all = new Orders();
    assert.equal(all.take('pause/acme', null), false);
    const { key, value } = pauseOrder(PAUSE);
    assert.equal(all.take(key, value), true);
    assert.equal(all.take(key, null), true);
  });

  for (const [what, key, value] of [
    ['without a key', null, '{}'],
    ['of another kind', 'scale/4', '{"since":1,"until":null}'],
    ['that are no JSON', 'pause/acme', 'yes'],
    ['without a beginning', 'pause/acme', '{"until":null}'],
    ['that end at no time', 'pause/acme', '{"since":1,"until":"soon"}'],
    ['that are null', 'pause/acme', 'null'],
  ] as const) {
    it(`${what} change nothing`, () => assert.deepEqual(read({ key, value }).pauses, []));
  }
});
