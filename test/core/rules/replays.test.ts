import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildCommand, commandTemplate } from '../../../lib/core/rules/command.js';
import { ORIGIN_HEADER, originalOf, originHeader } from '../../../lib/core/rules/headers.js';
import {
  atFirstPlace,
  GENERATION_HEADER,
  placeHeader,
  REPLAY_FILES_HEADER,
  REPLAY_OF_HEADER,
  replayOf,
  tokenOf,
} from '../../../lib/core/rules/replays.js';
import { planRecord } from '../../../lib/core/rules/routing.js';
import type { HeaderValue, Job, KafkaRecord } from '../../../lib/types.js';
import { COMMAND, record, SETTINGS } from '../../support/engine.js';

const FIRST = { topic: 'files', partition: 2, offset: 7, timestamp: 1_800_000_000_123 };

function replayed(headers: Record<string, HeaderValue>, changes: Partial<KafkaRecord> = {}): KafkaRecord {
  const message = record(99, { filename: ['/a', '/b'], tenant: 'acme' }, { partition: 2, headers });
  return { ...message, timestamp: 1_900_000_000_000, ...changes };
}

function jobsOf(of: KafkaRecord): readonly Job[] {
  const plan = planRecord(of, 10_000, SETTINGS.records.routing);
  assert.ok(plan.kind === 'jobs');
  return plan.jobs;
}

describe('a replay', () => {
  it('is loaded under the tokens of its first message, and is a job of its own', () => {
    const headers = { [REPLAY_OF_HEADER]: placeHeader(FIRST), [REPLAY_FILES_HEADER]: '0,3' };
    const jobs = jobsOf(replayed(headers));
    assert.deepEqual(jobs.map(tokenOf), ['files/2/7/0@1800000000123', 'files/2/7/3@1800000000123']);
    assert.deepEqual(
      jobs.map(({ id }) => id),
      ['files/2/99/0', 'files/2/99/1'],
    );
    const { env } = buildCommand(jobs[1] as Job, 1, commandTemplate(COMMAND));
    assert.equal(env['ATD_DEDUP_TOKEN'], 'files/2/7/3@1800000000123');
    assert.ok(!('ATD_GENERATION' in env));
  });

  it('has the numbers of its own files where the message is as it was, and a generation where one is asked for', () => {
    const headers = { [REPLAY_OF_HEADER]: Buffer.from(placeHeader(FIRST)), [GENERATION_HEADER]: '2' };
    const jobs = jobsOf(replayed(headers));
    assert.deepEqual(jobs.map(tokenOf), ['files/2/7/0@1800000000123', 'files/2/7/1@1800000000123']);
    const { env } = buildCommand(jobs[0] as Job, 1, commandTemplate(COMMAND));
    assert.equal(env['ATD_GENERATION'], '2');
  });

  it('that was set aside keeps the tokens of its first message', () => {
    const own = replayed({ [REPLAY_OF_HEADER]: placeHeader(FIRST) });
    const headers = { ...own.headers, [ORIGIN_HEADER]: originHeader(own) };
    const copy = { ...own, topic: 'files.waiting', offset: 3, timestamp: 2_000_000_000_000, headers };
    const original = originalOf(copy, { of: 'files', topic: 'files.waiting' });
    assert.deepEqual(jobsOf(original).map(tokenOf), ['files/2/7/0@1800000000123', 'files/2/7/1@1800000000123']);
    assert.equal(atFirstPlace(original).offset, FIRST.offset);
  });

  it('that fails again is a letter of the first message', () => {
    const { topic, partition, offset, timestamp } = atFirstPlace(replayed({ [REPLAY_OF_HEADER]: placeHeader(FIRST) }));
    assert.deepEqual({ topic, partition, offset, timestamp }, FIRST);
  });

  const LIES: readonly (readonly [what: string, header: HeaderValue, others?: Record<string, HeaderValue>])[] = [
    ['names another topic', placeHeader({ ...FIRST, topic: 'others' })],
    ['names another partition', placeHeader({ ...FIRST, partition: 3 })],
    ['names its own place', placeHeader({ ...FIRST, offset: 99 })],
    ['names a message that is yet to come', placeHeader({ ...FIRST, offset: 100 })],
    ['is no place', 'files/2/x@1'],
    ['has something behind it', `${placeHeader(FIRST)} `],
    ['has no value', null],
    ['has senseless numbers', placeHeader(FIRST), { [REPLAY_FILES_HEADER]: '1,-2' }],
  ];
  for (const [what, header, others = {}] of LIES) {
    it(`is not believed where its header ${what}`, () => {
      const message = replayed({ [REPLAY_OF_HEADER]: header, [GENERATION_HEADER]: '1', ...others });
      assert.equal(replayOf(message), null);
      const [job] = jobsOf(message) as readonly [Job];
      assert.equal(tokenOf(job), 'files/2/99/0@1900000000000');
      assert.ok(!('ATD_GENERATION' in buildCommand(job, 1, commandTemplate(COMMAND)).env));
      assert.equal(atFirstPlace(message), message);
    });
  }

  it('has tokens of its own where it names another number of files than its header', () => {
    const message = replayed({ [REPLAY_OF_HEADER]: placeHeader(FIRST), [REPLAY_FILES_HEADER]: '0,1,2' });
    assert.deepEqual(jobsOf(message).map(tokenOf), ['files/2/99/0@1900000000000', 'files/2/99/1@1900000000000']);
  });

  it('has a generation that every loader takes, whatever its header says', () => {
    const generation = (text: string) =>
      replayOf(replayed({ [REPLAY_OF_HEADER]: placeHeader(FIRST), [GENERATION_HEADER]: text }))?.generation;
    assert.deepEqual(['', 'x', '-1', '7', '9999999', '99999999'].map(generation), [0, 0, 0, 7, 1_000_000, 0]);
  });
});
