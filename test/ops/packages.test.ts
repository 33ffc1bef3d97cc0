/** The packages for npm and Debian, each installed as a user would, without a network: `npm run test:ops`. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { waitUntil } from '../support/processes.js';
import { Machine, whyNoMachine } from './machine.js';
import { whyLeftOut } from './part.js';

const { version, dependencies } = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
};
const STATE_MS = 60_000;

/** Without what an npm that runs these tests says to those below it, and without its cache. */
function run(directory: string, command: string, ...args: string[]): string {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  return execFileSync(command, args, { cwd: directory, env, encoding: 'utf8', maxBuffer: 2 ** 26 }).trim();
}

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'atd-packages-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function make(kind: 'npm' | 'deb', directory: string): string {
  return run(directory, process.execPath, join(PACKAGE_ROOT, 'scripts/packages.mjs'), kind, directory);
}

test('npm installs the package without a network and without a cache, and both programs start', {
  skip: whyLeftOut({ npm: 'npm' }),
}, (t) => {
  const directory = temporaryDirectory(t);
  const file = make('npm', directory);
  assert.equal(basename(file), `atd-ingestion-${version}.tgz`);
  const prefix = join(directory, 'prefix');
  mkdirSync(prefix);
  const alone = ['--offline', `--cache=${join(directory, 'cache')}`, '--registry=http://127.0.0.1:9/', '--no-audit'];
  run(directory, 'npm', 'install', '--global', `--prefix=${prefix}`, ...alone, file);
  for (const name of ['atd-ingestion', 'as-cli'])
    assert.equal(run(directory, join(prefix, 'bin', name), '--version'), version, name);
  assert.match(run(directory, join(prefix, 'bin/atd-ingestion'), 'check-config'), /# the configuration is valid$/);
  const page = readFileSync(join(prefix, 'share/man/man1/atd-ingestion.1'), 'utf8');
  assert.equal(page, readFileSync(join(PACKAGE_ROOT, 'etc/man/atd-ingestion.1'), 'utf8'));
  const installed = join(prefix, 'lib/node_modules/atd-ingestion');
  for (const name of Object.keys(dependencies)) assert.ok(existsSync(join(installed, 'node_modules', name)), name);
  for (const name of ['typescript', 'chdb', '@napi-rs'])
    assert.ok(!existsSync(join(installed, 'node_modules', name)), `${name} is not for this`);
  assert.ok(!existsSync(join(installed, 'dist/test')));
  assert.ok(existsSync(join(installed, 'dist/lib/page/served/page.js')));
});

/** Stands for the one that a machine has from elsewhere: that Debian's own is too old. */
function nodePackage(directory: string): string {
  const root = join(directory, 'nodejs');
  mkdirSync(join(root, 'DEBIAN'), { recursive: true });
  const lines = [
    'Package: nodejs',
    `Version: ${process.versions.node}`,
    'Architecture: all',
    'Maintainer: a test <t@localhost>',
  ];
  writeFileSync(join(root, 'DEBIAN/control'), `${lines.join('\n')}\nDescription: what is in /usr/local/bin\n`);
  run(directory, 'dpkg-deb', '--root-owner-group', '--build', root, join(directory, 'nodejs.deb'));
  return join(directory, 'nodejs.deb');
}

test('dpkg installs, upgrades and removes the package on a Debian with systemd', {
  skip:
    whyNoMachine() ||
    whyLeftOut({ 'dpkg-deb': 'dpkg', 'systemd-nspawn': 'systemd-container', debootstrap: 'debootstrap' }),
}, async (t) => {
  const directory = temporaryDirectory(t);
  const file = make('deb', directory);
  assert.equal(basename(file), `atd-ingestion_${version.replace('-', '~')}_all.deb`);
  const contents = `${run(directory, 'dpkg-deb', '--contents', file)}\n`;
  const place = '/usr/lib/atd-ingestion/share/man/man1/atd-ingestion.1';
  assert.ok(contents.includes(` ./usr/share/man/man1/atd-ingestion.1 -> ${place}\n`), contents);
  assert.ok(contents.includes(` .${place}\n`), contents);
  const machine = await Machine.boot(t);
  const copy = (path: string) => execFileSync('cp', [path, join(machine.root, 'opt')]);
  copy(file);
  const deb = `/opt/${basename(file)}`;
  const refused = await machine.try('dpkg', '--install', deb);
  assert.match(refused.error ?? '', /depends on nodejs/);
  copy(nodePackage(directory));
  await machine.run('dpkg', '--install', '/opt/nodejs.deb', deb);
  assert.equal((await machine.run('atd-ingestion', '--version')).trim(), version);
  assert.match(await machine.run('id', 'atd-ingestion'), /uid=\d+\(atd-ingestion\)/);
  assert.equal(await machine.run('systemd-analyze', 'verify', '--man=no', 'atd-ingestion.service'), '');
  // Without a broker it goes on starting, and is the new one after an upgrade.
  await machine.run('systemctl', 'start', '--no-block', 'atd-ingestion');
  const pidOf = async () => (await machine.show('atd-ingestion', 'MainPID'))['MainPID'] ?? '0';
  await waitUntil(async () => (await pidOf()) !== '0', STATE_MS, 'the service to run');
  const before = await pidOf();
  machine.write('etc/atd-ingestion/atd-ingestion.yaml', 'kafka: { topic: mine }\n');
  await machine.run('dpkg', '--force-confdef', '--force-confold', '--install', deb);
  await waitUntil(async () => !['0', before].includes(await pidOf()), STATE_MS, 'the upgraded service to run');
  const settings = join(machine.root, 'etc/atd-ingestion/atd-ingestion.yaml');
  assert.equal(readFileSync(settings, 'utf8'), 'kafka: { topic: mine }\n');
  await machine.run('dpkg', '--remove', 'atd-ingestion');
  assert.equal(await pidOf(), '0');
  assert.ok(existsSync(settings), 'settings stay');
  for (const link of ['bin/atd-ingestion', 'share/man/man1/atd-ingestion.1'])
    assert.throws(() => lstatSync(join(machine.root, 'usr', link)), { code: 'ENOENT' });
  await machine.run('dpkg', '--purge', 'atd-ingestion');
  assert.ok(!existsSync(settings));
  assert.ok(!existsSync(join(machine.root, 'usr/lib/atd-ingestion')));
});
