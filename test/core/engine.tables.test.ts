/** Transcripts of tables that ClickHouse takes no rows for: their jobs wait, uncharged, and nobody else does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Play, SETTINGS } from '../support/engine.js';

const RETRY = { ...SETTINGS.retry, backoffMs: 100, maxBackoffMs: 10_000, maxUnchargedMs: 400 };
const BAD = { filename: '/bad', tenant: 'bad' };
const GOOD = { filename: '/good', tenant: 'good' };

/** Jobs 0 to 2 are of a table that refuses; job 0 has just found that out. */
function held(changes: ConstructorParameters<typeof Play>[0] = {}): Play {
  const play = new Play({ slots: 1, retry: RETRY, ...changes });
  play.assign(0);
  for (const offset of [0, 1, 2]) play.deliver(offset, BAD);
  const lines = play.end(0, 'table-refused');
  assert.deepEqual(lines, ['table atd_bad held', '0/0/0 table-refused', '0/0/0 waits uncharged']);
  return play;
}

describe('the engine: a table that refuses its rows', () => {
  it('has its jobs wait, with one tried after each wait, which grows', () => {
    const play = held();
    for (const wait of [100, 200, 400, 400, 400]) {
      assert.equal(play.wakesIn, wait);
      const [line] = play.wait(wait);
      assert.match(line ?? '', /^run 0\/\d\/0/);
      const [canary] = play.status.running;
      assert.ok(
        play.end(`0/${canary?.job.offset}/0`, 'table-refused').includes(`0/${canary?.job.offset}/0 waits uncharged`),
      );
    }
    assert.equal(play.letters.size, 0);
    assert.equal(play.status.breaker.state, 'closed');
    const [table] = play.status.heldTables;
    assert.deepEqual([table?.table, table?.reason, table?.jobs], ['atd_bad', 'it table-refused', 3]);
    assert.equal(play.status.queue.jobs, 3);
  });

  it('lets all of them go with the first that is loaded, or that fails by itself', () => {
    for (const ending of ['succeeded', 'failed'] as const) {
      const play = held();
      assert.deepEqual(play.wait(100), ['run 0/0/0 attempt 2']);
      const lines = play.end(0, ending);
      assert.ok(lines.includes('table atd_bad released') && lines.includes('run 0/1/0 attempt 1'), lines.join('\n'));
      assert.ok(play.end(1).includes('run 0/2/0 attempt 1'));
      assert.deepEqual(play.status.heldTables, []);
    }
  });

  it('stays held when its canary tells nothing', () => {
    const play = held();
    play.wait(100);
    const lines = play.end(0, 'machine-fault');
    assert.ok(!lines.some((line) => line.includes('released')), lines.join('\n'));
    assert.equal(play.status.heldTables.length, 1);
  });

  it('does not hold up others, nor the reading, however many wait for it', () => {
    const play = held({ load: { jobs: 4, waiting: 1_000_000, bytes: 1_000_000 } });
    for (let offset = 3; offset < 40; offset += 1) assert.ok(!play.deliver(offset, BAD).includes('pause 0'));
    assert.deepEqual(play.deliver(40, GOOD), ['40 accepted', 'run 0/40/0 attempt 1']);
    assert.ok(play.end(40).includes('0/40/0 succeeded'));
  });

  it('is forgotten with the last job of it', () => {
    const play = held();
    assert.ok(play.assign(1).includes('lost 0 with 3 jobs'));
    assert.ok(play.wait(100).includes('table atd_bad released'));
    assert.equal(play.wakesIn, null);
    play.deliver(7, BAD, { partition: 1 });
    assert.equal(play.status.running.length, 1);
  });

  it('finds another canary when its canary is lost while it waits for its slot', () => {
    const play = held();
    play.deliver(9, GOOD);
    assert.deepEqual(play.wait(100), [], 'the only slot is taken');
    play.end(9);
    assert.equal(play.status.running[0]?.job.offset, 0);
    play.assign(1);
    play.end(0, 'table-refused');
    play.wait(200);
    assert.deepEqual(play.status.heldTables, []);
  });

  it('is told from a connection that is refused, which holds back all', () => {
    const play = new Play({ slots: 1, retry: RETRY, breaker: { ...SETTINGS.breaker, threshold: 1 } });
    play.assign(0);
    play.deliver(0, BAD);
    play.deliver(1, GOOD);
    const lines = play.end(0, 'sink-refused');
    assert.deepEqual(lines, ['0/0/0 sink-refused', '0/0/0 waits uncharged', 'pause 0', 'breaker open']);
    assert.deepEqual([play.status.breaker.cause, play.status.breaker.reason], ['sink-refused', 'it sink-refused']);
  });
});
