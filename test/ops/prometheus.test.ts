/** The files of etc/prometheus, and the metrics themselves, before Prometheus' own tool. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { parse, stringify } from 'yaml';
import { METRICS } from '../../lib/telemetry/metric-definitions.js';
import { read } from '../support/documents.js';
import { Play } from '../support/engine.js';
import { metricsOf } from '../support/metrics.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { whyMissing } from './part.js';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: { readonly severity: string };
  readonly annotations?: { readonly runbook: string };
}

const DIRECTORY = join(PACKAGE_ROOT, 'etc/prometheus');
const skip = whyMissing({ promtool: 'prometheus' });

function rulesOf(name: string): readonly Rule[] {
  const { groups } = parse(read(`etc/prometheus/${name}`)) as { readonly groups: readonly { rules: Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

function promtool(
  args: readonly string[],
  input?: string,
): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

const ALERTS = rulesOf('alerts.yml');

/** A series for each alert, as values a minute, under which it fires after the time; `x` in place of them: it does not. */
const FIRING: Readonly<Record<string, readonly [series: string, firing: string, quiet: string]>> = {
  AtdIngestionDown: ['up{job="atd-ingestion", instance="a"}', '0x60', '1x60'],
  AtdIngestionHoldsBack: ['atd_breaker_state{instance="a"}', '2x60', '0x60'],
  AtdIngestionDeadLetters: ['atd_dead_letters_total{instance="a", disposition="load-failed"}', '0x40 1+1x20', '7x60'],
  AtdIngestionDeadLetterTopicRefuses: ['atd_dead_letters_refused{instance="a"}', '1x60', '0x60'],
  AtdIngestionStandsStill: ['atd_queue_jobs{instance="a"}', '5x60', '0x60'],
  AtdIngestionFilesLate: ['atd_oldest_unfinished_seconds{instance="a"}', '3700x60', '3500x60'],
  AtdIngestionCommitBehind: ['atd_uncommitted_records{instance="a", partition="0"}', '2600x60', '2400x60'],
  AtdIngestionCommitsFail: ['atd_commits_total{instance="a", result="failed"}', '0+1x60', '3x60'],
  AtdIngestionOffsetsReset: ['atd_offsets_reset_total{instance="a"}', '0x50 1+1x10', '1x60'],
  AtdIngestionConsumerRestarts: ['atd_consumer_restarts_total{instance="a"}', '0+1x60', '1x60'],
  AtdIngestionReloadRefused: ['atd_last_reload_successful{instance="a"}', '0x60', '1x60'],
  AtdIngestionDefects: ['atd_defects_total{instance="a"}', '0x50 1x10', '1x60'],
  AtdIngestionTimeouts: ['atd_jobs_total{instance="a", tenant="t", outcome="timed-out"}', '0+1x60', '2x60'],
  AtdIngestionLogFile: ['atd_log_file_failing{instance="a"}', '1x60', '0x60'],
  AtdIngestionTenantsHeld: ['atd_held_records{instance="a"}', '1x60', '0x60'],
};
/** Those that compare two metrics need the other one too. */
const BESIDE: Readonly<Record<string, string>> = {
  AtdIngestionOffsetsReset: 'atd_offsets_out_of_range_total{instance="a"}',
};

function firesOf(t: TestContext, alert: string, series: string, values: string): boolean {
  const directory = mkdtempSync(join(tmpdir(), 'atd-rules-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const beside = BESIDE[alert];
  const test = {
    rule_files: [join(DIRECTORY, 'alerts.yml')],
    tests: [
      {
        interval: '1m',
        input_series: [{ series, values }, ...(beside === undefined ? [] : [{ series: beside, values: '0x60' }])],
        alert_rule_test: [{ eval_time: '60m', alertname: alert, exp_alerts: [] }],
      },
    ],
  };
  const file = join(directory, 'test.yml');
  writeFileSync(file, stringify(test));
  const { status, output } = promtool(['test', 'rules', file]);
  assert.ok(status === 0 || output.includes(alert), output);
  return status !== 0;
}

describe('etc/prometheus', () => {
  it('names no metric that does not exist', () => {
    for (const { expr } of [...ALERTS, ...rulesOf('recording-rules.yml')]) {
      for (const [name] of expr.matchAll(/\batd_[a-z_]+\b/g)) {
        assert.ok(Object.hasOwn(METRICS, name.replace(/_(bucket|sum|count)$/, '')), name);
      }
    }
  });

  it('has a section of the runbook for each alert, and for nothing else', () => {
    const sections = [...read('docs/runbook.md').matchAll(/^## (\S+)$/gm)].map(([, name = '']) => name);
    assert.deepEqual(
      sections,
      ALERTS.map(({ alert }) => alert),
    );
    for (const { alert = '', annotations, labels } of ALERTS) {
      assert.equal(annotations?.runbook, `docs/runbook.md#${alert.toLowerCase()}`);
      assert.match(labels?.severity ?? '', /^(critical|warning)$/);
    }
  });

  it('is in order', { skip }, () => {
    for (const args of [
      ['check', 'rules', join(DIRECTORY, 'alerts.yml'), join(DIRECTORY, 'recording-rules.yml')],
      ['check', 'config', join(DIRECTORY, 'prometheus.yml')],
    ]) {
      const { status, output } = promtool(args);
      assert.equal(status, 0, output);
    }
  });

  for (const { alert = '' } of ALERTS) {
    it(`fires when it should and not otherwise: ${alert}`, { skip }, (t) => {
      const [series = '', firing = '', quiet = ''] = FIRING[alert] ?? [];
      assert.deepEqual([firesOf(t, alert, series, firing), firesOf(t, alert, series, quiet)], [true, false]);
    });
  }

  it('watches metrics of which Prometheus has nothing to complain', { skip }, async () => {
    const play = new Play();
    play.assign(0);
    const metrics = metricsOf(play);
    const { status, output } = promtool(['check', 'metrics'], (await metrics.render()).body);
    assert.deepEqual([status, output], [0, '']);
  });
});
