import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Kind, Notice } from '../../lib/notify/notices.js';
import { Outbox } from '../../lib/notify/outbox.js';

const notice = (kind: Kind, text = kind as string): Notice => ({ kind, text });

describe('Outbox', () => {
  it('holds one notice of each kind, the newest one', () => {
    const outbox = new Outbox();
    for (let n = 0; n < 1_000; n++) outbox.add(notice('letters', `${n}`), n);
    outbox.add(notice('lag'), 1_000);
    assert.deepEqual(
      outbox.clear().map(({ text }) => text),
      ['999', 'lag'],
    );
    assert.equal(outbox.nextAt(), null);
  });

  it('sends one at once, and the next of its kind five minutes later', () => {
    const outbox = new Outbox();
    const first = notice('lag', 'first');
    outbox.add(first, 0);
    assert.equal(outbox.due(0), first);
    outbox.settle(first, 10);
    assert.equal(outbox.due(10), null);
    const second = notice('lag', 'second');
    outbox.add(second, 20);
    assert.deepEqual([outbox.due(20), outbox.nextAt()], [null, 300_010]);
    outbox.add(notice('reload'), 20);
    assert.equal(outbox.due(20)?.kind, 'reload');
    assert.equal(outbox.due(300_010), second);
  });

  it('keeps what came while one was under way', () => {
    const outbox = new Outbox();
    const [first, second] = [notice('letters', 'first'), notice('letters', 'second')];
    outbox.add(first, 0);
    outbox.add(second, 5);
    outbox.settle(first, 10);
    assert.deepEqual([outbox.due(10), outbox.due(300_010)], [null, second]);
  });

  it('tries again ever later, ten times in all', () => {
    const outbox = new Outbox();
    const late = notice('breaker');
    outbox.add(late, 0);
    const waits: number[] = [];
    let now = 0;
    while (!outbox.isLast('breaker')) {
      outbox.postpone(late, now);
      waits.push((outbox.nextAt() ?? 0) - now);
      now = outbox.nextAt() ?? 0;
    }
    assert.deepEqual(
      waits,
      [1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1_000),
    );
  });
});
