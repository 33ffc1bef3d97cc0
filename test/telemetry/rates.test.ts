import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Effect } from '../../lib/core/events.js';
import { Rates } from '../../lib/telemetry/rates.js';
import { JOB, outcome } from '../support/engine.js';

const MINUTE = 60_000;
const START = 7 * 60 * MINUTE;

const LOADED: Effect = {
  type: 'job-ended',
  job: JOB,
  attempt: 1,
  outcome: outcome('succeeded', { rows: 10, bytes: 100 }),
  queuedMs: 0,
};
const TRIED: Effect = { ...LOADED, outcome: outcome('failed', { rows: 10, bytes: 100 }) };
const FAILED: Effect = { type: 'job-failed', job: JOB, disposition: 'permanent-failure', reason: '' };

describe('the rates', () => {
  it('sum what was loaded and what was given up, and no attempt that is repeated', () => {
    const rates = new Rates(START);
    rates.observe([LOADED, TRIED, FAILED, LOADED], START + 1_000);
    assert.deepEqual(rates.sums(START + 2_000, 5 * MINUTE), { loaded: 2, failed: 1, rows: 20, bytes: 200 });
  });

  it('take a file without a report as one of no rows', () => {
    const rates = new Rates(START);
    rates.observe([{ ...LOADED, outcome: outcome('succeeded') }], START);
    assert.deepEqual(rates.sums(START, MINUTE), { loaded: 1, failed: 0, rows: 0, bytes: 0 });
  });

  it('forget what is longer ago than was asked for, and than an hour', () => {
    const rates = new Rates(START);
    for (let minute = 0; minute < 200; minute += 1) rates.observe([LOADED], START + minute * MINUTE);
    const now = START + 199 * MINUTE;
    assert.equal(rates.sums(now, 5 * MINUTE).loaded, 5);
    assert.equal(rates.sums(now, 60 * MINUTE).loaded, 60);
    assert.equal(rates.sums(now + 10 * MINUTE, 5 * MINUTE).loaded, 0);
  });

  it('keep no more than an hour in memory: what was loaded each ten seconds for a day', () => {
    const rates = new Rates(START);
    for (let slice = 0; slice < 8_640; slice += 1) rates.observe([LOADED], START + slice * 10_000);
    assert.equal(rates.sums(START + 8_639 * 10_000, 24 * 60 * MINUTE).loaded, 360);
  });

  it('are for each second, of a young run for its age', () => {
    const rates = new Rates(START);
    rates.observe(
      Array.from({ length: 60 }, () => LOADED),
      START + 30_000,
    );
    assert.equal(rates.perSecond(START + MINUTE, 5 * MINUTE).loaded, 1);
    assert.equal(rates.perSecond(START + 5 * MINUTE, 5 * MINUTE).loaded, 0.2);
  });

  it('say when a file was loaded last', () => {
    const rates = new Rates(START);
    assert.equal(rates.lastLoadedAt, null);
    rates.observe([TRIED, FAILED], START + 1);
    assert.equal(rates.lastLoadedAt, null);
    rates.observe([LOADED], START + 2);
    rates.observe([FAILED], START + 3);
    assert.equal(rates.lastLoadedAt, START + 2);
  });
});
