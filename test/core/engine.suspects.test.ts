/** Transcripts of files during whose load the service ended: before one is given up it is loaded with nothing else running. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AttemptCounts, decodeMetadata, encodeMetadata } from '../../lib/core/offsets/commit-metadata.js';
import type { Boot } from '../../lib/core/offsets/interruptions.js';
import { Play, partition, record, SETTINGS } from '../support/engine.js';

const { maxInterruptions } = SETTINGS.retry;
const QUIET = 10_000;
const TEN_MINUTES = 600_000;
const SUSPECT: AttemptCounts = { failed: 0, timedOut: 0, interrupted: maxInterruptions };
const HERE: Boot = { machine: 1, boot: 1 };

/** A run that begins after a crash, with what the crashed one had committed. */
function begin(metadata: string, boot: Boot | null = null, now = 1_800_000_000_000): Play {
  const play = new Play({ records: { ...SETTINGS.records, boot } });
  play.now = now;
  play.tell({ type: 'assigned', epoch: 1, partitions: [partition(0)] });
  play.tell({ type: 'restored', epoch: 1, positions: [{ ...partition(0), offset: 0, metadata }] });
  return play;
}

function withSuspects(...offsets: number[]): string {
  const attempts = new Map(offsets.map((offset) => [offset, SUSPECT]));
  return encodeMetadata(0, { completed: [], attempts, clean: false });
}

/** Acknowledges the commit that is on its way, and the one that follows it. */
function acknowledge(play: Play): string[] {
  const lines = play.committed('0:0');
  return lines.some((line) => line.startsWith('commit')) ? [...lines, ...play.committed('0:0')] : lines;
}

/** The run after which record 0 is being loaded alone. */
function alone(boot: Boot | null = null): Play {
  const play = begin(withSuspects(0), boot);
  play.deliver(0);
  assert.deepEqual(play.wait(QUIET), ['0/0/0 is alone', 'commit 0:0']);
  assert.deepEqual(play.committed('0:0'), ['run 0/0/0 attempt 1']);
  return play;
}

describe('a file during whose load the service ended often', () => {
  it('waits for its turn while others are loaded, and then until nothing else runs', () => {
    const play = begin(withSuspects(0));
    assert.deepEqual(play.deliver(0), ['0 accepted', '0/0/0 suspected']);
    assert.deepEqual(play.status.suspects, { jobs: 1, dueAt: play.now + QUIET, isAlone: false });
    assert.ok(play.deliver(1).includes('commit 0:0'));
    assert.deepEqual(acknowledge(play), ['run 0/1/0 attempt 1']);
    assert.equal(play.wakesIn, QUIET);
    assert.deepEqual(play.wait(QUIET), [], 'another load runs');
    assert.deepEqual(play.deliver(2), ['2 accepted'], 'a slot is free, and is kept free');
    const lines = play.end(1);
    assert.deepEqual(lines, ['0/1/0 succeeded', '0/0/0 is alone', 'commit 0:0']);
    assert.deepEqual(play.committed('0:0'), ['run 0/0/0 attempt 1']);
    assert.deepEqual(play.deliver(3), ['3 accepted'], 'nothing runs beside it');
    assert.ok(play.end(0).includes('0/0/0 succeeded'));
    assert.equal(play.letters.size, 0);
    assert.deepEqual(
      play.status.running.map(({ job }) => job.offset),
      [2, 3],
    );
  });

  it('is not woken for before it is known which tenants are paused', () => {
    const play = new Play({ awaitsControl: true });
    play.tell({ type: 'assigned', epoch: 1, partitions: [partition(0)] });
    const positions = [{ ...partition(0), offset: 0, metadata: withSuspects(0) }];
    play.tell({ type: 'restored', epoch: 1, positions });
    assert.deepEqual(play.deliver(0), ['0 accepted', '0/0/0 suspected']);
    assert.equal(play.wakesIn, null);
    assert.deepEqual(play.wait(QUIET), []);
    assert.deepEqual(play.tell({ type: 'controlled', pauses: [] }), ['0/0/0 is alone', 'commit 0:0']);
  });

  it('has its start committed although the run before ended in order', () => {
    const attempts = new Map([[0, SUSPECT]]);
    const play = begin(encodeMetadata(0, { completed: [], attempts, clean: true }));
    play.committed('0:0');
    play.deliver(0);
    assert.deepEqual(play.wait(QUIET), ['0/0/0 is alone', 'commit 0:0']);
    assert.deepEqual(play.committed('0:0'), ['run 0/0/0 attempt 1']);
  });

  it('is given up when the service ends once more, and takes nobody along', () => {
    const next = begin(alone().metadataOf(0));
    assert.deepEqual(next.deliver(0), [
      '0 accepted',
      '0/0/0 failed for good: attempts-exhausted',
      'letter 1 attempts-exhausted of 0',
    ]);
    assert.match(next.letters.get(1)?.reason ?? '', /ended 6 times .*, the last time with nothing else running$/);
    assert.ok(next.deliver(1).includes('commit 0:0'));
    assert.ok(next.committed('0:0').includes('run 0/1/0 attempt 1'));
  });

  it('is judged by that alone, also where fewer ends are allowed by now', () => {
    const play = begin(
      encodeMetadata(0, { completed: [], attempts: new Map([[0, { ...SUSPECT, interrupted: 99 }]]), clean: false }),
    );
    assert.deepEqual(play.deliver(0), ['0 accepted', '0/0/0 suspected']);
  });

  it('is judged like any other when it ends by itself', () => {
    const play = alone();
    assert.ok(play.end(0, 'failed').includes('0/0/0 waits'));
    play.committed('0:0');
    const [commit] = play.engine.commitsWithoutStarts();
    assert.equal(decodeMetadata(0, commit?.metadata ?? '')?.attempts.get(0)?.interrupted, 0);
  });

  it('is not met by kills in a fast row', () => {
    let metadata = withSuspects(0);
    // One more, and what runs beside it is suspected as well.
    for (let life = 0; life < maxInterruptions; life += 1) {
      const play = begin(metadata);
      play.deliver(0);
      play.deliver(1);
      assert.deepEqual(acknowledge(play), ['run 0/1/0 attempt 1']);
      assert.deepEqual(play.wait(QUIET - 1), []);
      metadata = play.metadataOf(0);
      assert.equal(decodeMetadata(0, metadata)?.attempts.get(0)?.interrupted, maxInterruptions);
    }
  });

  it('shares its ten minutes with no other, in this run and in the next', () => {
    const play = begin(withSuspects(0, 1));
    play.deliver(0);
    play.deliver(1);
    play.wait(QUIET);
    acknowledge(play);
    play.end(0);
    assert.deepEqual(play.wait(100), ['commit 0:1']);
    play.committed('0:1');
    assert.deepEqual(play.wait(TEN_MINUTES - 101), []);
    assert.ok(play.wait(1).includes('0/1/0 is alone'));
    play.committed('0:1');
    const { now } = play;
    const next = begin(withAlone(now), null, now + 60_000);
    next.deliver(2);
    const wait = (next.status.suspects.dueAt ?? 0) - now;
    assert.ok(wait > TEN_MINUTES - 60_000 && wait <= TEN_MINUTES, `${wait}`);
  });

  it('believes no time to come of a clock that was set back', () => {
    const play = begin(withAlone(1_900_000_000_000));
    play.deliver(2);
    assert.equal(play.status.suspects.dueAt, play.now + TEN_MINUTES);
  });

  it('has all files of its record loaded alone, one after the other', () => {
    const play = begin(withSuspects(0));
    play.deliver(0, { filename: ['/a', '/b'] });
    play.deliver(1);
    acknowledge(play);
    play.wait(QUIET);
    play.end(1);
    assert.deepEqual(acknowledge(play), ['run 0/0/0 attempt 1']);
    assert.ok(play.end('0/0/0').includes('0/0/1 is alone'));
    play.deliver(2);
    acknowledge(play);
    play.wait(100);
    acknowledge(play);
    assert.deepEqual(
      play.status.running.map(({ job }) => job.id),
      ['files/0/0/1'],
    );
    play.end('0/0/1');
    acknowledge(play);
    assert.deepEqual(
      play.status.running.map(({ job }) => job.offset),
      [2],
    );
  });

  it('holds nobody up when its partition is lost, waiting or running', () => {
    const waiting = begin(withSuspects(0));
    waiting.deliver(0);
    assert.ok(waiting.assign(1).includes('lost 0 with 1 jobs'));
    assert.deepEqual([waiting.wakesIn, waiting.status.suspects.jobs], [null, 0]);
    const running = alone();
    running.assign(1);
    running.deliver(7, undefined, { partition: 1 });
    assert.deepEqual(running.end(0), ['0/0/0 succeeded', 'run 1/7/0 attempt 1']);
  });

  it('is only a suspect to the next reader when its partition moves while it runs', () => {
    const play = alone();
    assert.deepEqual(play.tell({ type: 'rebalancing' }), ['commit 0:0']);
    const next = begin(play.metadataOf(0));
    assert.deepEqual(next.deliver(0), ['0 accepted', '0/0/0 suspected']);
  });

  it('is given up all the same when its partition moves each time before the service ends', () => {
    let [play, moves] = [alone(), 0];
    for (; play.letters.size === 0 && moves < 100; moves += 1) {
      play.tell({ type: 'rebalancing' });
      play = begin(play.metadataOf(0));
      play.deliver(0);
      play.wait(QUIET);
      acknowledge(play);
    }
    assert.equal(moves, 4);
    assert.equal(play.letters.get(1)?.attempts, maxInterruptions + 4);
  });

  it('is no suspect while it runs and its record is delivered again', () => {
    const play = alone();
    play.assign(1);
    play.tell({ type: 'assigned', epoch: 3, partitions: [partition(0)] });
    play.tell({
      type: 'restored',
      epoch: 3,
      positions: [{ ...partition(0), offset: 0, metadata: play.metadataOf(0) }],
    });
    assert.deepEqual(play.tell({ type: 'record', record: record(0) }), ['0 accepted', '0/0/0 reattached']);
    assert.ok(play.end(0).includes('0/0/0 succeeded'));
  });

  it('waits for its table like any other, and holds nobody up meanwhile', () => {
    const play = begin(withSuspects(0));
    play.deliver(0, { filename: '/bad', tenant: 'bad' });
    play.deliver(1, { filename: '/bad', tenant: 'bad' });
    play.deliver(2);
    acknowledge(play);
    play.end(2);
    play.end(1, 'table-refused');
    play.wait(QUIET);
    play.deliver(3);
    acknowledge(play);
    play.wait(100);
    acknowledge(play);
    assert.deepEqual(
      play.status.running.map(({ job }) => job.offset).filter((offset) => offset === 3),
      [3],
    );
  });
});

describe('an end of the service that no file brought about', () => {
  const ended = (): string => {
    const play = begin(withSuspects(), HERE);
    play.deliver(0);
    acknowledge(play);
    return play.metadataOf(0);
  };
  /** What is held against record 0 by a run that begins there. */
  const heldIn = (boot: Boot | null, metadata = ended()): number => {
    const [commit] = begin(metadata, boot).engine.commitsWithoutStarts();
    return decodeMetadata(0, commit?.metadata ?? '')?.attempts.get(0)?.interrupted ?? 0;
  };

  it('is one of the machine, which has been booted since', () => {
    assert.equal(heldIn({ ...HERE, boot: 2 }), 0);
  });

  it('is not known of another machine, nor where nobody knows the boot', () => {
    assert.equal(heldIn(HERE), 1);
    assert.equal(heldIn({ machine: 2, boot: 2 }), 1);
    assert.equal(heldIn(null), 1);
  });

  it('is one that was asked for, though it was killed before it had stopped', () => {
    const play = begin(withSuspects(1), HERE);
    play.deliver(0);
    acknowledge(play);
    play.drain(60_000);
    assert.deepEqual(play.wait(100), ['commit 0:0']);
    assert.equal(heldIn(HERE, play.metadataOf(0)), 0);
    const attempts = decodeMetadata(0, play.metadataOf(0))?.attempts;
    assert.deepEqual(attempts, new Map([[1, SUSPECT]]), 'what did not run is none the better for it');
    const suspect = alone(HERE);
    suspect.drain(60_000);
    assert.deepEqual(suspect.wait(100), ['commit 0:0']);
    assert.deepEqual(begin(suspect.metadataOf(0), HERE).deliver(0), ['0 accepted', '0/0/0 suspected']);
  });

  it('counts for neither of two that were loading, however such ends and crashes take turns', () => {
    let [metadata, now, boot] = [withSuspects(), 1_800_000_000_000, 1];
    const live = (): Play => {
      const play = begin(metadata, { ...HERE, boot }, now);
      play.deliver(0, { filename: '/long', tenant: 'acme' });
      play.deliver(1, { filename: '/longer', tenant: 'globex' });
      acknowledge(play);
      now += 60_000;
      return play;
    };
    for (let crashes = 0; crashes < maxInterruptions; crashes += 1) {
      const stopped = live();
      stopped.drain(60_000);
      assert.deepEqual(stopped.wait(100), ['commit 0:0']);
      metadata = stopped.metadataOf(0);
      metadata = live().metadataOf(0);
      // That one ended with its machine.
      boot += 1;
      const killed = live();
      assert.equal(killed.status.running.length, 2, `after ${crashes} crashes both are loaded at once`);
      metadata = killed.metadataOf(0);
    }
    const last = live();
    assert.equal(last.status.suspects.jobs, 2);
    for (const [offset, wait] of [
      [0, QUIET],
      [1, TEN_MINUTES],
    ] as const) {
      assert.ok(last.wait(wait).includes(`0/${offset}/0 is alone`));
      acknowledge(last);
      assert.ok(last.end(offset).includes(`0/${offset}/0 succeeded`));
    }
    assert.equal(last.letters.size, 0);
  });

  it('leaves what is charged during the stop', () => {
    const play = begin(withSuspects(), HERE);
    play.deliver(0);
    play.deliver(1);
    acknowledge(play);
    play.drain(60_000);
    play.wait(100);
    play.committed('0:0');
    play.end(0, 'failed');
    play.wait(100);
    play.end(1);
    const attempts = decodeMetadata(0, play.metadataOf(0))?.attempts;
    assert.deepEqual(attempts, new Map([[0, { failed: 1, timedOut: 0, interrupted: 0 }]]));
  });

  it('leaves a suspect a suspect that was being loaded alone', () => {
    const metadata = alone(HERE).metadataOf(0);
    const attempts = new Map(decodeMetadata(0, metadata)?.attempts);
    assert.ok(attempts.size === 2 && (attempts.get(0)?.interrupted ?? 0) > maxInterruptions);
    assert.deepEqual(begin(metadata, { ...HERE, boot: 2 }).deliver(0), ['0 accepted', '0/0/0 suspected']);
    assert.deepEqual(begin(metadata, HERE).deliver(0).at(-1), 'letter 1 attempts-exhausted of 0');
  });

  it('takes nothing from what did not run', () => {
    const play = begin(withSuspects(1), HERE);
    play.deliver(0);
    play.deliver(1);
    acknowledge(play);
    const next = begin(play.metadataOf(0), { ...HERE, boot: 2 });
    assert.deepEqual(next.deliver(1), ['1 accepted', '0/1/0 suspected']);
  });
});

describe('the metadata of a version before this one', () => {
  it('is read as it was meant, and this version writes nothing that it would not read', () => {
    const attempts = decodeMetadata(0, alone(HERE).metadataOf(0))?.attempts;
    const deadly = attempts?.get(0)?.interrupted ?? 0;
    assert.ok(deadly > 1_000, 'an older version gives it up, whatever is allowed');
    assert.deepEqual([...(attempts?.keys() ?? [])], [Number.MAX_SAFE_INTEGER, 0]);
  });
});

function withAlone(at: number): string {
  const interrupted = 6 + 1_024 * Math.floor(at / 60_000);
  return encodeMetadata(0, {
    completed: [],
    attempts: new Map([
      [0, { ...SUSPECT, interrupted }],
      [2, SUSPECT],
    ]),
    clean: false,
  });
}
