/** What comes from others: each package is pinned to its content, wanted for a reason, small, and runs nothing when it is installed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { read, section } from './support/documents.js';
import { PACKAGE_ROOT } from './support/package-root.js';

interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly allowScripts: Readonly<Record<string, boolean>>;
}

const manifest = JSON.parse(read('package.json')) as Manifest;
const lockText = read('package-lock.json');
const { packages } = JSON.parse(lockText) as { readonly packages: Readonly<Record<string, Locked>> };
const locked = Object.entries(packages).filter(([path]) => path !== '');

/** chDB names them for other platforms, but the registry has none of them: there is no content to pin, and nothing to install. */
const UNPUBLISHED = ['lib-darwin-arm64', 'lib-darwin-x64', 'lib-linux-arm64-gnu'].map(
  (name) => `node_modules/@chdb/${name}`,
);

describe('package-lock.json', () => {
  it('pins every package to its content', () => {
    const open = locked.filter(([, { integrity = '' }]) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity));
    assert.deepEqual(
      open.map(([path]) => path),
      UNPUBLISHED,
    );
    for (const [path, { dev, optional }] of open) assert.ok(dev && optional, path);
  });

  it('has each package that package.json names, at that version', () => {
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      assert.match(version, /^\d+\.\d+\.\d+$/, name);
      assert.equal(packages[`node_modules/${name}`]?.version, version, name);
    }
  });

  it('names no place to take a package from but the default registry', () => {
    for (const [path, { resolved }] of locked) {
      if (resolved !== undefined) assert.equal(new URL(resolved).host, 'registry.npmjs.org', path);
    }
    assert.deepEqual(
      lockText.match(/"(?:git\+|file:|https?:\/\/(?!registry\.npmjs\.org))[^"]*\.(?:git|tgz)[^"]*"/g),
      null,
    );
  });
});

describe('installing', () => {
  it('runs no script of a package', () => {
    const scripted = locked.filter(([, { hasInstallScript }]) => hasInstallScript);
    const names = scripted.map(([path]) => path.replace(/^.*node_modules\//, ''));
    assert.deepEqual(names.sort(), Object.keys(manifest.allowScripts).sort());
    assert.deepEqual(new Set(Object.values(manifest.allowScripts)), new Set([false]));
    assert.deepEqual(
      scripted.filter(([, { dev }]) => !dev),
      [],
    );
  });

  it('for production brings few packages, and little', () => {
    const paths = locked
      .filter(([path, { dev }]) => !dev && existsSync(join(PACKAGE_ROOT, path)))
      .map(([path]) => path);
    const [, count, megabytes] = /takes (\d+) packages of (\d+) MB/.exec(read('docs/operations.md')) ?? [];
    assert.equal(Number(count), paths.length, 'docs/operations.md says how many packages these are');
    const bytes = paths.map((path) => bytesBelow(join(PACKAGE_ROOT, path))).reduce((sum, each) => sum + each, 0);
    assert.ok(bytes < 20_000_000, `${bytes} bytes`);
    assert.ok(
      Math.abs(bytes / 1e6 - Number(megabytes)) <= 2,
      `docs/operations.md says ${megabytes} MB; it is ${bytes}`,
    );
  });
});

/** Of a package without those that lie in it. */
function bytesBelow(directory: string): number {
  return readdirSync(directory, { withFileTypes: true })
    .filter(({ name }) => name !== 'node_modules')
    .map((entry) => join(directory, entry.name))
    .reduce((sum, path) => {
      const stat = lstatSync(path);
      return sum + (stat.isDirectory() ? bytesBelow(path) : stat.size);
    }, 0);
}

it('Every dependency has its reason in docs/decisions.md, and every reason its dependency.', () => {
  const named = section('docs/decisions.md', 'Dependencies')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| package') && !line.startsWith('| -'))
    .flatMap((line) => (line.split('|')[1] ?? '').trim().split(', '));
  const isOneOf = (name: string, pattern: string) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
  const wanted = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
  assert.deepEqual(
    wanted.filter((name) => !named.some((pattern) => isOneOf(name, pattern))),
    [],
  );
  assert.deepEqual(
    named.filter((pattern) => !wanted.some((name) => isOneOf(name, pattern))),
    [],
  );
});

describe('scripts/audit.mjs', () => {
  /** A registry that knows one package, and says so much of advisories. */
  async function auditWith(t: TestContext, status: number, advisories: object) {
    const { version } = packages['node_modules/yaml'] as Locked;
    const registry = createServer((request, response) => {
      request.resume();
      const isQuestion = request.method === 'POST';
      const document = {
        name: 'yaml',
        'dist-tags': { latest: version },
        versions: { [version]: { name: 'yaml', version } },
      };
      response.writeHead(isQuestion ? status : 200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(isQuestion ? advisories : document));
    });
    registry.listen(0, '127.0.0.1');
    await once(registry, 'listening');
    const cache = mkdtempSync(join(tmpdir(), 'atd-audit-'));
    t.after(() => {
      registry.closeAllConnections();
      registry.close();
      rmSync(cache, { recursive: true, force: true });
    });
    const { port } = registry.address() as AddressInfo;
    const audit = spawn(process.execPath, [join(PACKAGE_ROOT, 'scripts/audit.mjs')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: cache,
        npm_config_cache: cache,
        npm_config_registry: `http://127.0.0.1:${port}/`,
      },
    });
    let output = '';
    for (const stream of [audit.stdout, audit.stderr]) stream.on('data', (text) => (output += String(text)));
    const [code] = (await once(audit, 'close')) as [number | null];
    return { code, output };
  }

  it('is content where the registry knows of nothing', async (t) => {
    const { code, output } = await auditWith(t, 200, {});
    assert.deepEqual([code, /^audit: no advisory for any of the \d+ packages/.test(output)], [0, true], output);
  });

  it('names the package and the advisory, and what to do', async (t) => {
    const advisory = {
      id: 1,
      url: 'https://example.com/1',
      title: 'Reads too much',
      severity: 'high',
      vulnerable_versions: '*',
    };
    const { code, output } = await auditWith(t, 200, {
      yaml: [{ ...advisory, cwe: [], cvss: { score: 0, vectorString: null } }],
    });
    assert.equal(code, 1, output);
    assert.match(output, /^audit: yaml \* \(high\): Reads too much \(https:\/\/example\.com\/1\)$/m);
    assert.match(output, /take a version without it/);
  });

  it('says that nothing is known where the registry does not answer', async (t) => {
    const { code, output } = await auditWith(t, 405, {});
    assert.equal(code, 69, output);
    assert.match(output, /^audit: the registry does not say .* nothing is known: .*405/m);
  });
});
