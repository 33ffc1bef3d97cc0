import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { History } from '../../lib/feed/history.js';
import type { Load } from '../../lib/ledger/load.js';

/** That took so long from its announcement. */
function visibleAfter(
  ms: number,
  tenant: string | null = 'acme',
): Pick<Load, 'tenant' | 'status' | 'announcedAt' | 'finishedAt'> {
  return { tenant, status: 'loaded', announcedAt: 5_000, finishedAt: 5_000 + ms };
}

describe('what is remembered for the page', () => {
  it('is how soon rows were there, of each tenant and of all', () => {
    const history = new History();
    assert.deepEqual(history.visible(), { all: null, tenants: [] });
    for (let time = 1; time <= 20; time += 1) history.loaded(visibleAfter(time));
    history.loaded(visibleAfter(1_000, null));
    history.loaded({ ...visibleAfter(7), announcedAt: null });
    history.loaded({ ...visibleAfter(7), status: 'failed' });
    assert.deepEqual(history.visible(), {
      all: { p50: 11, p95: 20, loads: 21 },
      tenants: [
        { tenant: 'acme', p50: 10, p95: 19, loads: 20 },
        { tenant: null, p50: 1_000, p95: 1_000, loads: 1 },
      ],
    });
  });

  it('is bounded, however many tenants there are, and however long it runs', () => {
    const history = new History();
    for (let n = 0; n < 1_500; n += 1) {
      history.loaded(visibleAfter(n, `t${n}`));
      history.sample(n, n);
    }
    const { tenants, all } = history.visible();
    assert.deepEqual([tenants.length, tenants[0]?.tenant, all?.loads], [1_000, 't500', 1_000]);
    assert.deepEqual([history.lags.length, history.lags[0]], [360, [1_140, 1_140]]);
  });
});
