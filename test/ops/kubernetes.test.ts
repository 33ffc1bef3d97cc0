/** The manifests of etc/kubernetes: beside the settings that they have to outlast or to obey, and before the schemas of Kubernetes. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { loadConfig } from '../../lib/config/load.js';
import { SETTINGS } from '../../lib/config/schema.js';
import { read } from '../support/documents.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { installPackages, SANDBOX } from '../support/venv.js';
import { whyLeftOut } from './part.js';

const DIRECTORY = 'etc/kubernetes';
const manifest = (path: string) => parse(read(join(DIRECTORY, path)));
const deployment = manifest('base/deployment.yaml');
const pod = deployment.spec.template.spec;
const [container] = pod.containers;
const settings = manifest('base/atd-ingestion.yaml');

describe('etc/kubernetes', () => {
  it('has settings that load without a warning', (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'atd-kubernetes-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const file = join(directory, 'atd-ingestion.yaml');
    const password = join(directory, 'password');
    writeFileSync(password, 'secret');
    const clickhouse = { ...settings.clickhouse, password_file: password };
    writeFileSync(file, stringify({ ...settings, clickhouse }));
    const { config, warnings } = loadConfig({ file, env: {}, args: {} });
    assert.deepEqual(warnings, []);
    assert.deepEqual([config.http.host, config.clickhouse.password], ['0.0.0.0', 'secret']);
  });

  it('waits longer for a stop than a stop may take', () => {
    assert.ok(pod.terminationGracePeriodSeconds >= SETTINGS.service.shutdown.deadline_seconds.default + 10);
  });

  it('asks the probes of the service at its port, as does Prometheus', () => {
    const [port] = container.ports;
    assert.equal(port.containerPort, settings.http.port ?? SETTINGS.http.port.default);
    const served = read('lib/http/server.ts');
    for (const [probe, path] of [
      ['livenessProbe', '/livez'],
      ['readinessProbe', '/readyz'],
    ]) {
      assert.deepEqual(container[probe as string].httpGet, { path, port: port.name });
      assert.ok(served.includes(`'${path}'`), path);
    }
    const [published] = manifest('base/service.yaml').spec.ports;
    assert.deepEqual([published.name, published.targetPort], [port.name, port.name]);
    const [scraped] = manifest('prometheus/service-monitor.yaml').spec.endpoints;
    assert.deepEqual([scraped.port, scraped.path], [published.name, '/metrics']);
    const { scrape_configs: configs } = parse(read('etc/prometheus/prometheus.yml'));
    assert.equal(manifest('base/service.yaml').metadata.name, configs[0].job_name);
  });

  it('gives the service no rights, and no variables of other Services', () => {
    assert.deepEqual([pod.enableServiceLinks, pod.automountServiceAccountToken], [false, false]);
    const [user] = /(?<=^USER )\d+/m.exec(read('Dockerfile')) ?? [];
    assert.deepEqual([pod.securityContext.runAsNonRoot, pod.securityContext.runAsUser], [true, Number(user)]);
    assert.deepEqual(container.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it('mounts the settings, the password and the files where the service looks for them', () => {
    const names = pod.volumes.map(({ name }: { name: string }) => name);
    const paths = new Map<string, string>();
    for (const { name, mountPath } of container.volumeMounts) {
      assert.ok(names.includes(name), name);
      paths.set(name, mountPath);
    }
    const [, config = ''] = /^ENV ATD_CONFIG=(\S+)$/m.exec(read('Dockerfile')) ?? [];
    assert.equal(paths.get('settings'), dirname(config));
    assert.equal(paths.get('clickhouse'), dirname(settings.clickhouse.password_file));
    assert.deepEqual([paths.get('export')], settings.ingest.allowed_roots);
  });

  it('scales by the lag of the group that the service is in', () => {
    const { spec } = manifest('keda/scaled-object.yaml');
    assert.equal(spec.scaleTargetRef.name, deployment.metadata.name);
    const [{ metadata }] = spec.triggers;
    assert.equal(metadata.topic, SETTINGS.kafka.topic.default);
    assert.equal(metadata.consumerGroup, SETTINGS.kafka.group_id.default);
    assert.equal(metadata.offsetResetPolicy, SETTINGS.kafka.auto_offset_reset.default);
    assert.deepEqual(metadata.bootstrapServers.split(','), settings.kafka.bootstrap_servers);
  });
});

const KUSTOMIZE = 'sigs.k8s.io/kustomize/kustomize/v5@v5.7.1';
const VALIDATOR = 'kubernetes-validate==1.37.0';
/** The resources of the operators, which Kubernetes itself has no schema for. */
const MODELS: Readonly<Record<string, readonly [name: string, path: string]>> = {
  ScaledObject: ['@kubernetes-models/keda@2.0.0', 'keda.sh/v1alpha1'],
  ServiceMonitor: ['@kubernetes-models/prometheus-operator@6.0.0', 'monitoring.coreos.com/v1'],
};

interface Resource {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  // biome-ignore lint/suspicious/noExplicitAny: what a schema is asked about
  readonly spec: any;
}

describe('what kustomize makes of etc/kubernetes', { skip: whyLeftOut({ go: 'golang', python3: 'python3' }) }, () => {
  const bin = join(SANDBOX, 'kustomize-5.7.1');
  const models = join(SANDBOX, 'kubernetes-models');
  let python = '';
  const build = (path: string): readonly Resource[] => {
    const built = execFileSync(join(bin, 'kustomize'), ['build', join(PACKAGE_ROOT, path)], { encoding: 'utf8' });
    return parseAllDocuments(built).map((document) => document.toJS() as Resource);
  };
  before(() => {
    const env = { ...process.env, GOBIN: bin };
    if (!existsSync(bin)) execFileSync('go', ['install', KUSTOMIZE], { stdio: 'inherit', env });
    const installed = installPackages('kubernetes-validate-1.37.0', 'python3', [VALIDATOR]);
    assert.ok('python' in installed, JSON.stringify(installed));
    python = installed.python;
    if (existsSync(models)) return;
    const wanted = Object.values(MODELS).map(([name]) => name);
    const quietly = ['--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
    execFileSync('npm', ['install', '--prefix', models, ...quietly, ...wanted], { stdio: 'inherit' });
  });

  /** What Kubernetes' own schema says, which refuses what it does not know. */
  const complaints = (resources: readonly unknown[]): string => {
    const directory = mkdtempSync(join(tmpdir(), 'atd-kubernetes-'));
    try {
      const file = join(directory, 'resources.yaml');
      writeFileSync(file, resources.map((resource) => stringify(resource)).join('---\n'));
      const args = ['--strict', '--quiet', '--no-warn', file];
      const { status, stdout, stderr } = spawnSync(join(dirname(python), 'kubernetes-validate'), args, {
        encoding: 'utf8',
      });
      return status === 0 ? '' : stdout + stderr;
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
  /** What the operator's schema says of a resource, by an error. */
  const validate = async (resource: Resource): Promise<void> => {
    const [name = '', path = ''] = MODELS[resource.kind] ?? [];
    const place = join(models, 'node_modules', name.replace(/(?<=.)@.*/, ''), path, `${resource.kind}.js`);
    const { [resource.kind]: Model } = await import(pathToFileURL(place).href);
    new Model(resource).validate();
  };

  it('has all its parts, and each alone', () => {
    const base = ['ConfigMap', 'Deployment', 'PodDisruptionBudget', 'Service'];
    const kinds = (path: string) => build(path).map(({ kind }) => kind);
    assert.deepEqual(kinds(`${DIRECTORY}/base`).sort(), base);
    assert.deepEqual(kinds(DIRECTORY).sort(), [...base, 'ScaledObject', 'ServiceMonitor'].sort());
  });

  it('leaves the number of instances to KEDA where that is there, and rolls out a change of the settings', () => {
    const replicas = (path: string) => build(path).find(({ kind }) => kind === 'Deployment')?.spec.replicas;
    assert.deepEqual([replicas(`${DIRECTORY}/base`), replicas(DIRECTORY)], [2, undefined]);
    const all = build(DIRECTORY);
    const { name = '' } = all.find(({ kind }) => kind === 'ConfigMap')?.metadata ?? {};
    assert.match(name, /^atd-ingestion-\w+$/);
    const { volumes } = all.find(({ kind }) => kind === 'Deployment')?.spec.template.spec ?? {};
    assert.equal(volumes[0].configMap.name, name);
  });

  it('is what Kubernetes and the operators allow', async () => {
    const all = build(DIRECTORY);
    assert.equal(complaints(all.filter(({ kind }) => !(kind in MODELS))), '');
    for (const resource of all.filter(({ kind }) => kind in MODELS)) await validate(resource);
  });

  it('would be refused with a misspelt key or a wrong type', async () => {
    const of = (kind: string): Resource => {
      const found = build(DIRECTORY).find((resource) => resource.kind === kind);
      assert.ok(found !== undefined, kind);
      return found;
    };
    const misspelt = of('Deployment');
    misspelt.spec.template.spec.enableServiceLink = false;
    assert.match(complaints([misspelt]), /enableServiceLink/);
    const scaled = of('ScaledObject');
    scaled.spec.triggers[0].metadata.lagThreshold = 100;
    await assert.rejects(validate(scaled), /lagThreshold must be string/);
    const monitor = of('ServiceMonitor');
    monitor.spec.endpoints[0].interval = 15;
    await assert.rejects(validate(monitor), /interval/);
  });
});
