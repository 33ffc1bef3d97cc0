/** Each version of what the project is built and tested with stands in one place; where it is said again, both agree. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { read } from './support/documents.js';
import { PACKAGE_ROOT } from './support/package-root.js';

interface Package {
  readonly engines: { readonly node: string };
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(read('package.json')) as Package;
const lock = JSON.parse(read('package-lock.json')) as {
  readonly packages: Readonly<Record<string, { readonly version: string }>>;
};
const compose = parseYaml(read('compose.yaml')) as { readonly services: Readonly<Record<string, { image: string }>> };
const oldestNode = manifest.engines.node.replace('>=', '');
const sandboxKafka = /<kafka\.version>(.*)<\/kafka\.version>/.exec(read('test/sandbox/pom.xml'))?.[1] ?? '';

/** As many of its numbers, from the left. */
function shortened(version: string, numbers: number): string {
  return version.split('.').slice(0, numbers).join('.');
}

/** What scripts/ci-matrix.mjs answers. */
function matrix(...args: string[]): {
  readonly status: number | null;
  readonly lines: string[];
  readonly error: string;
} {
  const script = join(PACKAGE_ROOT, 'scripts/ci-matrix.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
  return { status, lines: stdout.trim().split('\n'), error: stderr };
}

/** The versions of one program in the lines of the matrix: each once, in ascending order. */
function versionsOf(program: 'Node' | 'Kafka', lines: readonly string[]): string[] {
  const all = lines.flatMap((line) => new RegExp(`${program} ([\\d.]+)`).exec(line)?.[1] ?? []);
  return [...new Set(all)].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/** `20, 22 and 24` */
function enumeration(items: readonly string[]): string {
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

/** The project's own text files: what git ignores, and the lock, which npm keeps, are left out. */
function textFiles(): string[] {
  const topLevel = readdirSync(PACKAGE_ROOT, { withFileTypes: true }).filter((entry) => entry.isFile());
  const folders = ['.ci', 'bin', 'docs', 'etc', 'lib', 'libexec', 'scripts', 'test'].flatMap((folder) =>
    readdirSync(join(PACKAGE_ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(PACKAGE_ROOT.length + 1)),
  );
  return [...topLevel.map(({ name }) => name).filter((name) => name !== 'package-lock.json'), ...folders].sort();
}

describe('the version', () => {
  it('of each dependency is exact', () => {
    const inexact = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
    );
    assert.deepEqual(inexact, []);
  });

  it('of compiler, linter and Kafka is written in one file, and that of the Kafka beside it in compose.yaml', () => {
    const files = textFiles().map((path) => [path, read(path)] as const);
    const places = (version: string) => files.filter(([, text]) => text.includes(version)).map(([path]) => path);
    assert.deepEqual(places(manifest.devDependencies['typescript'] ?? ''), ['package.json']);
    assert.deepEqual(places(manifest.devDependencies['@biomejs/biome'] ?? ''), ['package.json']);
    assert.deepEqual(places(sandboxKafka), ['compose.yaml', 'test/sandbox/pom.xml']);
    assert.equal(compose.services['kafka']?.image, `apache/kafka:${sandboxKafka}`);
  });

  it('of the linter is that of the schema of its settings', () => {
    const { $schema } = JSON.parse(read('biome.json')) as { readonly $schema: string };
    assert.ok($schema.startsWith('./node_modules/@biomejs/biome/') && existsSync(join(PACKAGE_ROOT, $schema)), $schema);
  });

  it('of ClickHouse is the same in compose.yaml as in the engine of the tests', () => {
    const engine = lock.packages['node_modules/@chdb/lib-linux-x64-gnu']?.version ?? '';
    assert.equal(compose.services['clickhouse']?.image, `clickhouse/clickhouse-server:${shortened(engine, 2)}`);
  });

  it('of the oldest Node is the one that people read of, and whose types the compiler knows', () => {
    for (const path of ['README.md', 'docs/operations.md']) {
      const named = [...read(path).matchAll(/Node(?:\.js)? ([\d.]+) or newer/g)].map((match) => match[1]);
      assert.deepEqual(named, [oldestNode], path);
    }
    assert.equal(shortened(manifest.devDependencies['@types/node'] ?? '', 2), oldestNode);
  });

  it('of the image is one that is tested, for both of its stages', () => {
    const dockerfile = read('Dockerfile');
    // An example of another name for it counts as well.
    const tags = [...new Set([...dockerfile.matchAll(/\bnode:(\d+)-/g)].map((match) => match[1] ?? ''))];
    const stages = [...dockerfile.matchAll(/^FROM (\S+) AS (\S+)/gm)];
    const names = stages.map(([, , name]) => name);
    const bases = stages.map(([, base]) => base).filter((base) => !names.includes(base));
    const tested = versionsOf('Node', matrix('--list').lines).map((version) => shortened(version, 1));
    assert.ok(tags.length === 1 && tested.includes(tags[0] ?? ''), tags.join());
    assert.deepEqual(bases, ['$NODE_IMAGE', '$NODE_IMAGE']);
  });
});

describe('scripts/ci-matrix.mjs', () => {
  it('runs what docs/operations.md promises, from the oldest Node on', () => {
    const { lines } = matrix('--list');
    const nodes = versionsOf('Node', lines).map((version) => shortened(version, 1));
    const kafkas = versionsOf('Kafka', lines).map((version) => shortened(version, 2));
    assert.ok(lines.includes(`Node ${oldestNode}.0, Kafka ${sandboxKafka}`), lines.join());
    const promise = `the tests pass with ${enumeration(nodes)}, and with Apache Kafka ${enumeration(kafkas)}.`;
    assert.ok(read('docs/operations.md').replaceAll('\n', ' ').includes(promise), promise);
  });

  it('knows the versions that examples name', () => {
    const kafkas = versionsOf('Kafka', matrix('--list').lines);
    const named = ['README.md', 'CONTRIBUTING.md'].flatMap((path) =>
      [...read(path).matchAll(/SANDBOX_KAFKA=([\d.]+)/g)].map((match) => match[1] ?? ''),
    );
    assert.ok(named.length > 0);
    for (const version of named) assert.ok(kafkas.includes(version), version);
  });

  it('runs the unit tests once for each Node', () => {
    const nodes = versionsOf('Node', matrix('--list').lines);
    assert.deepEqual(
      matrix('--list', '--local').lines,
      nodes.map((version) => `Node ${version}`),
    );
  });

  it('runs any pair that is asked for', () => {
    const { lines } = matrix('--list', '--node', '22', '--kafka', '3.9');
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /^Node 22\.\S+, Kafka 3\.9\.\d+$/);
  });

  it('refuses a version that it does not have, and names those that it has', () => {
    const { status, error } = matrix('--list', '--kafka', '0.8');
    assert.equal(status, 64);
    assert.match(error, new RegExp(`--kafka 0.8: the matrix has .*\\b${sandboxKafka}\\b`));
  });
});
