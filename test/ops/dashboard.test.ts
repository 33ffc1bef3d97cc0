/** The Grafana dashboard against the list of metrics; whether Prometheus has an answer to it: `dashboard-live.test.ts`. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { METRICS } from '../../lib/telemetry/metric-definitions.js';
import { createMetrics } from '../../lib/telemetry/metrics.js';
import { read } from '../support/documents.js';
import { Play } from '../support/engine.js';
import { DASHBOARD, QUERIES } from './dashboard.js';

/** Grafana's grid has so many columns. */
const COLUMNS = 24;
/** What Prometheus itself has of each target. */
const OF_PROMETHEUS = ['up'];

/** The names of metrics in a query; what stands in braces, brackets and quotes, and functions and words of the language, are none. */
function metricsIn(expr: string): readonly string[] {
  const bare = expr.replaceAll(/\{[^}]*\}|\[[^\]]*\]|\b(by|without|on|ignoring) \([^)]*\)/g, '');
  const names = bare.match(/\b[a-z_]\w*\b(?!\s*\()/g) ?? [];
  return names.filter((name) => !['by', 'without', 'or', 'and', 'unless', 'offset'].includes(name));
}

describe('the Grafana dashboard', () => {
  it('asks for no metric that does not exist', async () => {
    const sources = {
      version: '1.2.3',
      status: () => new Play().status,
      unreaped: () => 0,
      logFile: () => ({ failing: false, lost: 0 }),
    };
    const { body } = await createMetrics(sources).render();
    const watched = [...body.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name);
    const known = new Set([...Object.keys(METRICS), ...watched, ...OF_PROMETHEUS]);
    for (const { title, expr } of QUERIES) {
      const names = metricsIn(expr);
      assert.ok(names.length > 0, `${title}: ${expr}`);
      for (const name of names) assert.ok(known.has(name.replace(/_(bucket|sum|count)$/, '')), `${title}: ${name}`);
    }
  });

  it('selects and sums by labels that the metrics have', () => {
    for (const { title, expr, legendFormat } of QUERIES) {
      const names = metricsIn(expr).map((name) => name.replace(/_(bucket|sum|count)$/, ''));
      const labels = names.flatMap((name) => [...(METRICS[name as keyof typeof METRICS]?.labels ?? [])]) as string[];
      const used = [
        ...[...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', ')),
        ...[...expr.matchAll(/(\w+)(=|!=|=~|!~)"/g)].map(([, label = '']) => label),
        ...[...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label),
      ];
      for (const label of used) {
        assert.ok([...labels, 'job', 'instance', 'le'].includes(label), `${title}: ${label} in ${expr}`);
      }
    }
  });

  it('says of each panel what it shows, and puts none upon another', () => {
    const taken = new Map<string, string>();
    for (const { title, description, gridPos } of DASHBOARD.panels) {
      assert.match(description, /\.$/, title);
      const { x, y, w, h } = gridPos;
      assert.ok(x + w <= COLUMNS, title);
      for (let cell = 0; cell < w * h; cell += 1) {
        const place = `${x + (cell % w)}/${y + Math.floor(cell / w)}`;
        assert.equal(taken.get(place), undefined, `${title} at ${place}`);
        taken.set(place, title);
      }
    }
    assert.equal(new Set(DASHBOARD.panels.map(({ id }) => id)).size, DASHBOARD.panels.length);
  });

  it('asks the data source that is chosen in it, which the provisioning brings', () => {
    assert.deepEqual(
      DASHBOARD.templating.list.map(({ name, type }) => [name, type]),
      [['datasource', 'datasource']],
    );
    for (const { title, datasource } of QUERIES) {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Grafana
      assert.deepEqual(datasource, { type: 'prometheus', uid: '${datasource}' }, title);
    }
    const { datasources } = parse(read('etc/grafana/provisioning/datasources/prometheus.yaml'));
    const { global } = parse(read('etc/prometheus/prometheus.yml'));
    const [{ type, jsonData }] = datasources;
    assert.deepEqual([type, jsonData.timeInterval], ['prometheus', global.scrape_interval]);
  });
});
