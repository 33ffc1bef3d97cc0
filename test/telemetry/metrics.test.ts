import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DeadLetter, Effect, EngineEvent } from '../../lib/core/events.js';
import { METRICS } from '../../lib/telemetry/metric-definitions.js';
import type { MetricsAdapter } from '../../lib/telemetry/metrics.js';
import type { Job } from '../../lib/types.js';
import { JOB, outcome, Play, partition, record, SETTINGS } from '../support/engine.js';
import { metricsOf } from '../support/metrics.js';

const TICK: EngineEvent = { type: 'tick' };
const NOW = 100_000;

/** The samples by name and labels, as `atd_jobs_total{tenant="acme",outcome="succeeded"}`. */
async function samples(metrics: MetricsAdapter): Promise<Map<string, number>> {
  const { body } = await metrics.render();
  const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

function ended(of: Partial<Job>, attempt = 1, ending = outcome('succeeded', { rows: 10, bytes: 100 })): Effect {
  return { type: 'job-ended', job: { ...JOB, ...of }, attempt, outcome: ending, queuedMs: 500 };
}

const COUNTED: readonly (readonly [what: string, event: EngineEvent, effects: Effect[], sample: string])[] = [
  [
    'a record',
    TICK,
    [{ type: 'record-taken', record: record(5), result: 'accepted' }],
    'atd_records_total{result="accepted"}',
  ],
  [
    'a tombstone',
    TICK,
    [{ type: 'record-taken', record: record(5), result: 'tombstone' }],
    'atd_records_total{result="tombstone"}',
  ],
  ['a redelivery', TICK, [{ type: 'record-taken', record: record(5), result: 'redelivered' }], 'atd_redelivered_total'],
  ['an attempt', TICK, [ended({})], 'atd_jobs_total{tenant="acme",outcome="succeeded"}'],
  ['an attempt without a tenant', TICK, [ended({ tenant: null })], 'atd_jobs_total{tenant="none",outcome="succeeded"}'],
  ['its duration', TICK, [ended({})], 'atd_job_duration_seconds_count{outcome="succeeded"}'],
  ['its wait', TICK, [ended({})], 'atd_job_queue_seconds_count{lane="normal"}'],
  [
    'a retry',
    TICK,
    [{ type: 'job-retry', job: JOB, at: 0, charged: true, reason: 'timed-out', why: '' }],
    'atd_retries_total{reason="timed-out"}',
  ],
  ['a launch', { type: 'started', jobId: 'j', pid: 1, launchMs: 3 }, [], 'atd_launch_seconds_count'],
  ['a kill', { type: 'signalled', jobId: 'j', signal: 'SIGKILL' }, [], 'atd_kills_total{signal="SIGKILL"}'],
  ['a commit', { type: 'committed', offsets: [] }, [], 'atd_commits_total{result="succeeded"}'],
  [
    'a failed commit',
    { type: 'commit-failed', offsets: [], error: '', isMetadataTooLarge: false },
    [],
    'atd_commits_total{result="failed"}',
  ],
  ['a rebalance', { type: 'assigned', epoch: 1, partitions: [] }, [], 'atd_rebalances_total'],
  ['a refused letter', { type: 'dead-letter-failed', letterId: 1, error: '' }, [], 'atd_dead_letter_failures_total'],
  ['a reset', TICK, [{ type: 'offsets-reset', partition: partition(0), to: 0 }], 'atd_offsets_reset_total'],
];

describe('the counters', () => {
  for (const [what, event, effects, sample] of COUNTED) {
    it(`count ${what}`, async () => {
      const metrics = metricsOf();
      metrics.observe(event, effects, NOW);
      assert.equal((await samples(metrics)).get(sample), 1);
    });
  }

  it('count a dead letter when it is acknowledged, by why it was sent', async () => {
    const play = new Play();
    const metrics = metricsOf(play);
    const tell = (event: EngineEvent): void => metrics.observe(event, play.engine.handle(event, play.now), NOW);
    tell({ type: 'assigned', epoch: 1, partitions: [partition(0)] });
    tell({ type: 'record', record: record(5, 'no json') });
    const sample = 'atd_dead_letters_total{disposition="invalid-message"}';
    assert.equal((await samples(metrics)).get(sample), undefined);
    tell({ type: 'dead-lettered', letterId: 1 });
    assert.equal((await samples(metrics)).get(sample), 1);
  });

  it('forget a refused letter, which may be of a lost partition, until it is sent again', async () => {
    const metrics = metricsOf();
    const letter: DeadLetter = {
      record: record(5),
      disposition: 'file-missing',
      reason: '',
      files: [],
      attempts: 1,
      exitCode: null,
      signal: null,
      stderrTail: '',
      firstFailedAt: 0,
    };
    const counted = async (disposition: string) =>
      (await samples(metrics)).get(`atd_dead_letters_total{disposition="${disposition}"}`);
    metrics.observe(
      TICK,
      [1, 2].map((letterId): Effect => ({ type: 'dead-letter', letterId, letter })),
      NOW,
    );
    for (const letterId of [1, 2]) metrics.observe({ type: 'dead-letter-failed', letterId, error: '' }, [], NOW);
    metrics.observe(TICK, [{ type: 'dead-letter', letterId: 2, letter }], NOW);
    for (const letterId of [1, 2]) metrics.observe({ type: 'dead-lettered', letterId }, [], NOW);
    assert.deepEqual([await counted('unknown'), await counted('file-missing')], [1, 1]);
  });

  it('sum what was loaded, where that is known', async () => {
    const metrics = metricsOf();
    const ends = [ended({}), ended({}, 2), ended({}, 1, outcome('succeeded')), ended({}, 1, outcome('failed'))];
    metrics.observe(TICK, ends, NOW);
    const found = await samples(metrics);
    assert.equal(found.get('atd_rows_loaded_total{tenant="acme"}'), 20);
    assert.equal(found.get('atd_bytes_loaded_total{tenant="acme"}'), 200);
  });

  it('measure the wait of a job once, whatever the number of its attempts', async () => {
    const metrics = metricsOf();
    metrics.observe(TICK, [ended({}, 1), ended({}, 2), ended({}, 3)], NOW);
    assert.equal((await samples(metrics)).get('atd_job_queue_seconds_count{lane="normal"}'), 1);
    assert.equal((await samples(metrics)).get('atd_job_queue_seconds_sum{lane="normal"}'), 0.5);
  });

  it('measure from the announcement until a file is loaded, whatever the clocks say, where the message has a time', async () => {
    const metrics = metricsOf();
    const times = [NOW - 3_000, NOW + 60_000, -1];
    metrics.observe(
      TICK,
      times.map((timestamp) => ended({ timestamp })),
      NOW,
    );
    const found = await samples(metrics);
    assert.equal(found.get('atd_visible_seconds_sum{tenant="acme"}'), 3);
    assert.equal(found.get('atd_visible_seconds_count{tenant="acme"}'), 2);
    assert.equal(found.get('atd_load_seconds_count{tenant="acme"}'), 3);
  });

  it('have no more tenants than their bound, whoever invents them', async () => {
    const metrics = metricsOf();
    for (let n = 0; n < 1_000; n += 1) metrics.observe(TICK, [ended({ tenant: `t${n}` })], NOW);
    const jobs = [...(await samples(metrics))].filter(([name]) => name.startsWith('atd_jobs_total'));
    assert.equal(jobs.length, 201);
    assert.equal(new Map(jobs).get('atd_jobs_total{tenant="other",outcome="succeeded"}'), 800);
    const timed = [...(await samples(metrics)).keys()].filter((name) => name.startsWith('atd_visible_seconds_count'));
    assert.equal(timed.length, 51);
  });
});

describe('the gauges', () => {
  it('show the engine as it is when they are read', async () => {
    const play = new Play({ slots: 3, breaker: { ...SETTINGS.breaker, threshold: 1 } });
    const metrics = metricsOf(play);
    assert.equal((await samples(metrics)).get('atd_run_state'), 0);
    play.assign(0, 1);
    for (const offset of [5, 6, 7, 8]) play.deliver(offset, { filename: '/f', size: 50 });
    play.end(6);
    const messageBytes = 3 * JSON.stringify({ filename: '/f', size: 50 }).length;
    const found = await samples(metrics);
    const expected: Readonly<Record<string, number>> = {
      atd_run_state: 1,
      atd_slots: 3,
      atd_children_running: 3,
      atd_queue_jobs: 0,
      atd_queue_bytes: 0,
      'atd_lane_jobs{lane="live"}': 0,
      atd_held_message_bytes: messageBytes,
      atd_paused_partitions: 0,
      atd_breaker_state: 0,
      atd_unreaped_children: 2,
      atd_lag_bytes: 9,
      atd_last_success_timestamp_seconds: 5,
      'atd_consumer_lag{partition="0"}': 5,
      'atd_completed_ahead{partition="0"}': 1,
      'atd_uncommitted_records{partition="0"}': 4,
      'atd_uncommitted_records{partition="1"}': 0,
      'atd_build_info{version="1.2.3"}': 1,
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(found.get(name), value, name);
  });

  it('show no lag once that is not known any more', async () => {
    const play = new Play();
    play.assign(0);
    let isKnown = true;
    const metrics = metricsOf(play, {
      lag: () =>
        isKnown
          ? { partitions: [5], messages: 5, fileBytes: 9, secondsLeft: 1 }
          : { partitions: [null], messages: null, fileBytes: null, secondsLeft: null },
    });
    const lagSamples = async () =>
      [...(await samples(metrics)).keys()].filter((name) => /^atd_(consumer_)?lag/.test(name));
    assert.deepEqual(await lagSamples(), ['atd_consumer_lag{partition="0"}', 'atd_lag_bytes']);
    isKnown = false;
    assert.deepEqual(await lagSamples(), []);
  });

  it('show how the log file fares, and count each line that it misses once', async () => {
    const file = { failing: true, lost: 3 };
    const metrics = metricsOf(new Play(), { logFile: () => file });
    const shown = async () => {
      const found = await samples(metrics);
      return [found.get('atd_log_file_failing'), found.get('atd_log_lines_lost_total')];
    };
    assert.deepEqual(
      [await shown(), await shown()],
      [
        [1, 3],
        [1, 3],
      ],
    );
    Object.assign(file, { failing: false, lost: 5 });
    assert.deepEqual(await shown(), [0, 5]);
  });

  it('tell whether the last reload was taken over, and when the settings that hold were read', async () => {
    for (const [isLastTaken, expected] of [
      [true, 1],
      [false, 0],
    ] as const) {
      const metrics = metricsOf(new Play(), { settings: () => ({ since: 1_500, isLastTaken }) });
      for (let count = 0; count < 2; count += 1) metrics.observeReload('refused');
      const found = await samples(metrics);
      const names = [
        'atd_last_reload_successful',
        'atd_settings_timestamp_seconds',
        'atd_reloads_total{result="refused"}',
      ];
      assert.deepEqual(
        names.map((name) => found.get(name)),
        [expected, 1.5, 2],
      );
    }
  });

  it('show an open breaker and the pause that comes with it', async () => {
    const play = new Play({ slots: 1, breaker: { ...SETTINGS.breaker, threshold: 1 } });
    play.assign(0);
    play.deliver(5);
    play.end(5, 'sink-unavailable');
    const found = await samples(metricsOf(play));
    assert.deepEqual(
      ['atd_run_state', 'atd_breaker_state', 'atd_paused_partitions', 'atd_queue_jobs'].map((name) => found.get(name)),
      [2, 2, 1, 1],
    );
  });

  it('forget partitions that went to another member', async () => {
    const play = new Play();
    const metrics = metricsOf(play);
    play.assign(0, 1);
    assert.ok((await samples(metrics)).has('atd_uncommitted_records{partition="1"}'));
    play.assign(0);
    assert.ok(!(await samples(metrics)).has('atd_uncommitted_records{partition="1"}'));
  });
});

describe('the exposition', () => {
  it('has every metric of the list with its help and type, and the defaults of Node', async () => {
    const { contentType, body } = await metricsOf().render();
    assert.match(contentType, /^text\/plain; version=0\.0\.4/);
    for (const [name, { help, type }] of Object.entries(METRICS)) {
      assert.ok(body.includes(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`), name);
    }
    assert.ok(body.includes('\nprocess_cpu_seconds_total '));
  });

  it('names metrics as Prometheus wants them', () => {
    for (const [name, { type }] of Object.entries(METRICS)) {
      assert.match(name, /^atd_[a-z_]+$/);
      assert.equal(name.endsWith('_total'), type === 'counter', name);
      if (type === 'histogram') assert.match(name, /_seconds$/);
    }
  });
});

describe('the metrics of the ledger', () => {
  it('are its rows, and are not there without one', async () => {
    const figures = { isUp: false, written: 5, lost: 2, waiting: 3, bytesOnDisk: 300 };
    const found = await samples(metricsOf(new Play(), { ledger: () => figures }));
    const names = ['rows_total{result="written"}', 'rows_total{result="lost"}', 'up', 'waiting_rows', 'disk_bytes'];
    assert.deepEqual(
      names.map((name) => found.get(`atd_ledger_${name}`)),
      [5, 2, 0, 3, 300],
    );
    const without = await samples(metricsOf());
    assert.deepEqual(
      [...without.keys()].filter((name) => name.startsWith('atd_ledger')),
      [],
    );
  });
});
