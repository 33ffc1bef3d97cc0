import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Effect } from '../../lib/core/events.js';
import { History } from '../../lib/feed/history.js';
import { loadEntries } from '../../lib/feed/load-entries.js';
import { JOB, outcome, record } from '../support/engine.js';

const AT = 5_000;

function ended(result: Parameters<typeof outcome>[0], changes: Parameters<typeof outcome>[1] = {}): Effect {
  return { type: 'job-ended', job: JOB, attempt: 2, outcome: outcome(result, changes), queuedMs: 12.4 };
}

describe('what is told of loads', () => {
  it('is a file that is loaded, with the time from its announcement', () => {
    const [entry, ...more] = loadEntries([ended('succeeded', { rows: 7, bytes: 90, stderrTail: 'odd' })], AT);
    assert.deepEqual(more, []);
    assert.deepEqual(entry, {
      ...{ at: AT, id: 'files/0/5/0', fate: 'loaded', file: '/a', tenant: 'acme', attempt: 2, result: 'succeeded' },
      ...{ reason: 'it succeeded', disposition: null, exitCode: 0, stderrTail: 'odd', rows: 7, bytes: 90 },
      ...{ queuedMs: 12, durationMs: 100, visibleMs: AT },
    });
  });

  it('is an attempt after which there is another, and the last one, as one entry', () => {
    const why = {
      type: 'job-retry',
      job: JOB,
      at: 9_000,
      charged: true,
      reason: 'failed',
      why: 'exit code 1',
    } as const;
    const [again] = loadEntries([ended('failed'), why], AT);
    assert.deepEqual([again?.fate, again?.visibleMs, again?.disposition], ['again', null, null]);
    const failure = {
      type: 'job-failed',
      job: JOB,
      disposition: 'attempts-exhausted',
      reason: 'no such column',
    } as const;
    const entries = loadEntries([ended('failed', { stderrTail: 'line 4: no' }), failure], AT);
    assert.deepEqual(
      entries.map(({ fate, reason, disposition, stderrTail }) => [fate, reason, disposition, stderrTail]),
      [['given-up', 'no such column', 'attempts-exhausted', 'line 4: no']],
    );
  });

  it('is a file that was given up without an attempt, and a message of which no file is tried', () => {
    const failure = { type: 'job-failed', job: JOB, disposition: 'attempts-exhausted', reason: 'it ended' } as const;
    const bad = record(8, 'no json');
    const rest = { attempts: 0, exitCode: null, signal: null, stderrTail: '', firstFailedAt: AT, files: [] };
    const letter = { record: bad, disposition: 'invalid-message', reason: 'no JSON', ...rest } as const;
    const entries = loadEntries(
      [
        failure,
        { type: 'record-taken', record: bad, result: 'rejected' },
        { type: 'dead-letter', letterId: 1, letter },
      ],
      AT,
    );
    assert.deepEqual(
      entries.map(({ id, fate, attempt, disposition }) => [id, fate, attempt, disposition]),
      [
        ['files/0/8', 'given-up', 0, 'invalid-message'],
        ['files/0/5/0', 'given-up', 0, 'attempts-exhausted'],
      ],
    );
  });

  it('is nothing of a record that is only taken, or whose letter is sent again', () => {
    assert.deepEqual(loadEntries([{ type: 'record-taken', record: record(1), result: 'accepted' }], AT), []);
    const rest = { attempts: 1, exitCode: 1, signal: null, stderrTail: '', firstFailedAt: AT, files: ['/a'] };
    const letter = { record: record(2), disposition: 'attempts-exhausted', reason: 'no', ...rest } as const;
    assert.deepEqual(loadEntries([{ type: 'dead-letter', letterId: 1, letter }], AT), []);
  });

  it('has no time from an announcement that has none', () => {
    const effect = { ...ended('succeeded'), job: { ...JOB, timestamp: -1 } } as Effect;
    assert.equal(loadEntries([effect], AT)[0]?.visibleMs, null);
  });
});

describe('what is remembered for the page', () => {
  it('is how soon rows were there, of each tenant and of all', () => {
    const history = new History();
    assert.deepEqual(history.visible(), { all: null, tenants: [] });
    for (let time = 1; time <= 20; time += 1) history.loaded({ tenant: 'acme', visibleMs: time });
    history.loaded({ tenant: null, visibleMs: 1_000 });
    history.loaded({ tenant: null, visibleMs: null });
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
      history.loaded({ tenant: `t${n}`, visibleMs: n });
      history.sample(n, n);
    }
    const { tenants, all } = history.visible();
    assert.deepEqual([tenants.length, tenants[0]?.tenant, all?.loads], [1_000, 't500', 1_000]);
    assert.deepEqual([history.lags.length, history.lags[0]], [360, [1_140, 1_140]]);
  });
});
