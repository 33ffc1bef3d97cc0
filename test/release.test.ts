/** A release, made by scripts/release.mjs in a repository of its own that holds the project as it is now. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { read } from './support/documents.js';
import { PACKAGE_ROOT } from './support/package-root.js';

const VERSION = '98.7.6';
const NODE_MODULES = join(PACKAGE_ROOT, 'node_modules');
/** Without what a git hook would say of the project's own repository. */
const ENV = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_'))),
  GIT_AUTHOR_NAME: 'Releaser',
  GIT_AUTHOR_EMAIL: 'releaser@example.com',
  GIT_COMMITTER_NAME: 'Releaser',
  GIT_COMMITTER_EMAIL: 'releaser@example.com',
};

function run(cwd: string, command: string, ...args: string[]): string {
  return execFileSync(command, args, { cwd, env: ENV, encoding: 'utf8' }).trim();
}

const isRepository = spawnSync('git', ['-C', PACKAGE_ROOT, 'rev-parse'], { stdio: 'ignore' }).status === 0;

describe('scripts/release.mjs', { skip: isRepository ? false : 'the project is not in a git repository' }, () => {
  let directory: string;
  let repository: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'atd-release-test-'));
    repository = join(directory, 'repository');
    mkdirSync(repository);
    const list = run(PACKAGE_ROOT, 'git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard');
    const files = list.split('\0').filter((path) => path !== '' && existsSync(join(PACKAGE_ROOT, path)));
    for (const path of files) cpSync(join(PACKAGE_ROOT, path), join(repository, path));
    git('init', '--quiet');
    // What follows commits and tags: nowhere else than here.
    assert.equal(git('rev-parse', '--show-toplevel'), realpathSync(repository));
    commitAll('The project');
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  function git(...args: string[]): string {
    return run(repository, 'git', ...args);
  }

  function commitAll(message: string): void {
    git('add', '--all');
    git('commit', '--quiet', '--message', message);
  }

  function release(...args: string[]): { readonly status: number | null; readonly output: string } {
    const script = join(repository, 'scripts/release.mjs');
    // The packages are tried in test/ops.
    const all = [script, ...args, '--node-modules', NODE_MODULES, '--archive-only'];
    const { status, stdout, stderr } = spawnSync(process.execPath, all, { env: ENV, encoding: 'utf8' });
    return { status, output: `${stdout}${stderr}` };
  }

  /** What a release that fails, or a dry run, must leave as it is. */
  function history(): string[] {
    return [git('rev-parse', 'HEAD'), git('tag', '--list'), git('status', '--porcelain')];
  }

  function addChangelogEntry(...lines: string[]): void {
    const path = join(repository, 'CHANGELOG.md');
    const changelog = readFileSync(path, 'utf8');
    writeFileSync(path, changelog.replace('## [Unreleased]\n', ['## [Unreleased]', '', ...lines, ''].join('\n')));
  }

  it('refuses a command line without one version, and says how it should be', () => {
    for (const args of [[], ['1.2'], ['v1.2.3'], ['1.2.3', '1.2.4'], ['1.2.3', '--fast']]) {
      const { status, output } = release(...args);
      assert.equal(status, 64, args.join(' '));
      assert.match(output, /^release: .+/);
    }
  });

  it('refuses a version that the changelog does not have', () => {
    const before = history();
    assert.match(
      release(VERSION).output,
      new RegExp(`CHANGELOG\\.md has no entry for ${VERSION}.*\`## \\[${VERSION}\\] - `),
    );
    addChangelogEntry(`## [${VERSION}] - 2026-01-02`, '', '## [98.7.5] - 2026-01-01');
    commitAll('Say nothing of the new version');
    const { status, output } = release(VERSION);
    assert.equal(status, 1);
    assert.match(output, /no entry/);
    git('reset', '--quiet', '--hard', before[0] ?? '');
    assert.deepEqual(history(), before);
  });

  it('refuses changes that are not committed', () => {
    addChangelogEntry(`## [${VERSION}] - 2026-01-02`, '', '### Added', '', '- A thing.');
    const { status, output } = release(VERSION);
    assert.equal(status, 1);
    assert.match(output, /not clean: .*\n ?M CHANGELOG\.md/);
    commitAll('Write the changelog of the new version');
  });

  it('refuses a version that is tagged already', () => {
    git('tag', 'v98.7.5');
    addChangelogEntry('## [98.7.5] - 2026-01-01', '', '- Another thing.');
    commitAll('Write the changelog of the former version');
    const { status, output } = release('98.7.5');
    assert.equal(status, 1);
    assert.match(output, /tag v98\.7\.5 exists/);
  });

  it('leaves no commit and no tag in a dry run, nor where the build fails', () => {
    const before = history();
    const { status, output } = release(VERSION, '--dry-run');
    assert.equal(status, 0, output);
    assert.deepEqual(history(), before);

    writeFileSync(join(repository, 'lib/errors.ts'), 'this does not compile;\n');
    commitAll('Break it');
    const broken = history();
    assert.equal(release(VERSION).status, 1);
    assert.deepEqual(history(), broken);
    git('reset', '--quiet', '--hard', before[0] ?? '');
  });

  describe('makes', () => {
    const name = `atd-ingestion-${VERSION}`;
    let output: string;
    let installed: string;

    before(() => {
      const { status, output: text } = release(VERSION);
      assert.equal(status, 0, text);
      output = join(repository, 'release', VERSION);
      run(directory, 'tar', '--extract', '--file', join(output, `${name}.tar.gz`));
      installed = join(directory, name);
    });

    it('a commit of the version and a tag at it', () => {
      assert.equal(git('log', '-1', '--format=%s'), `Release ${VERSION}`);
      assert.equal(git('diff', '--name-only', 'HEAD~1'), 'package-lock.json\npackage.json');
      assert.equal(git('rev-parse', `v${VERSION}^{commit}`), git('rev-parse', 'HEAD'));
      assert.equal(git('cat-file', '-t', `v${VERSION}`), 'tag');
      assert.equal(git('status', '--porcelain'), '');
      assert.match(git('show', 'HEAD:package.json'), new RegExp(`"version": "${VERSION}"`));
    });

    it('checksums that hold, of all that it makes', () => {
      const sums = readFileSync(join(output, 'SHA256SUMS'), 'utf8').trim().split('\n').sort();
      const files = readdirSync(output).filter((file) => file !== 'SHA256SUMS');
      const expected = files.map((file) => {
        const sum = createHash('sha256')
          .update(readFileSync(join(output, file)))
          .digest('hex');
        return `${sum}  ${file}`;
      });
      assert.deepEqual(sums, expected.sort());
      assert.deepEqual(files.sort(), [`${name}.cdx.json`, `${name}.tar.gz`]);
    });

    it("an archive of one directory, root's, without tests, sources and modules", () => {
      const lines = run(
        directory,
        'tar',
        '--list',
        '--verbose',
        '--numeric-owner',
        '--file',
        join(output, `${name}.tar.gz`),
      );
      const entries = lines.split('\n').map((line) => line.split(/\s+/));
      assert.ok(entries.length > 100);
      assert.deepEqual(
        entries.filter(([, owner, , , , path = '']) => owner !== '0/0' || !path.startsWith(`${name}/`)),
        [],
      );
      assert.deepEqual(
        readdirSync(join(installed, 'dist')).filter((entry) => !entry.startsWith('as-cli.')),
        ['lib'],
      );
      const top = ['bin', 'dist', 'docs', 'etc', 'libexec', 'CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md'];
      const rest = ['atd-ingestion.service', 'package-lock.json', 'package.json', 'scripts'];
      assert.deepEqual(readdirSync(installed).sort(), [...top, ...rest].sort());
    });

    it('a package that asks for nothing of what the development needs', () => {
      const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
      const lock = JSON.parse(readFileSync(join(installed, 'package-lock.json'), 'utf8'));
      const { dependencies } = JSON.parse(read('package.json'));
      assert.equal(manifest.version, VERSION);
      assert.deepEqual(manifest.dependencies, dependencies);
      assert.deepEqual(
        Object.keys(manifest).filter((key) => /scripts$|^dev/i.test(key)),
        [],
      );
      const packages = Object.entries<{ dev?: boolean; version: string }>(lock.packages);
      assert.equal(lock.packages[''].version, VERSION);
      assert.deepEqual(
        packages.filter(([, { dev }]) => dev),
        [],
      );
      for (const dependency of Object.keys(dependencies)) assert.ok(`node_modules/${dependency}` in lock.packages);
    });

    it('a bill of materials in CycloneDX that names what runs, and nothing of the development', () => {
      const sbom = JSON.parse(readFileSync(join(output, `${name}.cdx.json`), 'utf8'));
      const { dependencies, devDependencies } = JSON.parse(read('package.json'));
      const purls: string[] = sbom.components.map(({ purl }: { purl: string }) => purl);
      const isNamed = ([dependency, version]: [string, unknown]) =>
        purls.includes(`pkg:npm/${dependency.replace('@', '%40')}@${version}`);
      assert.equal(sbom.bomFormat, 'CycloneDX');
      assert.equal(sbom.metadata.component.purl, `pkg:npm/atd-ingestion@${VERSION}`);
      assert.deepEqual(
        Object.entries(dependencies).filter((entry) => !isNamed(entry)),
        [],
      );
      assert.deepEqual(Object.entries(devDependencies).filter(isNamed), []);
    });

    it('an installation that starts', () => {
      symlinkSync(NODE_MODULES, join(installed, 'node_modules'));
      assert.equal(run(installed, 'bin/atd-ingestion', '--version'), VERSION);
    });
  });
});
