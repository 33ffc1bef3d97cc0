/** Transcripts of what is set aside: a copy waits in another topic, and the record is complete when that is acknowledged. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TenantPause } from '../../lib/core/events.js';
import { ORIGIN_HEADER, originHeader } from '../../lib/core/rules/headers.js';
import { ORDERLY, Play, partition, record, SETTINGS, TOPIC } from '../support/engine.js';

const WAITING = `${TOPIC}.waiting`;
const ACME = { filename: '/a', tenant: 'acme' };
const PAUSE: TenantPause = { tenant: 'acme', since: 0, until: null, by: 'maria', reason: 'a bad day' };
const FIVE_MINUTES = 5 * 60_000;

/** Both topics' partition 0, with a window of four, and the tenant paused. */
function begin(changes: ConstructorParameters<typeof Play>[0] = {}): Play {
  const waiting = { of: TOPIC, topic: WAITING };
  const play = new Play({ slots: 1, maxUncommitted: 4, records: { ...SETTINGS.records, waiting }, ...changes });
  const partitions = [partition(0), { topic: WAITING, partition: 0 }];
  play.tell({ type: 'assigned', epoch: 1, partitions });
  play.tell({ type: 'restored', epoch: 1, positions: partitions.map((of) => ({ ...of, ...ORDERLY })) });
  // That the run has begun is committed at once.
  play.committed('0:0');
  play.now += 100;
  play.tell({ type: 'controlled', pauses: [PAUSE] });
  return play;
}

function copyOf(original: number, offset: number, at: number): ReturnType<typeof record> {
  const headers = { [ORIGIN_HEADER]: originHeader(record(original)) };
  return { ...record(offset, ACME, { headers, timestamp: at }), topic: WAITING };
}

/** Four records of the tenant fill the window; all are on their way. */
function full(): Play {
  const play = begin();
  for (const offset of [0, 1, 2]) assert.deepEqual(play.deliver(offset, ACME), [`${offset} accepted`]);
  assert.deepEqual(play.deliver(3, ACME), ['3 accepted', 'pause 0', `set aside 0 1 2 3 to ${WAITING}/0`]);
  return play;
}

describe('the engine: setting aside', () => {
  it('completes records with the acknowledgement of their copies, and reads on', () => {
    const play = full();
    assert.deepEqual(play.status.queue.jobs, 0);
    const lines = play.tell({ type: 'set-aside-done', batchId: 1 });
    assert.deepEqual(lines, [`4 of ${TOPIC}/0 were set aside`, 'commit 0:4']);
    assert.deepEqual(play.committed('0:4'), ['resume 0']);
    assert.deepEqual(play.status.setAside, { records: 4, offBecause: null });
  });

  it('leaves alone what may run, and what has room', () => {
    const play = begin();
    for (const offset of [0, 1]) play.deliver(offset, ACME);
    play.deliver(2, { filename: '/b', tenant: 'other' });
    assert.equal(play.wakesIn, null);
    const lines = play.deliver(3, { filename: '/b', tenant: 'other' });
    assert.deepEqual(lines.slice(-2), ['pause 0', `set aside 0 1 to ${WAITING}/0`]);
  });

  it('takes the next try of a held table along, and has another one tried in its place', () => {
    const play = begin();
    play.tell({ type: 'controlled', pauses: [] });
    play.deliver(0, ACME);
    play.end(0, 'table-refused');
    play.tell({ type: 'controlled', pauses: [PAUSE] });
    // It is time to try the table, but its tenant is paused.
    play.wait(FIVE_MINUTES);
    for (const offset of [1, 2]) play.deliver(offset, ACME);
    assert.ok(play.deliver(3, ACME).includes(`set aside 0 1 2 3 to ${WAITING}/0`));
    play.tell({ type: 'set-aside-done', batchId: 1 });
    play.committed('0:4');
    play.deliver(4, ACME);
    const lines = [...play.tell({ type: 'controlled', pauses: [] }), ...play.wait(FIVE_MINUTES)];
    assert.ok(lines.includes('run 0/4/0 attempt 1'), lines.join('\n'));
  });

  it('has what was not taken wait as before, and tries again later, one at a time', () => {
    const play = full();
    const failed = { batchId: 1, error: 'no leader', isForbidden: false, isTooLarge: false };
    assert.deepEqual(play.tell({ type: 'set-aside-failed', ...failed }), []);
    assert.equal(play.status.queue.jobs, 4);
    assert.deepEqual(play.wait(1_000), [`set aside 0 to ${WAITING}/0`]);
  });

  it('goes on without what is too large for the topic', () => {
    const play = full();
    const failed = { error: 'too large', isForbidden: false, isTooLarge: true };
    play.tell({ type: 'set-aside-failed', batchId: 1, ...failed });
    assert.deepEqual(play.wait(1_000), [`set aside 0 to ${WAITING}/0`]);
    play.tell({ type: 'set-aside-failed', batchId: 2, ...failed });
    assert.deepEqual(play.wait(2_000), [`set aside 1 to ${WAITING}/0`]);
  });

  it('ends for good where the right to it is missing, and stops nothing', () => {
    const play = full();
    const failed = { batchId: 1, error: 'not allowed', isForbidden: true, isTooLarge: false };
    assert.deepEqual(play.tell({ type: 'set-aside-failed', ...failed }), ['nothing is set aside any more']);
    assert.deepEqual(play.wait(FIVE_MINUTES), []);
    assert.deepEqual(play.status.setAside, { records: 0, offBecause: 'not allowed' });
    assert.ok(play.tell({ type: 'controlled', pauses: [] }).includes('run 0/0/0 attempt 1'));
  });

  it('reads a copy as the record that it is, with its job id, its token and its letter', () => {
    const play = full();
    play.tell({ type: 'set-aside-done', batchId: 1 });
    play.committed('0:4');
    assert.deepEqual(play.tell({ type: 'record', record: copyOf(2, 7, play.now) }), ['7 accepted']);
    assert.deepEqual(play.tell({ type: 'controlled', pauses: [] }), ['resumed acme', 'run 0/2/0 attempt 1']);
    const [running] = play.status.running;
    assert.equal(running?.job.timestamp, record(2).timestamp);
    const lines = play.tell({ type: 'finished', jobId: `${TOPIC}/0/2/0`, outcome: PERMANENT });
    assert.ok(lines.includes('letter 1 permanent-failure of 2'), lines.join('\n'));
    assert.equal(play.letters.get(1)?.record.topic, TOPIC);
  });

  it('loads of two copies that are open only one, and remembers what it has loaded', () => {
    const play = begin({ maxUncommitted: 100 });
    play.deliver(0, ACME);
    assert.deepEqual(play.tell({ type: 'record', record: copyOf(0, 0, play.now) }), ['0 redelivered']);
    assert.deepEqual(play.tell({ type: 'controlled', pauses: [] }), ['resumed acme', 'run 0/0/0 attempt 1']);
    play.now += 100;
    const lines = play.end(0);
    assert.ok(lines.includes('commit 0:1 0:1'), lines.join('\n'));
    assert.deepEqual(play.tell({ type: 'record', record: copyOf(0, 1, play.now) }).slice(0, 1), ['1 redelivered']);
    assert.deepEqual(play.status.running, []);
  });

  it('has the copy stand for a record that was delivered anew', () => {
    const play = begin({ maxUncommitted: 100 });
    play.tell({ type: 'record', record: copyOf(0, 0, play.now) });
    const lines = play.deliver(0, ACME);
    assert.deepEqual(lines, ['0 redelivered', 'commit 0:1']);
    assert.ok(play.tell({ type: 'controlled', pauses: [] }).includes('run 0/0/0 attempt 1'));
  });

  it('loads a copy under the name of its message, too, when the list of tenants had to be waited for', () => {
    const routing = { ...SETTINGS.records.routing, allowedTenants: new Set(['other']) };
    const records = { ...SETTINGS.records, waiting: { of: TOPIC, topic: WAITING }, routing, holdUnknownMs: 60_000 };
    const play = begin({ records });
    play.tell({ type: 'controlled', pauses: [] });
    assert.equal(play.tell({ type: 'record', record: copyOf(2, 7, play.now) })[0], '7 held');
    const lines = play.tell({ type: 'allowed', tenants: new Set(['acme']) });
    assert.ok(lines.includes('run 0/2/0 attempt 1'), lines.join('\n'));
  });

  it('sets no copy aside within five minutes, and then does', () => {
    const play = begin();
    const copied = play.now;
    for (const offset of [0, 1, 2, 3]) play.tell({ type: 'record', record: copyOf(offset, offset, copied) });
    assert.equal(play.wakesIn, FIVE_MINUTES);
    assert.deepEqual(play.wait(FIVE_MINUTES), [`set aside 0 1 2 3 to ${WAITING}/0`]);
  });

  it('sets aside no more than a hundred between two commits', () => {
    const play = begin({ maxUncommitted: 250 });
    for (let offset = 0; offset < 249; offset += 1) play.deliver(offset, ACME);
    const line = play.deliver(249, ACME).at(-1) ?? '';
    assert.equal(line.split(' ').length, 'set aside to x'.split(' ').length + 100);
    const lines = play.tell({ type: 'set-aside-done', batchId: 1 });
    assert.deepEqual(lines, [`100 of ${TOPIC}/0 were set aside`, 'commit 0:100']);
    assert.deepEqual(play.wait(5_000), []);
    assert.ok(play.committed('0:100').some((next) => next.startsWith('set aside 100 ')));
  });

  it('reads nothing but what was set aside, and sets nothing aside, where that is to be emptied', () => {
    const waiting = { of: TOPIC, topic: WAITING };
    const play = new Play({ onlyWaiting: true, records: { ...SETTINGS.records, waiting } });
    const partitions = [partition(0), { topic: WAITING, partition: 0 }];
    play.tell({ type: 'assigned', epoch: 1, partitions });
    play.tell({ type: 'restored', epoch: 1, positions: partitions.map((of) => ({ ...of, offset: 0, metadata: '' })) });
    assert.deepEqual(
      play.status.partitions.map(({ topic, paused }) => [topic, paused]),
      [
        [TOPIC, true],
        [WAITING, false],
      ],
    );
    assert.ok(
      play.tell({ type: 'record', record: copyOf(0, 0, play.now) }).some((line) => line.startsWith('0 accepted')),
    );
  });
});

const PERMANENT = {
  result: 'failed' as const,
  reason: 'exit code 65',
  exitCode: 65,
  signal: null,
  signalsSent: [],
  launchMs: 1,
  durationMs: 1,
  stderrTail: '',
  droppedOutputBytes: 0,
  rows: null,
  bytes: null,
};
