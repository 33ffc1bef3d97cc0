import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UnitMessages, type UnitState, watchdogTime } from '../../lib/telemetry/unit-messages.js';

const STARTING: UnitState = { phase: 'starting', isLive: true, status: 'waits for a broker' };
const RUNNING: UnitState = { phase: 'running', isLive: true, status: 'reading 4 partitions of files' };

describe('the messages for systemd', () => {
  it('say from the beginning what the start waits for, and that it is over once', () => {
    const messages = new UnitMessages(null);
    assert.deepEqual(messages.due(STARTING, 0), ['STATUS=waits for a broker']);
    assert.deepEqual(messages.due(STARTING, 1_000), []);
    assert.deepEqual(messages.due(RUNNING, 2_000), ['READY=1', 'STATUS=reading 4 partitions of files']);
    assert.deepEqual(messages.due({ ...STARTING, status: RUNNING.status }, 3_000), [], 'a rebalance is no new start');
    assert.deepEqual(messages.due(RUNNING, 4_000), []);
    const stopping = { ...RUNNING, phase: 'stopping', status: 'the service is stopping' } as const;
    assert.deepEqual(messages.due(stopping, 5_000), ['STOPPING=1', 'STATUS=the service is stopping']);
    assert.deepEqual(messages.due(stopping, 6_000), []);
  });

  it('say that a reload begins, by the clock of the machine, and that it is over', () => {
    const messages = new UnitMessages(null);
    const reloading = { ...RUNNING, phase: 'reloading' } as const;
    messages.due(RUNNING, 0);
    assert.deepEqual(messages.due(reloading, 1_234.5), ['RELOADING=1', 'MONOTONIC_USEC=1234500']);
    assert.deepEqual(messages.due(reloading, 2_000), []);
    assert.deepEqual(messages.due({ ...RUNNING, phase: 'starting' }, 2_500), [], 'a thread is replaced meanwhile');
    assert.deepEqual(messages.due(RUNNING, 3_000), ['READY=1']);
    assert.deepEqual(messages.due(RUNNING, 4_000), []);
    messages.due(reloading, 5_000);
    const stopping = { ...RUNNING, phase: 'stopping' } as const;
    assert.deepEqual(messages.due(stopping, 6_000), ['STOPPING=1']);
  });

  it('say again that a reload is over where that did not arrive', () => {
    const messages = new UnitMessages(null);
    messages.due(RUNNING, 0);
    messages.due({ ...RUNNING, phase: 'reloading' }, 1_000);
    messages.due(RUNNING, 2_000);
    messages.lost();
    assert.deepEqual(messages.due(RUNNING, 3_000), ['READY=1', `STATUS=${RUNNING.status}`]);
  });

  it('feed the watchdog four times in its time, from the start to the end of the stop, while a restart would not help', () => {
    const messages = new UnitMessages(60_000);
    const fed = (state: UnitState, now: number) => messages.due(state, now).includes('WATCHDOG=1');
    assert.equal(fed(STARTING, 0), true);
    assert.equal(fed(STARTING, 14_999), false);
    assert.equal(fed(RUNNING, 15_000), true);
    assert.equal(fed({ ...RUNNING, isLive: false }, 40_000), false);
    assert.equal(fed({ ...RUNNING, isLive: false }, 400_000), false);
    assert.equal(fed({ ...RUNNING, phase: 'stopping' }, 400_001), true);
  });

  it('are all due again when they did not arrive', () => {
    const messages = new UnitMessages(60_000);
    const first = messages.due(RUNNING, 0);
    messages.lost();
    assert.deepEqual(messages.due(RUNNING, 1), first);
  });

  it('are lines, however the reason is written', () => {
    const [status = ''] = new UnitMessages(null).due({ ...STARTING, status: `a\nREADY=1\tb${'c'.repeat(1_000)}` }, 0);
    assert.match(status, /^STATUS=a READY=1 bc+$/);
    assert.equal(status.length, 'STATUS='.length + 300);
  });
});

describe('watchdogTime', () => {
  it('is what systemd set for this process', () => {
    assert.equal(watchdogTime({ WATCHDOG_USEC: '60000000', WATCHDOG_PID: '17' }, 17), 60_000);
    assert.equal(watchdogTime({ WATCHDOG_USEC: '1500000' }, 17), 1_500);
  });

  it('is none for another process, and where there is none or no number', () => {
    assert.equal(watchdogTime({ WATCHDOG_USEC: '60000000', WATCHDOG_PID: '18' }, 17), null);
    for (const time of [undefined, '', '0', '-1', 'x']) assert.equal(watchdogTime({ WATCHDOG_USEC: time }, 17), null);
  });
});
