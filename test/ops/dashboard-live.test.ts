/** Each query of the Grafana dashboard, before a Prometheus that watches a service which loads: `npm run test:ops`. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { quietPort } from '../sandbox/ports.js';
import { produce } from '../sandbox/topics.js';
import { read } from '../support/documents.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { waitUntil } from '../support/processes.js';
import { createPlace, type ServiceProcess, startService, writeScript } from '../support/service-process.js';
import { QUERIES } from './dashboard.js';
import { whyLeftOut } from './part.js';

/** Grafana makes it of the time between two scrapes; here it holds all that the test does, on the slowest machine. */
const RATE_INTERVAL = '1h';
const SERIES_MS = 60_000;
const skip = whyLeftOut({ prometheus: 'prometheus' });

type Series = readonly { readonly value: readonly [time: number, value: string] }[];

/** Prometheus with the configuration of etc/prometheus, but for the address of the service and the time between two looks. */
async function startPrometheus(
  t: TestContext,
  directory: string,
  service: ServiceProcess,
): Promise<(query: string) => Promise<Series>> {
  const config = parse(read('etc/prometheus/prometheus.yml'));
  config.global = { scrape_interval: '1s', evaluation_interval: '1s' };
  config.rule_files = config.rule_files.map((file: string) => join(PACKAGE_ROOT, 'etc/prometheus', file));
  config.scrape_configs[0].static_configs[0].targets = [new URL(service.http).host];
  const file = join(directory, 'prometheus.yml');
  writeFileSync(file, stringify(config));
  const data = join(directory, 'prometheus');
  mkdirSync(data);
  const address = `127.0.0.1:${await quietPort()}`;
  const args = [`--config.file=${file}`, `--storage.tsdb.path=${data}`, `--web.listen-address=${address}`];
  const prometheus = spawn('prometheus', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  prometheus.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-4_096);
  });
  const ended = once(prometheus, 'exit');
  t.after(async () => {
    prometheus.kill('SIGKILL');
    await ended;
  });
  return async (query) => {
    assert.equal(prometheus.exitCode, null, said);
    const answer = await fetch(`http://${address}/api/v1/query?query=${encodeURIComponent(query)}`);
    const { status, data, error } = (await answer.json()) as {
      readonly status: string;
      readonly data: { readonly result: Series };
      readonly error: string;
    };
    assert.equal(status, 'success', `${query}: ${error}`);
    return data.result;
  };
}

test('every query of the dashboard has a series', { skip }, async (t) => {
  const place = await createPlace(t);
  const service = await startService(t, place, { service: { retry: { max_attempts: 1 } } });
  const ask = await startPrometheus(t, place.directory, service);
  const has = async (query: string): Promise<boolean> => {
    const series = await ask(query.replaceAll('$__rate_interval', RATE_INTERVAL));
    return series.some(({ value: [, value] }) => value !== 'NaN');
  };
  const [good, bad] = [writeScript(place, 'good', 'exit 0'), writeScript(place, 'bad', 'exit 1')];
  const loadAll = async (round: number): Promise<void> => {
    const messages = [good, bad].map((filename) => ({ value: JSON.stringify({ filename, tenant: 'acme' }) }));
    await produce(place.kafka.brokers, place.topic, messages);
    await service.seen('letter.sent', round, SERIES_MS);
    await service.seen('job.loaded', round, SERIES_MS);
    for (const series of ['atd_jobs_total{outcome="succeeded"}', 'atd_dead_letters_total']) {
      await waitUntil(() => has(`sum(${series}) >= ${round}`), SERIES_MS, `${series} to be scraped`);
    }
  };
  // A rate is of what comes after the first look at a series.
  await loadAll(1);
  await loadAll(2);
  for (const { title, expr } of QUERIES) {
    await waitUntil(() => has(expr), SERIES_MS, `a series for ${title}: ${expr}`);
  }
  // Each of the recording rules, too.
  const { groups } = parse(read('etc/prometheus/recording-rules.yml')) as {
    readonly groups: readonly { readonly rules: readonly { readonly record: string }[] }[];
  };
  for (const { record } of groups.flatMap(({ rules }) => rules)) {
    await waitUntil(async () => (await ask(record)).length > 0, SERIES_MS, `a series of ${record}`);
  }
  assert.equal(await service.stop(), 0);
});
