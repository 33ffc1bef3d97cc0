import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CircuitBreaker } from '../../../lib/core/rules/circuit-breaker.js';
import type { OutcomeResult } from '../../../lib/types.js';

const RULES = { threshold: 3, openMs: 100, maxOpenMs: 350 };

/** A breaker after jobs that ended so at time 0. */
function after(...results: OutcomeResult[]): CircuitBreaker {
  const breaker = new CircuitBreaker(() => RULES);
  for (const [i, result] of results.entries()) breaker.ended(`job${i}`, result, `reason ${i}`, 0);
  return breaker;
}

function opened(): CircuitBreaker {
  return after('sink-unavailable', 'sink-unavailable', 'sink-unavailable');
}

function withCanary(): CircuitBreaker {
  const breaker = opened();
  assert.equal(breaker.permits(100), true);
  breaker.started('canary');
  return breaker;
}

describe('CircuitBreaker: closed', () => {
  const HISTORIES: readonly (readonly [results: OutcomeResult[], state: string])[] = [
    [[], 'closed'],
    [['sink-unavailable', 'sink-unavailable'], 'closed'],
    [['sink-unavailable', 'sink-unavailable', 'sink-unavailable'], 'open'],
    [['service-fault', 'service-fault', 'service-fault'], 'open'],
    [['sink-unavailable', 'service-fault', 'sink-unavailable'], 'open'],
    [['sink-unavailable', 'sink-unavailable', 'succeeded', 'sink-unavailable'], 'closed'],
    [['sink-unavailable', 'sink-unavailable', 'failed', 'sink-unavailable'], 'closed'],
    [['sink-unavailable', 'sink-unavailable', 'timed-out', 'sink-unavailable'], 'open'],
    [['sink-unavailable', 'sink-unavailable', 'file-missing', 'sink-unavailable'], 'open'],
    [['failed', 'timed-out', 'machine-fault', 'thread-lost', 'file-missing', 'path-denied', 'stopped'], 'closed'],
  ];
  for (const [results, state] of HISTORIES) {
    it(`is ${state} after ${results.join(', ') || 'nothing'}`, () => assert.equal(after(...results).state, state));
  }
});

describe('CircuitBreaker: open', () => {
  it('says why and since when, and until when nothing may start', () => {
    const breaker = opened();
    assert.equal(breaker.trouble?.cause, 'sink-unavailable');
    assert.equal(breaker.trouble?.reason, 'reason 2');
    assert.equal(breaker.trouble?.since, 0);
    assert.equal(breaker.nextChangeAt(), 100);
    assert.deepEqual([breaker.permits(99), breaker.state], [false, 'open']);
    assert.deepEqual([breaker.permits(100), breaker.state], [true, 'half-open']);
    assert.equal(breaker.nextChangeAt(), null);
  });

  it('takes no notice of jobs that began before it opened', () => {
    const breaker = opened();
    for (const result of ['succeeded', 'failed', 'sink-unavailable', 'timed-out'] as const) {
      breaker.ended('older', result, '', 50);
      assert.equal(breaker.state, 'open');
      assert.equal(breaker.nextChangeAt(), 100);
    }
  });
});

describe('CircuitBreaker: half-open', () => {
  it('lets one job through and no other until it has ended', () => {
    const breaker = withCanary();
    assert.equal(breaker.canaryIsOut, true);
    assert.equal(breaker.permits(10_000), false);
    breaker.ended('older', 'succeeded', '', 100);
    assert.equal(breaker.state, 'half-open');
  });

  it('keeps its canary when another job starts or ends without an answer', () => {
    const breaker = withCanary();
    breaker.started('another');
    for (const result of ['timed-out', 'stopped'] as const) breaker.ended('another', result, '', 150);
    assert.equal(breaker.canaryIsOut, true);
    breaker.ended('canary', 'succeeded', '', 200);
    assert.equal(breaker.state, 'closed');
  });

  it('has no canary once that was not started after all, and keeps it when another was not', () => {
    const breaker = withCanary();
    breaker.withdrawn('another');
    assert.equal(breaker.canaryIsOut, true);
    breaker.withdrawn('canary');
    assert.deepEqual([breaker.canaryIsOut, breaker.permits(150)], [false, true]);
  });

  const ENDINGS: readonly (readonly [result: OutcomeResult, state: string, canaryIsOut: boolean])[] = [
    ['succeeded', 'closed', false],
    ['failed', 'closed', false],
    ['sink-unavailable', 'open', false],
    ['service-fault', 'open', false],
    ['timed-out', 'half-open', false],
    ['machine-fault', 'half-open', false],
    ['file-missing', 'half-open', false],
    ['thread-lost', 'half-open', false],
    ['stopped', 'half-open', false],
  ];
  for (const [result, state, canaryIsOut] of ENDINGS) {
    it(`is ${state} after a canary that ended as ${result}`, () => {
      const breaker = withCanary();
      breaker.ended('canary', result, '', 200);
      assert.deepEqual([breaker.state, breaker.canaryIsOut], [state, canaryIsOut]);
      assert.equal(breaker.permits(200), state !== 'open');
    });
  }

  it('opens for twice as long each time, up to the longest, and remembers when the trouble began', () => {
    const breaker = opened();
    let now = 0;
    for (const wait of [100, 200, 350, 350]) {
      assert.equal(breaker.nextChangeAt(), now + wait);
      now += wait;
      breaker.permits(now);
      breaker.started(`canary${now}`);
      breaker.ended(`canary${now}`, 'sink-unavailable', 'still away', now);
    }
    assert.equal(breaker.trouble?.since, 0);
    assert.equal(breaker.trouble?.reason, 'still away');
  });

  it('needs as many faults as ever to open again once it has closed', () => {
    const breaker = withCanary();
    breaker.ended('canary', 'succeeded', '', 200);
    assert.equal(breaker.trouble, null);
    breaker.ended('a', 'sink-unavailable', '', 300);
    breaker.ended('b', 'sink-unavailable', '', 300);
    assert.equal(breaker.state, 'closed');
    breaker.ended('c', 'sink-unavailable', '', 300);
    assert.equal(breaker.nextChangeAt(), 400);
  });
});

describe('CircuitBreaker: tables that are held back', () => {
  /** A breaker after so many tables that had to be held back at time 10. */
  function held(breaker: CircuitBreaker, ...tables: string[]): CircuitBreaker {
    for (const table of tables) breaker.tableHeld(table, `${table} is bad`, 10);
    return breaker;
  }

  it('open it when there are several, and say of which the last one was', () => {
    assert.equal(held(after(), 'a', 'b', 'a').state, 'closed');
    assert.deepEqual(held(after(), 'a', 'b', 'c').trouble, {
      kind: 'open',
      cause: 'held-tables',
      reason: '3 tables had to be held back and nothing was loaded, the last c: c is bad',
      since: 10,
      openMs: 100,
      until: 110,
    });
  });

  it('are counted anew after a success', () => {
    const breaker = held(after(), 'a', 'b');
    breaker.ended('good', 'succeeded', '', 20);
    assert.equal(held(breaker, 'c', 'd').state, 'closed');
  });

  it('do not open again what is open', () => {
    const breaker = held(after(), 'a', 'b', 'c');
    breaker.tableHeld('d', 'd is bad', 90);
    assert.equal(breaker.nextChangeAt(), 110);
  });

  for (const result of ['failed', 'timed-out'] as const) {
    it(`keep it open for twice as long after a canary that ${result}, and until a success`, () => {
      const breaker = held(after(), 'a', 'b', 'c');
      assert.equal(breaker.permits(110), true);
      breaker.started('d');
      breaker.ended('older', result, '', 150);
      assert.equal(breaker.canaryIsOut, true);
      breaker.ended('d', result, 'd is bad', 200);
      assert.equal(breaker.nextChangeAt(), 400);
      assert.deepEqual([breaker.trouble?.since, breaker.trouble?.reason], [10, 'd is bad']);
      breaker.permits(400);
      breaker.started('good');
      breaker.ended('good', 'succeeded', '', 500);
      assert.equal(breaker.state, 'closed');
    });
  }
});
