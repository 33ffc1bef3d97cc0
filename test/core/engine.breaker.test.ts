/** Transcripts of an unavailable ClickHouse: the breaker opens after two faults in a row, here for 1 s, then 2 s, then 4 s. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { outcome, Play, SETTINGS } from '../support/engine.js';

const RETRY_SOON = { ...SETTINGS.retry, backoffMs: 100, maxBackoffMs: 100 };

/** Two jobs ran into the fault and wait; one more waits for its first start. */
function opened(): Play {
  const play = new Play({ slots: 2, retry: RETRY_SOON });
  play.assign(0);
  for (const offset of [0, 1, 2]) play.deliver(offset);
  assert.deepEqual(play.end(0, 'sink-unavailable'), [
    '0/0/0 sink-unavailable',
    '0/0/0 waits uncharged',
    'run 0/2/0 attempt 1',
  ]);
  assert.deepEqual(play.end(1, 'sink-unavailable'), [
    '0/1/0 sink-unavailable',
    '0/1/0 waits uncharged',
    'pause 0',
    'breaker open',
  ]);
  return play;
}

describe('the engine: the circuit breaker', () => {
  it('opens after faults in a row, lets what runs end, and starts nothing until its time is over', () => {
    const play = opened();
    assert.equal(play.wakesIn, 1_000);
    assert.equal(play.status.breaker.cause, 'sink-unavailable');
    assert.equal(play.status.breaker.since, play.now);
    assert.deepEqual(play.end(2), ['0/2/0 succeeded', 'commit 0:0']);
    assert.deepEqual(play.wait(999), []);
    assert.equal(play.status.breaker.state, 'open');
  });

  it('says why it opened, and why it closed', () => {
    const reasons: (string | undefined)[] = [];
    const play = new Play({ slots: 2, retry: RETRY_SOON });
    play.assign(0);
    for (const offset of [0, 1]) play.deliver(offset);
    const note = (offset: number, ending: 'sink-unavailable' | 'succeeded') => {
      const event = { type: 'finished', jobId: `files/0/${offset}/0`, outcome: outcome(ending) } as const;
      const changed = play.engine.handle(event, play.now).find(({ type }) => type === 'breaker-changed');
      reasons.push(changed?.type === 'breaker-changed' ? changed.reason : undefined);
    };
    note(0, 'sink-unavailable');
    note(1, 'sink-unavailable');
    play.wait(1_000);
    note(play.status.running[0]?.job.offset as number, 'succeeded');
    assert.deepEqual(reasons, [undefined, 'it sink-unavailable', 'a job ended well']);
  });

  it('then starts one canary alone, whose success lets the others go', () => {
    const play = opened();
    play.end(2);
    play.committed('0:0');
    assert.deepEqual(play.wait(1_000), ['run 0/0/0 attempt 2', 'breaker half-open']);
    assert.equal(play.wakesIn, null);
    assert.deepEqual(play.wait(5_000), []);
    assert.deepEqual(play.end(0), [
      '0/0/0 succeeded',
      'run 0/1/0 attempt 2',
      'resume 0',
      'commit 0:1',
      'breaker closed',
    ]);
  });

  it('stays open for twice as long after each canary that fails, up to the longest wait', () => {
    const play = opened();
    play.end(2);
    for (const wait of [1_000, 2_000, 4_000, 4_000]) {
      assert.equal(play.wakesIn, wait);
      assert.ok(play.wait(wait).includes('breaker half-open'));
      const [canary] = play.status.running;
      assert.ok(play.end(`0/${canary?.job.offset}/0`, 'sink-unavailable').includes('breaker open'));
    }
  });

  it('closes when the canary fails by its own fault: ClickHouse answered', () => {
    const play = opened();
    play.end(2);
    play.wait(1_000);
    assert.ok(play.end(0, 'failed').includes('breaker closed'));
  });

  it('takes the next job as the canary when the first one told nothing', () => {
    const play = opened();
    play.end(2);
    play.wait(1_000);
    assert.deepEqual(play.end(0, 'machine-fault'), [
      '0/0/0 machine-fault',
      '0/0/0 waits uncharged',
      'run 0/1/0 attempt 2',
    ]);
    assert.equal(play.status.breaker.state, 'half-open');
  });

  it('waits for the end of a job that began before it opened when there is no free slot', () => {
    const play = new Play({
      slots: 1,
      retry: RETRY_SOON,
      breaker: { threshold: 1, openMs: 1_000, maxOpenMs: 1_000 },
    });
    play.assign(0);
    play.deliver(0);
    play.deliver(1);
    play.end(0, 'sink-unavailable');
    assert.deepEqual(play.wait(1_000), ['run 0/1/0 attempt 1', 'breaker half-open']);
    assert.equal(play.wakesIn, null);
  });

  it('reads on when nothing is left to try, so that the next record brings a canary', () => {
    const play = new Play({ slots: 1, breaker: { threshold: 1, openMs: 1_000, maxOpenMs: 1_000 } });
    play.assign(0);
    play.deliver(0);
    assert.ok(play.end(0, 'sink-unavailable').includes('pause 0'));
    assert.deepEqual(play.assign(1), ['lost 0 with 1 jobs', 'resume 1']);
    assert.deepEqual(play.wait(1_000), ['breaker half-open']);
    assert.equal(play.wakesIn, null);
    assert.deepEqual(play.deliver(7, undefined, { partition: 1 }), ['7 accepted', 'run 1/7/0 attempt 1', 'pause 1']);
    assert.deepEqual(play.end('1/7/0'), ['1/7/0 succeeded', 'resume 1', 'commit 1:8', 'breaker closed']);
  });

  it('holds a record back that arrives while it is open', () => {
    const play = new Play({ slots: 1, breaker: { threshold: 1, openMs: 1_000, maxOpenMs: 1_000 } });
    play.assign(0, 1);
    play.deliver(0);
    play.end(0, 'sink-unavailable');
    play.assign(1);
    assert.deepEqual(play.deliver(7, undefined, { partition: 1 }), ['7 accepted', 'pause 1']);
    assert.deepEqual(play.wait(1_000), ['run 1/7/0 attempt 1', 'breaker half-open']);
  });

  it('never dead-letters for an executable that cannot be run', () => {
    const play = new Play({ slots: 1, breaker: { threshold: 1, openMs: 1_000, maxOpenMs: 1_000 } });
    play.assign(0);
    play.deliver(0);
    for (let n = 0; n < 10; n += 1) {
      play.end(0, 'service-fault');
      while (play.status.running.length === 0) play.wait(play.wakesIn as number);
    }
    assert.equal(play.letters.size, 0);
    assert.equal(play.status.breaker.cause, 'service-fault');
  });
});

describe('the engine: too many dead letters of one table in a row', () => {
  const RULES = { maxDeadLettersInRow: 2, retry: { ...SETTINGS.retry, maxBackoffMs: 4_000, maxUnchargedMs: 4_000 } };
  const bad = outcome('failed', { exitCode: 65 });
  const BAD = { filename: '/bad', tenant: 'bad' };
  const GOOD = { filename: '/good', tenant: 'good' };

  function flooded(): Play {
    const play = new Play({ slots: 1, ...RULES });
    play.assign(0);
    for (const offset of [0, 1, 2, 3]) play.deliver(offset, BAD);
    assert.ok(play.end(0, bad).includes('letter 1 permanent-failure of 0'));
    assert.ok(play.end(1, bad).includes('letter 2 permanent-failure of 1'));
    const lines = play.end(2, bad);
    assert.ok(lines.includes('0/2/0 waits uncharged') && lines.includes('table atd_bad held'), lines.join('\n'));
    assert.ok(!lines.includes('pause 0'), 'others are read');
    const [held] = play.status.heldTables;
    assert.deepEqual([held?.cause, held?.jobs], ['dead-letters', 2]);
    assert.match(held?.reason ?? '', /^2 dead letters in a row, the last for: /);
    return play;
  }

  it('hold its rest back, and let one canary after the other have its letter', () => {
    const play = flooded();
    assert.ok(play.wait(play.wakesIn as number).includes('run 0/2/0 attempt 2'));
    const lines = play.end(2, bad);
    assert.ok(lines.includes('letter 3 permanent-failure of 2'), 'a tenant of bad files is worked off');
    assert.equal(play.wakesIn, 2_000, 'but slowly');
    assert.ok(play.wait(2_000).includes('run 0/3/0 attempt 1'));
  });

  it('hold no other tenant back', () => {
    const play = flooded();
    for (let offset = 4; offset < 60; offset += 1) {
      assert.deepEqual(play.deliver(offset, GOOD), [`${offset} accepted`, `run 0/${offset}/0 attempt 1`]);
      assert.ok(play.end(offset).includes(`0/${offset}/0 succeeded`));
    }
    assert.equal(play.status.breaker.state, 'closed');
  });

  it('are forgotten with the first success', () => {
    const play = flooded();
    play.wait(play.wakesIn as number);
    const lines = play.end(2);
    assert.ok(lines.includes('table atd_bad released') && lines.includes('run 0/3/0 attempt 1'), lines.join('\n'));
    assert.ok(play.end(3, bad).includes('letter 3 permanent-failure of 3'));
  });

  it('open the breaker for all when several tables fare so and nothing is loaded', () => {
    const play = new Play({ slots: 1, ...RULES });
    play.assign(0);
    let offset = 0;
    for (const tenant of ['a', 'b', 'c']) {
      for (let n = 0; n < 3; n += 1, offset += 1) {
        play.deliver(offset, { filename: '/bad', tenant });
        play.end(offset, bad);
      }
    }
    assert.deepEqual([play.status.breaker.state, play.status.breaker.cause], ['open', 'held-tables']);
    assert.match(
      play.status.breaker.reason ?? '',
      /^3 tables had to be held back and nothing was loaded, the last atd_c: /,
    );
    assert.ok(!play.deliver(offset, GOOD).includes('pause 0'), 'the next message may be of another tenant');
    const tried = new Set<string>();
    for (let n = 0; n < 20 && play.status.breaker.state !== 'closed'; n += 1) {
      while (play.status.running.length === 0) play.wait(play.wakesIn as number);
      const [canary] = play.status.running;
      tried.add(String(canary?.job.tenant));
      const id = `0/${canary?.job.offset}/0`;
      play.end(id, canary?.job.tenant === 'good' ? outcome('succeeded') : bad);
    }
    assert.equal(play.status.breaker.state, 'closed', 'the good one had its turn');
    assert.ok(tried.has('good'));
    assert.equal(play.status.heldTables.length, 3, 'theirs goes on');
  });

  it('do not count invalid messages and paths, which say nothing about the state of things', () => {
    const play = new Play({ slots: 1, ...RULES });
    play.assign(0);
    for (let offset = 0; offset < 9; offset += 1) play.deliver(offset, 'no json');
    for (let offset = 9; offset < 13; offset += 1) {
      play.deliver(offset);
      play.end(offset, 'path-denied');
    }
    assert.equal(play.letters.size, 13);
    assert.deepEqual(play.status.heldTables, []);
    for (const offset of [13, 14]) play.deliver(offset);
    assert.ok(play.end(13, bad).includes('letter 14 permanent-failure of 13'));
  });

  it('do not withhold the letter of a path that is not allowed', () => {
    const play = new Play({ slots: 2, ...RULES });
    play.assign(0);
    for (const offset of [0, 1, 2, 3]) play.deliver(offset);
    for (const offset of [0, 1]) play.end(offset, bad);
    assert.ok(play.end(2, 'path-denied').includes('letter 3 path-denied of 2'));
  });

  it('leave a canary that tells nothing for the next try, without its letter', () => {
    const play = flooded();
    play.wait(play.wakesIn as number);
    play.end(2, 'machine-fault');
    assert.equal(play.letters.size, 2);
    assert.equal(play.status.heldTables.length, 1);
  });
});
