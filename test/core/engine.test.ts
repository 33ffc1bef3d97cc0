/** Transcripts: an event is told, and these effects are all that follow. Records stand for jobs `partition/offset/index`. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { outcome, Play, SETTINGS } from '../support/engine.js';

function running(changes: ConstructorParameters<typeof Play>[0] = {}): Play {
  const play = new Play(changes);
  play.assign(0);
  return play;
}

describe('the engine: one record', () => {
  it('is loaded and its offset committed', () => {
    const play = new Play();
    assert.equal(play.status.state, 'starting');
    assert.deepEqual(play.assign(0), ['resume 0']);
    assert.equal(play.status.state, 'running');
    assert.deepEqual(play.deliver(5), ['5 accepted', 'run 0/5/0 attempt 1']);
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:6']);
    assert.deepEqual(play.committed('0:6'), []);
    assert.equal(play.wakesIn, null);
  });

  it('is not taken before there is an assignment, nor from a partition that is not ours', () => {
    const play = new Play();
    assert.deepEqual(play.deliver(5), []);
    play.assign(0);
    assert.deepEqual(play.deliver(5, undefined, { partition: 1 }), []);
  });

  it('without a value is skipped, and its offset committed', () => {
    const play = running();
    assert.deepEqual(play.deliver(5, null), ['5 tombstone', 'commit 0:6']);
  });

  it('with several files completes when all of them are loaded, in any order', () => {
    const play = running({ slots: 3 });
    const started = ['run 0/5/0 attempt 1', 'run 0/5/1 attempt 1', 'run 0/5/2 attempt 1'];
    assert.deepEqual(play.deliver(5, { filename: ['/a', '/b', '/c'] }), ['5 accepted', ...started]);
    assert.deepEqual(play.end('0/5/2'), ['0/5/2 succeeded']);
    assert.deepEqual(play.end('0/5/0'), ['0/5/0 succeeded']);
    assert.deepEqual(play.end('0/5/1'), ['0/5/1 succeeded', 'commit 0:6']);
  });

  it('that is delivered again while it runs or when it is done is recognised', () => {
    const play = running();
    play.deliver(5);
    assert.deepEqual(play.deliver(5), ['5 redelivered']);
    play.end(5);
    assert.deepEqual(play.deliver(5), ['5 redelivered']);
  });

  it('tells how long a job waited from its arrival to its start', () => {
    const play = running({ slots: 1 });
    play.deliver(5);
    play.deliver(6);
    play.now += 700;
    play.end(5);
    play.now += 50;
    const effects = play.engine.handle(
      { type: 'finished', jobId: 'files/0/6/0', outcome: outcome('succeeded') },
      play.now,
    );
    const ended = effects.find(({ type }) => type === 'job-ended');
    assert.equal(ended?.type === 'job-ended' && ended.queuedMs, 700);
  });

  it('is forgotten by nobody but its job: an end that nobody waits for changes nothing', () => {
    assert.deepEqual(running().end('0/99/0'), []);
  });
});

describe('the engine: slots and turns', () => {
  it('runs no more jobs than there are slots, and the next as soon as one is free', () => {
    const play = running({ slots: 1 });
    play.deliver(5);
    assert.deepEqual(play.deliver(6), ['6 accepted']);
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'run 0/6/0 attempt 1', 'commit 0:6']);
  });

  it('gives each tenant its turn', () => {
    const play = running({ slots: 1 });
    for (const [offset, tenant] of ['a', 'a', 'a', 'b'].entries()) play.deliver(offset, { filename: '/f', tenant });
    const order = [0, 3, 1].map((offset) => play.end(offset).find((line) => line.startsWith('run')));
    assert.deepEqual(order, ['run 0/3/0 attempt 1', 'run 0/1/0 attempt 1', 'run 0/2/0 attempt 1']);
  });
});

describe('the engine: retries and dead letters', () => {
  it('waits longer before each further attempt, then sends a dead letter, and commits when it is acknowledged', () => {
    const play = running();
    play.deliver(5);
    assert.deepEqual(play.end(5, 'failed'), ['0/5/0 failed', '0/5/0 waits']);
    assert.equal(play.wakesIn, 1_000);
    assert.deepEqual(play.wait(999), []);
    assert.deepEqual(play.wait(1), ['run 0/5/0 attempt 2']);
    assert.deepEqual(play.end(5, 'timed-out'), ['0/5/0 timed-out', '0/5/0 waits']);
    assert.equal(play.wakesIn, 2_000);
    assert.deepEqual(play.wait(2_000), ['run 0/5/0 attempt 3']);
    assert.deepEqual(play.end(5, 'failed'), ['0/5/0 failed', '0/5/0 waits']);
    assert.equal(play.wakesIn, 4_000);
    assert.deepEqual(play.wait(4_000), ['run 0/5/0 attempt 4']);
    assert.deepEqual(play.end(5, 'failed'), [
      '0/5/0 failed',
      '0/5/0 failed for good: attempts-exhausted',
      'letter 1 attempts-exhausted of 5',
    ]);
    assert.equal(play.letters.get(1)?.attempts, 4);
    assert.deepEqual(play.wait(60_000), []);
    assert.deepEqual(play.acknowledge(1), ['commit 0:6']);
  });

  it('does not charge what is not the fault of the file', () => {
    const play = running({ retry: { ...SETTINGS.retry, maxAttempts: 2 } });
    play.deliver(5);
    for (let repetition = 1; repetition <= 5; repetition += 1) {
      assert.deepEqual(play.end(5, 'machine-fault'), ['0/5/0 machine-fault', '0/5/0 waits uncharged']);
      assert.equal(play.wakesIn, 1_000 * 2 ** (repetition - 1));
      play.wait(play.wakesIn as number);
    }
    assert.deepEqual(play.end(5, 'failed'), ['0/5/0 failed', '0/5/0 waits']);
  });

  it('waits for what is not charged as for the first time once an attempt was charged', () => {
    const play = running();
    play.deliver(5);
    const waits = (['machine-fault', 'machine-fault', 'failed', 'machine-fault'] as const).map((result) => {
      play.end(5, result);
      const { wakesIn } = play;
      play.wait(wakesIn as number);
      return wakesIn;
    });
    assert.deepEqual(waits, [1_000, 2_000, 1_000, 1_000]);
  });

  it('tells in the letter when the file failed first', () => {
    const play = running();
    play.deliver(5);
    play.now += 10;
    const firstFailedAt = play.now;
    for (const result of ['machine-fault', 'failed', 'path-denied'] as const) {
      play.end(5, result);
      play.wait(play.wakesIn ?? 0);
    }
    assert.equal(play.letters.get(1)?.firstFailedAt, firstFailedAt);
  });

  it('gives up at once on a permanent exit code', () => {
    const play = running();
    play.deliver(5);
    assert.deepEqual(play.end(5, outcome('failed', { exitCode: 65, stderrTail: 'bad magic' })), [
      '0/5/0 failed',
      '0/5/0 failed for good: permanent-failure',
      'letter 1 permanent-failure of 5',
    ]);
    const { exitCode, stderrTail, files } = play.letters.get(1) ?? {};
    assert.deepEqual({ exitCode, stderrTail, files }, { exitCode: 65, stderrTail: 'bad magic', files: ['/in/5'] });
  });

  it('sends one letter for a record of which several files failed, naming these', () => {
    const play = running({ slots: 3 });
    play.deliver(5, { filename: ['/a', '/b', '/c'] });
    play.end('0/5/0', outcome('failed', { exitCode: 65 }));
    assert.deepEqual(play.end('0/5/1'), ['0/5/1 succeeded']);
    assert.deepEqual(play.end('0/5/2', 'path-denied'), [
      '0/5/2 path-denied',
      '0/5/2 failed for good: path-denied',
      'letter 1 permanent-failure of 5',
    ]);
    assert.deepEqual(play.letters.get(1)?.files, ['/a', '/c']);
    assert.equal(play.letters.get(1)?.reason, 'it failed (and 1 more files)');
    assert.deepEqual(play.acknowledge(1), ['commit 0:6']);
  });

  it('sends poison straight to the dead-letter topic and commits only when that has it', () => {
    const play = running();
    assert.deepEqual(play.deliver(5, 'no json'), ['5 rejected', 'letter 1 invalid-message of 5']);
    assert.equal(play.letters.get(1)?.attempts, 0);
    assert.equal(play.wakesIn, null);
    assert.deepEqual(play.acknowledge(1), ['commit 0:6']);
  });

  it('sends a refused letter again until it is taken, and reads nothing meanwhile', () => {
    const play = running();
    play.deliver(5, 'no json');
    assert.deepEqual(play.refuse(1), ['pause 0']);
    assert.equal(play.status.state, 'paused');
    assert.equal(play.wakesIn, 1_000);
    assert.deepEqual(play.wait(1_000), ['letter 1 invalid-message of 5']);
    assert.deepEqual(play.refuse(1), []);
    assert.equal(play.wakesIn, 2_000);
    assert.deepEqual(play.wait(2_000), ['letter 1 invalid-message of 5']);
    assert.deepEqual(play.acknowledge(1), ['resume 0', 'commit 0:6']);
    assert.equal(play.wakesIn, null);
  });

  it('hands on the command of the attempt', () => {
    const play = running();
    const effects = play.engine.handle(
      {
        type: 'record',
        record: {
          topic: 'files',
          partition: 0,
          offset: 1,
          key: null,
          value: Buffer.from('{"filename":"/f","tenant":"Acme"}'),
          headers: {},
          timestamp: 7,
        },
      },
      play.now,
    );
    const run = effects.find(({ type }) => type === 'run');
    assert.ok(run?.type === 'run');
    assert.equal(run.job.table, 'atd_acme');
    assert.equal(run.command.env['ATD_DEDUP_TOKEN'], 'files/0/1/0@7');
  });
});

describe('the engine: backpressure', () => {
  it('pauses at the limit of jobs and resumes at half of it', () => {
    const play = running({ slots: 1, load: { jobs: 4, waiting: 1_000_000, bytes: 1_000_000 } });
    for (const offset of [0, 1, 2]) play.deliver(offset);
    assert.deepEqual(play.deliver(3), ['3 accepted', 'pause 0']);
    assert.deepEqual(play.end(0), ['0/0/0 succeeded', 'run 0/1/0 attempt 1', 'commit 0:1']);
    assert.deepEqual(play.end(1), ['0/1/0 succeeded', 'run 0/2/0 attempt 1']);
    assert.deepEqual(play.end(2), ['0/2/0 succeeded', 'run 0/3/0 attempt 1', 'resume 0']);
  });

  it('pauses at the limit of message bytes, which are held until the record completes', () => {
    const message = { filename: '/f', padding: 'x'.repeat(480) };
    const play = running({ load: { jobs: 1_000, waiting: 1_000_000, bytes: 1_000 } });
    play.deliver(0, message);
    assert.deepEqual(play.deliver(1, message), ['1 accepted', 'run 0/1/0 attempt 1', 'pause 0']);
    play.end(0, outcome('failed', { exitCode: 65 }));
    assert.deepEqual(play.acknowledge(1), ['commit 0:1']);
    assert.deepEqual(play.end(1), ['0/1/0 succeeded', 'resume 0']);
    assert.equal(play.status.queue.messageBytes, 0);
  });

  it('pauses only the partition that is too far ahead of its commit', () => {
    const play = new Play({ slots: 10, maxUncommitted: 4 });
    play.assign(0, 1);
    for (const offset of [0, 1, 2]) play.deliver(offset);
    assert.deepEqual(play.deliver(3), ['3 accepted', 'run 0/3/0 attempt 1', 'pause 0']);
    for (const offset of [1, 2, 3]) assert.ok(!play.end(offset).includes('resume 0'));
    play.committed('0:0');
    play.now += 100;
    assert.deepEqual(play.end(0), ['0/0/0 succeeded', 'commit 0:4']);
    assert.deepEqual(play.committed('0:4'), ['resume 0']);
  });

  it('keeps it paused until it is less than half as far ahead', () => {
    const play = running({ slots: 10, maxUncommitted: 4 });
    for (const offset of [0, 1, 2]) play.deliver(offset);
    assert.ok(play.deliver(3).includes('pause 0'));
    for (const offset of [0, 1]) assert.ok(!play.end(offset).includes('resume 0'));
    assert.ok(!play.committed('0:1').includes('resume 0'));
    play.now += 100;
    assert.deepEqual(play.end(2), ['0/2/0 succeeded', 'commit 0:3']);
    assert.deepEqual(play.committed('0:3'), ['resume 0']);
  });
});
