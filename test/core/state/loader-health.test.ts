import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LoaderHealth } from '../../../lib/core/state/loader-health.js';
import type { ProbeResult } from '../../../lib/types.js';
import { outcome } from '../../support/engine.js';

const WORKS: ProbeResult = { notStarted: null, exitCode: 0, reason: 'exit code 0', isOther: false, lines: [] };
const BROKEN: ProbeResult = { ...WORKS, notStarted: 'ENOENT' };
const RULES = { openMs: 1_000, maxOpenMs: 4_000 };

const end = (jobId: string) => ({ jobId, startedAt: 0, outcome: outcome('failed') });
const idsOf = (ends: readonly { readonly jobId: string }[]) => ends.map(({ jobId }) => jobId);

/** The ends a and b wait for the probe under way, and c for the one after it. */
function holding(): LoaderHealth {
  const health = new LoaderHealth(() => RULES);
  for (const id of ['a', 'b']) health.hold(end(id));
  assert.equal(health.begin(0), true);
  health.hold(end('c'));
  return health;
}

describe('LoaderHealth', () => {
  it('gives ends back in the order in which they came, each after a probe that began after it', () => {
    const health = holding();
    assert.deepEqual(idsOf(health.probed(WORKS, 1).ends), ['a', 'b']);
    assert.equal(health.begin(2), true);
    assert.deepEqual(idsOf(health.probed(WORKS, 3).ends), ['c']);
    assert.equal(health.begin(4), false);
  });

  it('gives all of them back at a stop, once', () => {
    const health = holding();
    assert.deepEqual(idsOf(health.releaseHeld()), ['a', 'b', 'c']);
    assert.deepEqual(health.releaseHeld(), []);
    for (const at of [1, 2]) {
      assert.deepEqual(health.probed(WORKS, at).ends, []);
      health.changed(at);
      health.begin(at);
    }
  });

  it('says since when the loader does not work, until it does', () => {
    const health = new LoaderHealth(() => RULES);
    const since: (number | undefined)[] = [];
    for (const [probe, now] of [
      [BROKEN, 10],
      [BROKEN, 2_000],
      [WORKS, 5_000],
      [BROKEN, 9_000],
    ] as const) {
      health.probed(probe, now);
      since.push(health.trouble?.since);
    }
    assert.deepEqual(since, [10, 10, undefined, 9_000]);
  });

  it('stays accused when the executable changes, until a probe says more', () => {
    const health = new LoaderHealth(() => RULES);
    health.probed(BROKEN, 10);
    health.changed(20);
    assert.equal(health.trouble?.since, 10);
    assert.equal(health.begin(20), true);
    health.probed(WORKS, 30);
    assert.equal(health.trouble, null);
    assert.equal(health.permitsStarts, true);
  });
});
