import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DeadLetter, Effect, EngineEvent } from '../../lib/core/events.js';
import { describeEffect, describeEvent } from '../../lib/telemetry/log-lines.js';
import type { Command } from '../../lib/types.js';
import { JOB, outcome, partition, record } from '../support/engine.js';

const SECRET = 'hunter2';
const COMMAND: Command = {
  input: { file: '/a', allowedRoots: [] },
  file: 'as-cli',
  args: ['--db-password', SECRET],
  env: { CLICKHOUSE_PASSWORD: SECRET },
  timeoutMs: 1,
  graceMs: 1,
};
const LETTER: DeadLetter = {
  record: record(5),
  disposition: 'permanent-failure',
  reason: 'exit code 65',
  files: ['/a'],
  attempts: 1,
  exitCode: 65,
  signal: null,
  stderrTail: '',
  firstFailedAt: 0,
};
const WHERE = { job: 'files/0/5/0', file: '/a', tenant: 'acme', table: 'atd_acme' };
const OFFSETS = [{ ...partition(0), offset: 6, metadata: '' }];
const failed = outcome('failed', { exitCode: 1, reason: 'exit code 1: no', stderrTail: 'no', durationMs: 1_234.5 });

const EVENTS: readonly (readonly [EngineEvent, string | null, Record<string, unknown>?])[] = [
  [
    { type: 'assigned', epoch: 2, partitions: [partition(0), partition(3)] },
    'info partitions.assigned',
    { epoch: 2, partitions: [0, 3] },
  ],
  [{ type: 'started', jobId: 'j', pid: 7, launchMs: 1.6 }, 'debug child.started', { job: 'j', pid: 7, launchMs: 2 }],
  [{ type: 'signalled', jobId: 'j', signal: 'SIGTERM' }, 'warn child.signalled', { job: 'j', signal: 'SIGTERM' }],
  [
    { type: 'dead-letter-failed', letterId: 3, error: 'no leader' },
    'error letter.refused',
    { letter: 3, error: 'no leader' },
  ],
  [
    { type: 'commit-failed', offsets: OFFSETS, error: 'no', isMetadataTooLarge: false },
    'warn commit.failed',
    { offsets: ['0:6'], error: 'no' },
  ],
  [{ type: 'committed', offsets: OFFSETS }, 'debug commit.done', { offsets: ['0:6'] }],
  [
    { type: 'restored', epoch: 1, positions: [{ ...partition(2), offset: null, metadata: '' }] },
    'debug partitions.restored',
    { epoch: 1, positions: ['2:none'] },
  ],
  [{ type: 'out-of-range' }, 'error offsets.missing', {}],
  [{ type: 'consumer-restarting', error: 'gone' }, 'warn kafka.restarting', { error: 'gone' }],
  [{ type: 'rebalancing' }, 'info group.rebalancing', {}],
  [{ type: 'drain', stopAt: 0.5 }, 'info drain.begun', { childrenStopAt: '1970-01-01T00:00:00.000Z' }],
  [{ type: 'force-stop' }, 'warn drain.hastened', {}],
  [
    { type: 'drain-ordered', order: { since: 1, by: 'jo', reason: 'a disk' } },
    'info instance.draining',
    { by: 'jo', reason: 'a disk' },
  ],
  [{ type: 'left-group' }, 'info instance.drained', { until: 'somebody resumes it, or a restart' }],
  [{ type: 'drain-ended', by: 'jo' }, 'info instance.resumed', { by: 'jo' }],
  [{ type: 'record', record: record(5) }, null],
  [{ type: 'finished', jobId: 'j', outcome: failed }, null],
  [{ type: 'dead-lettered', letterId: 3, leftOut: [] }, null],
  [{ type: 'dead-lettered', letterId: 3, leftOut: ['value'] }, 'warn letter.cut', { letter: 3, without: ['value'] }],
  [{ type: 'tick' }, null],
];

const EFFECTS: readonly (readonly [Effect, string | null, Record<string, unknown>?])[] = [
  [
    { type: 'record-taken', record: record(5), result: 'accepted' },
    'debug record.taken',
    { record: 'files/0/5', result: 'accepted' },
  ],
  [
    { type: 'record-defect', record: record(5), error: 'Error: odd\n  at' },
    'error record.defect',
    { record: 'files/0/5', error: 'Error: odd\n  at' },
  ],
  [{ type: 'run', job: JOB, attempt: 2, command: COMMAND }, 'info job.started', { ...WHERE, attempt: 2 }],
  [
    { type: 'job-ended', job: JOB, attempt: 1, outcome: outcome('succeeded', { rows: 9 }), queuedMs: 1_500 },
    'info job.loaded',
    { ...WHERE, attempt: 1, result: 'succeeded', seconds: 0.1, queuedSeconds: 1.5, rows: 9 },
  ],
  [
    { type: 'job-ended', job: JOB, attempt: 1, outcome: failed, queuedMs: 0 },
    'warn job.ended',
    {
      ...WHERE,
      attempt: 1,
      result: 'failed',
      seconds: 1.235,
      queuedSeconds: 0,
      reason: 'exit code 1: no',
      exitCode: 1,
      signal: null,
      stderr: 'no',
      droppedOutputBytes: 0,
    },
  ],
  [
    { type: 'job-retry', job: JOB, at: 1_000.25, charged: true, reason: 'failed', why: 'exit code 1' },
    'warn job.retry',
    { job: 'files/0/5/0', at: '1970-01-01T00:00:01.000Z', charged: true, why: 'exit code 1' },
  ],
  [
    { type: 'job-failed', job: JOB, disposition: 'permanent-failure', reason: 'exit code 65' },
    'error job.failed',
    { ...WHERE, disposition: 'permanent-failure', reason: 'exit code 65' },
  ],
  [
    { type: 'dead-letter', letterId: 1, letter: LETTER },
    'warn letter.sent',
    { letter: 1, record: 'files/0/5', disposition: 'permanent-failure', reason: 'exit code 65', attempts: 1 },
  ],
  [
    { type: 'lane-unknown', record: record(5), lane: 'urgent' },
    'warn lane.unknown',
    {
      record: 'files/0/5',
      lane: 'urgent',
      consequence: 'it goes with those that name none; lanes are live, normal, backfill',
    },
  ],
  [{ type: 'reattached', job: JOB }, 'info job.reattached', { job: 'files/0/5/0' }],
  [{ type: 'jobs-dropped', partition: partition(3), jobs: 2 }, 'info partition.lost', { partition: 3, jobs: 2 }],
  [{ type: 'breaker-changed', state: 'open', reason: 'away' }, 'warn breaker.open', { reason: 'away' }],
  [{ type: 'breaker-changed', state: 'half-open', reason: 'away' }, 'warn breaker.half-open', { reason: 'away' }],
  [{ type: 'breaker-changed', state: 'closed', reason: 'well' }, 'info breaker.closed', { reason: 'well' }],
  [{ type: 'offsets-reset', partition: partition(3), to: 7 }, 'error offsets.reset', { partition: 3, to: 7 }],
  [{ type: 'pause', partitions: [partition(1)] }, 'debug partitions.paused', { partitions: [1] }],
  [{ type: 'resume', partitions: [partition(1)] }, 'debug partitions.resumed', { partitions: [1] }],
  [{ type: 'stop', jobId: 'j' }, 'info child.stopping', { job: 'j' }],
  [{ type: 'drained', uncommitted: 0 }, 'info drain.done', {}],
  [
    { type: 'leave-group', uncommitted: 2 },
    'error drain.uncommitted',
    { records: 2, consequence: 'they are finished, and are loaded again by the next reader' },
  ],
  [
    { type: 'drained', uncommitted: 3 },
    'error drain.uncommitted',
    { records: 3, consequence: 'they are finished, and are loaded again by the next reader' },
  ],
  [
    { type: 'starts-held', held: true, reason: 'away' },
    'error commit.overdue',
    { reason: 'away', consequence: 'no load is started until one is acknowledged' },
  ],
  [{ type: 'starts-held', held: false, reason: 'well' }, 'info commit.recovered', { reason: 'well' }],
  [
    { type: 'restored-partition', partition: partition(1), completedAhead: 7 },
    'info partition.restored',
    { partition: 1, completedAhead: 7 },
  ],
  [
    { type: 'metadata-problem', partition: partition(1), problem: 'unreadable' },
    'warn commit.metadata',
    { partition: 1, problem: 'unreadable' },
  ],
  [{ type: 'commit', offsets: OFFSETS }, null],
];

function check(
  line: ReturnType<typeof describeEvent>,
  name: string | null,
  fields: Record<string, unknown> = {},
): void {
  if (name === null) assert.equal(line, null);
  else assert.deepEqual({ name: `${line?.level} ${line?.event}`, fields: line?.fields }, { name, fields });
}

describe('the journal', () => {
  for (const [event, name, fields] of EVENTS) {
    it(`says ${name ?? 'nothing'} of the event ${event.type}`, () => check(describeEvent(event), name, fields));
  }

  for (const [effect, name, fields] of EFFECTS) {
    it(`says ${name ?? 'nothing'} of the effect ${effect.type}`, () => check(describeEffect(effect), name, fields));
  }

  it('never shows what may hold a password', () => {
    const line = describeEffect({ type: 'run', job: JOB, attempt: 1, command: COMMAND });
    assert.ok(!JSON.stringify(line).includes(SECRET));
  });

  it('has no field whose name the log itself uses', () => {
    const lines = [
      ...EVENTS.map(([event]) => describeEvent(event)),
      ...EFFECTS.map(([effect]) => describeEffect(effect)),
    ];
    for (const line of lines) {
      for (const name of ['level', 'message', 'timestamp'])
        assert.ok(!Object.hasOwn(line?.fields ?? {}, name), line?.event);
    }
  });
});
