import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RUN_STATES } from '../../lib/core/status.js';
import { Play, SETTINGS } from '../support/engine.js';

test('the status is one snapshot of everything an operator asks for', () => {
  const play = new Play({ slots: 1, breaker: { ...SETTINGS.breaker, threshold: 1 } });
  play.assign(0, 1);
  const value = { filename: '/f', size: 50 };
  for (const offset of [5, 6, 7]) play.deliver(offset, value);
  play.deliver(9, 'no json', { partition: 1 });
  play.now += 10;
  play.end(5, 'sink-unavailable');
  const { now } = play;
  const paused = { paused: true, pausedSince: now };
  const first = (offset: number) => ({ frontier: offset, oldestAt: 1_700_000_000_000 });
  const messageBytes = 3 * JSON.stringify(value).length + 'no json'.length;
  assert.deepEqual(play.status, {
    state: 'paused',
    slots: 1,
    adaptiveSlots: null,
    running: [],
    queue: { jobs: 3, delayed: 1, fileBytes: 150, messageBytes },
    breaker: {
      state: 'open',
      cause: 'sink-unavailable',
      reason: 'it sink-unavailable',
      since: now,
      until: now + SETTINGS.breaker.openMs,
    },
    tenants: [{ tenant: null, weight: 1, waiting: 3, due: 2, running: 0, isPaused: false }],
    lanes: [
      { lane: 'live', waiting: 0, due: 0 },
      { lane: 'normal', waiting: 3, due: 2 },
      { lane: 'backfill', waiting: 0, due: 0 },
    ],
    pauses: [],
    heldTables: [],
    suspects: { jobs: 0, dueAt: null, isAlone: false },
    commits: { unacknowledgedSince: null, reason: null, startsHeld: false },
    heldTenants: [],
    setAside: null,
    deadLettersPending: 1,
    deadLettersRefused: null,
    drain: null,
    partitions: [
      {
        topic: 'files',
        partition: 0,
        ...paused,
        flood: { tenant: null, jobs: 3 },
        uncommitted: 3,
        ...first(5),
        incomplete: 3,
        completedAhead: 0,
      },
      {
        topic: 'files',
        partition: 1,
        ...paused,
        flood: null,
        ...first(9),
        uncommitted: 1,
        incomplete: 1,
        completedAhead: 0,
      },
    ],
  });
});

test('what runs is shown with its attempt and since when', () => {
  const play = new Play();
  play.assign(0);
  play.deliver(5);
  const [running] = play.status.running;
  assert.deepEqual([running?.job.id, running?.attempt, running?.startedAt], ['files/0/5/0', 1, play.now]);
});

test('records that are complete ahead of an incomplete one are counted', () => {
  const play = new Play({ slots: 3 });
  play.assign(0);
  for (const offset of [5, 6, 7]) play.deliver(offset);
  play.end(7);
  const [partition] = play.status.partitions;
  assert.deepEqual([partition?.uncommitted, partition?.incomplete, partition?.completedAhead], [3, 2, 1]);
});

test('the numbers of the run states are fixed, because dashboards know them', () => {
  assert.deepEqual(RUN_STATES, { starting: 0, running: 1, paused: 2, draining: 3, stopped: 4, drained: 5 });
});
