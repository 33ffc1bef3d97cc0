/** compose.yaml: what it says of itself, and what compose-go, with which `docker compose` reads such files, makes of it. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { SETTINGS } from '../../lib/config/schema.js';
import { read } from '../support/documents.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { whyLeftOut } from './part.js';

interface Service {
  readonly profiles?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: object;
}

const COMPOSE = read('compose.yaml');
const { services } = parse(COMPOSE) as { readonly services: Readonly<Record<string, Service>> };
/** What stands in the image's own Dockerfile, not in compose.yaml. */
const HEALTH_OF_IMAGE = ['atd-ingestion'];

/** Of the mounted directories and files of this project, where they are here and in the container. */
function mountsOf(service: string): Map<string, string> {
  const volumes = (services[service]?.volumes ?? []).filter((volume) => volume.startsWith('./'));
  return new Map(volumes.map((volume) => volume.split(':').slice(0, 2) as [string, string]));
}

describe('compose.yaml', () => {
  it('mounts what there is, and publishes ports to this machine alone', () => {
    for (const [name, { ports = [] }] of Object.entries(services)) {
      for (const source of mountsOf(name).keys()) assert.ok(existsSync(join(PACKAGE_ROOT, source)), source);
      for (const port of ports) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/, name);
    }
  });

  it('waits for the health of what has one', () => {
    const awaited = Object.values(services).flatMap(({ depends_on: needed = {} }) => Object.entries(needed));
    assert.ok(awaited.length > 0);
    for (const [name, { condition }] of awaited) {
      assert.equal(condition, 'service_healthy');
      assert.ok(services[name]?.healthcheck !== undefined || HEALTH_OF_IMAGE.includes(name), name);
    }
  });

  it('starts Prometheus and Grafana only in the profile observability', () => {
    const profiles = Object.entries(services).map(([name, { profiles: own = [] }]) => [name, own.join()]);
    assert.deepEqual(Object.fromEntries(profiles), {
      'atd-ingestion': '',
      kafka: '',
      clickhouse: '',
      prometheus: 'observability',
      grafana: 'observability',
    });
  });

  it('has Prometheus watch the service, and Grafana find Prometheus and the dashboard', () => {
    const { scrape_configs: scraped } = parse(read('etc/prometheus/prometheus.docker.yml'));
    const [{ names, port }] = scraped[0].dns_sd_configs;
    assert.deepEqual([names, port], [['atd-ingestion'], SETTINGS.http.port.default]);
    assert.equal(scraped[0].job_name, parse(read('etc/prometheus/prometheus.yml')).scrape_configs[0].job_name);
    const { datasources } = parse(read('etc/grafana/provisioning/datasources/prometheus.yaml'));
    const { hostname, port: asked } = new URL(datasources[0].url);
    assert.ok(services[hostname]?.ports?.some((published) => published.endsWith(`:${asked}`)));
    const { providers } = parse(read('etc/grafana/provisioning/dashboards/atd-ingestion.yaml'));
    const mounts = mountsOf('grafana');
    assert.equal(mounts.get('./etc/grafana/dashboards'), providers[0].options.path);
    assert.equal(mounts.get('./etc/grafana/provisioning'), '/etc/grafana/provisioning');
  });
});

const PARSER = join(PACKAGE_ROOT, '.sandbox', 'compose-go');

describe('compose.yaml before compose-go', { skip: whyLeftOut({ go: 'golang' }) }, () => {
  const parsed = (
    text: string,
  ): { readonly status: number | null; readonly stdout: string; readonly stderr: string } => {
    const directory = mkdtempSync(join(tmpdir(), 'atd-compose-'));
    try {
      const file = join(directory, 'compose.yaml');
      writeFileSync(file, text);
      return spawnSync(PARSER, [file], { cwd: directory, encoding: 'utf8' });
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
  before(() => {
    const cwd = join(PACKAGE_ROOT, 'test/fixtures/compose-go');
    execFileSync('go', ['build', '-o', PARSER, '.'], { cwd, stdio: 'inherit' });
  });

  it('is what the specification allows, with all its services', () => {
    const { status, stdout, stderr } = parsed(COMPOSE);
    assert.equal(status, 0, stderr);
    const found = JSON.parse(stdout) as { readonly services: object };
    assert.deepEqual(Object.keys(found.services).sort(), Object.keys(services).sort());
  });

  it('would be refused with a misspelt key, a wrong type, a volume that is not declared or a service that is not there', () => {
    for (const [from, to, reason] of [
      ['pids_limit:', 'pids_limt:', /pids_limt/],
      ['read_only: true', 'read_only: [true]', /read_only/],
      ['- data:/data', '- dta:/data', /undefined volume dta/],
      ['      kafka:\n        condition', '      kafak:\n        condition', /kafak/],
    ] as const) {
      assert.ok(COMPOSE.includes(from));
      const { status, stdout, stderr } = parsed(COMPOSE.replace(from, to));
      assert.notEqual(status, 0, to);
      assert.match(stdout + stderr, reason);
    }
  });
});
