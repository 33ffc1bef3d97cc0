/** The client's timer of an idle connection; it reaches into the client, so that another version of it may break it. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { stopIdleTimer } from '../../lib/kafka/idle-timer.js';
import { hastyKafka, startBroker } from '../support/group-member.js';

interface RequestQueue {
  throttleCheckTimeoutId: unknown;
  readonly pending: unknown[];
  throttledUntil: number;
  scheduleCheckPendingRequests(): void;
  destroy(): void;
}

const RequestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as new (
  options: Readonly<Record<string, unknown>>,
) => RequestQueue;

/** Whether a queue that was asked to look at its requests later has set a timer for it. */
function setsTimer(change: Partial<Pick<RequestQueue, 'throttledUntil'>> & { readonly waits?: boolean }): boolean {
  const { waits = false, ...state } = change;
  const queue = Object.assign(new RequestQueue({ logger: { debug: () => undefined } }), state);
  if (waits) queue.pending.push({});
  queue.scheduleCheckPendingRequests();
  const isSet = queue.throttleCheckTimeoutId !== null;
  queue.destroy();
  return isSet;
}

describe('the timer of an idle connection', () => {
  it('is set by the client itself; where it is no more, stopIdleTimer is of no more use', () => {
    assert.equal(setsTimer({}), true);
  });

  it('is not set any more, however often that is asked for', () => {
    stopIdleTimer();
    stopIdleTimer();
    assert.equal(setsTimer({}), false);
  });

  it('is set while the broker wants to be left alone, and while requests wait', () => {
    stopIdleTimer();
    assert.equal(setsTimer({ throttledUntil: Date.now() + 60_000 }), true);
    assert.equal(setsTimer({ waits: true }), true);
  });

  it('is not needed for requests: those that a broker holds back for a while are sent afterwards', async (t) => {
    stopIdleTimer();
    const broker = await startBroker(t, 1, { throttleMs: 200 });
    const admin = hastyKafka(broker).admin();
    await admin.connect();
    assert.deepEqual(await admin.listTopics(), ['files']);
    await admin.disconnect();
  });
});
