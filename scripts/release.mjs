/**
 * Makes a release of what is committed: an archive to install, packages for npm and Debian that need no network, a bill of materials,
 * and their checksums in release/VERSION/.
 *
 *   node scripts/release.mjs 1.2.3             then commits the version and tags v1.2.3; nothing is pushed
 *   node scripts/release.mjs 1.2.3 --dry-run   leaves the repository as it is
 *   --archive-only                             makes no packages for npm and Debian, which takes a while
 *   --node-modules DIR                         builds with these modules instead of installing the locked ones
 *
 * All is built and tried out in a directory of its own, so that a failure leaves neither a commit nor a tag behind. The exit
 * code is 0, 1 if the release cannot be made, or 64 for a wrong command line.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DEVELOPMENT, makePackage } from './packages.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NAME = 'atd-ingestion';
const EXIT_USAGE = 64;
/** `1.2.3` or `1.2.3-rc.1` */
const VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;
const DATE = /^\d{4}-\d\d-\d\d$/;
/** What the version is written in. */
const MANIFESTS = ['package.json', 'package-lock.json'];
/** What an installation runs, and what people read about it. */
const CONTENTS = [
  ...['bin', 'dist', 'etc', 'libexec', 'scripts/install.sh', 'atd-ingestion.service', ...MANIFESTS],
  ...['docs', 'README.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE'],
];
const FLAG = { type: 'boolean', default: false };
/** Those of an npm that runs this script would be taken for settings. */
const ENVIRONMENT = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));

class UsageError extends Error {}

/** Its output, trimmed. @throws Error with the command and what it printed */
function run(cwd, command, ...args) {
  try {
    const options = { cwd, env: ENVIRONMENT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 2 ** 28 };
    return execFileSync(command, args, options).trim();
  } catch (error) {
    const output = `${error.stdout ?? ''}${error.stderr ?? ''}`.trim();
    throw new Error(`\`${[command, ...args].join(' ')}\` failed in ${cwd}: ${output || error.message}`, {
      cause: error,
    });
  }
}

const git = (...args) => run(ROOT, 'git', ...args);

function hasChangelogEntry(changelog, version) {
  const [, ...sections] = changelog.split(/^## /m);
  const prefix = `[${version}] - `;
  return sections.some((section) => {
    const [heading, ...lines] = section.split('\n');
    const isOurs = heading.startsWith(prefix) && DATE.test(heading.slice(prefix.length));
    return isOurs && lines.some((line) => line.startsWith('- '));
  });
}

/** @throws Error that says what to do before there can be a release of that version */
function check(version) {
  const changes = git('status', '--porcelain');
  if (changes !== '') throw new Error(`the working tree is not clean: commit or stash these first\n${changes}`);
  if (git('tag', '--list', `v${version}`) !== '') throw new Error(`the tag v${version} exists: choose another version`);
  if (hasChangelogEntry(readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8'), version)) return;
  const heading = `## [${version}] - ${new Date().toISOString().slice(0, 10)}`;
  const advice = `write \`${heading}\` below \`## [Unreleased]\`, and commit it`;
  throw new Error(`CHANGELOG.md has no entry for ${version} with a date and an item: ${advice}`);
}

/** What is committed, with that version, built as for the image: without the tests. */
function build(tree, version, nodeModules) {
  const archive = `${tree}.tar`;
  git('archive', '--output', archive, 'HEAD');
  mkdirSync(tree);
  run(tree, 'tar', '--extract', '--file', archive);
  run(tree, 'npm', 'version', version, '--no-git-tag-version', '--allow-same-version', '--ignore-scripts');
  if (nodeModules === undefined) run(tree, 'npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund');
  else symlinkSync(resolve(nodeModules), join(tree, 'node_modules'));
  for (const project of ['tsconfig.build.json', 'tsconfig.page.json']) {
    run(tree, join('node_modules', '.bin', 'tsc'), '--project', project);
  }
  const bundlers = readdirSync(join(tree, 'scripts')).filter((name) => /^bundle-.*\.mjs$/.test(name));
  for (const name of bundlers) run(tree, process.execPath, join('scripts', name));
}

/**
 * Copies what is released. The package.json and the lock of an installation name only what runs: installing it asks for no
 * compiler and runs no script.
 */
function stage(tree, directory) {
  for (const name of CONTENTS) cpSync(join(tree, name), join(directory, name), { recursive: true });
  const manifest = JSON.parse(readFileSync(join(tree, 'package.json'), 'utf8'));
  for (const key of DEVELOPMENT) delete manifest[key];
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  run(directory, 'npm', 'install', '--package-lock-only', '--omit=dev', '--ignore-scripts', '--offline', '--no-audit');
}

/** In a fixed order, owned by root and with the time of the commit, whoever makes it. */
function pack(directory, version, archive) {
  const attributes = ['--owner=0', '--group=0', '--numeric-owner', '--mode=u+rw,go=rX', '--sort=name'];
  const name = `--transform=s,^${basename(directory)},${NAME}-${version},`;
  const time = `--mtime=${git('log', '-1', '--format=%cI')}`;
  const compress = '--use-compress-program=gzip -n';
  const from = ['--directory', join(directory, '..'), basename(directory)];
  run(ROOT, 'tar', '--create', '--file', archive, compress, ...attributes, name, time, ...from);
}

/** @throws Error where what is installed from the archive does not start */
function tryOut(archive, version, directory, nodeModules) {
  mkdirSync(directory);
  run(directory, 'tar', '--extract', '--file', archive, '--strip-components=1');
  if (nodeModules === undefined) run(directory, 'npm', 'ci', '--omit=dev', '--no-audit', '--no-fund');
  else symlinkSync(resolve(nodeModules), join(directory, 'node_modules'));
  const answer = run(directory, 'bin/atd-ingestion', '--version');
  if (answer !== version) throw new Error(`bin/atd-ingestion --version of the archive says ${answer}, not ${version}`);
  run(directory, 'bin/atd-ingestion', 'check-config', '--config', 'etc/atd-ingestion.yaml');
  run(directory, 'bin/as-cli', '--help');
}

/** @throws Error where what npm installs from the package, without a network and anything that it has kept, does not start */
function tryPackage(file, version, directory) {
  mkdirSync(directory);
  const alone = [
    `--prefix=${directory}`,
    `--cache=${join(directory, 'cache')}`,
    '--offline',
    '--no-audit',
    '--no-fund',
  ];
  run(directory, 'npm', 'install', '--global', ...alone, file);
  for (const name of [NAME, 'as-cli']) {
    const answer = run(directory, join('bin', name), '--version');
    if (answer !== version) throw new Error(`${name} --version of ${file} says ${answer}, not ${version}`);
  }
}

function hasDebianTools() {
  try {
    run(ROOT, 'dpkg-deb', '--version');
    return true;
  } catch {
    return false;
  }
}

/** @returns the files, by how they are to be installed without a network */
function makePackages(tree, version, temporary, output) {
  const npm = makePackage('npm', tree, output);
  tryPackage(npm, version, join(temporary, 'global'));
  if (hasDebianTools()) return [npm, makePackage('deb', tree, output)];
  console.log('no package for Debian was made, as dpkg-deb is missing here');
  return [npm];
}

function checksums(files) {
  const sum = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');
  return files.map((file) => `${sum(file)}  ${basename(file)}\n`).join('');
}

/** The files of the release, made in release/VERSION. */
function make(version, temporary, nodeModules, isArchiveOnly) {
  const [tree, staged] = [join(temporary, 'source'), join(temporary, NAME)];
  const output = join(ROOT, 'release', version);
  const archive = join(output, `${NAME}-${version}.tar.gz`);
  const materials = join(output, `${NAME}-${version}.cdx.json`);
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  build(tree, version, nodeModules);
  stage(tree, staged);
  pack(staged, version, archive);
  tryOut(archive, version, join(temporary, 'installed'), nodeModules);
  const sbom = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application'];
  writeFileSync(materials, `${run(staged, 'npm', ...sbom)}\n`);
  const packages = isArchiveOnly ? [] : makePackages(tree, version, temporary, output);
  const files = [archive, materials, ...packages];
  writeFileSync(join(output, 'SHA256SUMS'), checksums(files));
  return { tree, files: [...files, join(output, 'SHA256SUMS')] };
}

/** @throws Error where somebody committed or changed something while the release was built */
function commitAndTag(version, commit, tree) {
  if (git('rev-parse', 'HEAD') !== commit || git('status', '--porcelain') !== '') {
    throw new Error(`the working tree has changed since ${commit}, of which the release was built: run it again`);
  }
  for (const name of MANIFESTS) copyFileSync(join(tree, name), join(ROOT, name));
  if (git('status', '--porcelain') !== '') git('commit', '--message', `Release ${version}`, '--', ...MANIFESTS);
  git('tag', '--annotate', '--message', `${NAME} ${version}`, `v${version}`);
}

function main() {
  let options;
  try {
    const known = { 'dry-run': FLAG, 'archive-only': FLAG, 'node-modules': { type: 'string' } };
    options = parseArgs({ options: known, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error.message);
  }
  const { positionals, values } = options;
  const [version = ''] = positionals;
  if (positionals.length !== 1 || !VERSION.test(version)) {
    throw new UsageError(
      `one version like 1.2.3 is needed, not \`${positionals.join(' ')}\`: make release VERSION=1.2.3`,
    );
  }
  check(version);
  const commit = git('rev-parse', 'HEAD');
  const temporary = mkdtempSync(join(tmpdir(), 'atd-release-'));
  try {
    const { tree, files } = make(version, temporary, values['node-modules'], values['archive-only']);
    console.log(files.join('\n'));
    if (values['dry-run']) console.log('dry run: no commit, no tag');
    else {
      commitAndTag(version, commit, tree);
      console.log(`tagged v${version}; publish it by: git push origin HEAD v${version}`);
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

try {
  main();
} catch (error) {
  console.error(`release: ${error.message}`);
  process.exitCode = error instanceof UsageError ? EXIT_USAGE : 1;
}
