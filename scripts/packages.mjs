/**
 * Packages of what is built here, each with all that it runs, so that it is installed without a network:
 *
 *   node scripts/packages.mjs npm DIR    DIR/atd-ingestion-1.2.3.tgz, for `npm install --global`
 *   node scripts/packages.mjs deb DIR    DIR/atd-ingestion_1.2.3_all.deb, for Debian and its like; needs dpkg-deb
 *
 * It prints the file that it has made. The exit code is 0, 1 if none could be made, or 64 for a wrong command line.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NAME = 'atd-ingestion';
const EXIT_USAGE = 64;
/** What an installation runs, and what people read about it. */
const CONTENTS = [
  ...['bin', 'dist/lib', 'etc', 'libexec', 'scripts/install.sh', 'atd-ingestion.service', 'package-lock.json'],
  ...['docs', 'README.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE'],
];
/** What package.json says for the development alone. */
export const DEVELOPMENT = ['scripts', 'devDependencies', 'allowScripts'];
/** Of the loader's compiled code each belongs to one version of Node on one kind of processor. */
const LOADER = /^as-cli\.(js|v[\d.]+-\w+\.cache)$/;
/** Those of an npm that runs this script would be taken for settings. */
const ENVIRONMENT = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));

function run(cwd, command, args, environment = {}) {
  const env = { ...ENVIRONMENT, ...environment };
  return execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

/**
 * Copies what is installed from a tree that is built and has its modules. Those that only some platforms have are left out, as
 * the package is for all; nothing of ours needs them.
 */
function stage(tree, directory) {
  for (const name of CONTENTS) cpSync(join(tree, name), join(directory, name), { recursive: true });
  for (const name of readdirSync(join(tree, 'dist')).filter((file) => LOADER.test(file)))
    cpSync(join(tree, 'dist', name), join(directory, 'dist', name));
  const { packages } = JSON.parse(readFileSync(join(tree, 'package-lock.json'), 'utf8'));
  const needed = Object.entries(packages).filter(([path, { dev, optional }]) => path !== '' && !dev && !optional);
  for (const [path] of needed) {
    const isNested = (source) => !source.slice(join(tree, path).length).includes('node_modules');
    cpSync(join(tree, path), join(directory, path), { recursive: true, dereference: true, filter: isNested });
  }
  const manifest = JSON.parse(readFileSync(join(tree, 'package.json'), 'utf8'));
  for (const key of DEVELOPMENT) delete manifest[key];
  manifest.bundleDependencies = Object.keys(manifest.dependencies);
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest.version;
}

/** @returns the file */
function npmPackage(tree, directory, output) {
  const staged = join(directory, NAME);
  stage(tree, staged);
  return join(output, run(staged, 'npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', output]));
}

const PREFIX = `/usr/lib/${NAME}`;
const PLACES = { PREFIX, UNITS: '/usr/lib/systemd/system', COMMANDS: '/usr/bin', MANUALS: '/usr/share/man' };
const CONFFILES = [`/etc/${NAME}/${NAME}.yaml`, `/etc/${NAME}/example-schema.json`];
const USER = `u ${NAME} - "ATD Ingestion" /var/lib/${NAME} /usr/sbin/nologin\n`;

/** `1.2.3-rc.1` comes before `1.2.3` in Debian too, where it is written with a tilde. */
const debianVersion = (version) => version.replace('-', '~');

function control(version, kilobytes) {
  return `Package: ${NAME}
Version: ${debianVersion(version)}
Architecture: all
Maintainer: The makers of ${NAME} <${NAME}@localhost>
Installed-Size: ${kilobytes}
Depends: nodejs (>= 20.19)
Recommends: python3-minimal, ca-certificates
Section: database
Priority: optional
Description: loads the files announced on a Kafka topic into ClickHouse
 Consumes messages that name files and has each loaded, once, into its
 tenant's table by one run of as-cli; a loader is part of the package.
`;
}

/** Systemd is asked only where it runs; an installation into an image has none. */
const SCRIPTS = {
  postinst: `#!/bin/sh
set -e
if [ "$1" = configure ]; then
  if command -v systemd-sysusers >/dev/null; then systemd-sysusers ${NAME}.conf
  elif ! id ${NAME} >/dev/null 2>&1; then
    useradd --system --home-dir /var/lib/${NAME} --shell /usr/sbin/nologin ${NAME}
  fi
  if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    # An upgrade; a service that does not run stays as it is. A start may wait for its brokers, an installation does not.
    if [ -n "$2" ]; then systemctl --no-block try-restart ${NAME}.service '${NAME}@*.service' || true; fi
  fi
fi
`,
  prerm: `#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  systemctl disable --now --quiet ${NAME}.service || true
  systemctl stop --quiet '${NAME}@*.service' || true
fi
`,
  postrm: `#!/bin/sh
set -e
if [ "$1" = purge ]; then rm -rf /var/log/${NAME} /var/lib/${NAME}; fi
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
`,
};

function debianPackage(tree, directory, output) {
  const staged = join(directory, NAME);
  const root = join(directory, 'root');
  const version = stage(tree, staged);
  run(staged, 'sh', ['scripts/install.sh', 'install'], { ...PLACES, DESTDIR: root });
  mkdirSync(join(root, 'usr/lib/sysusers.d'), { recursive: true });
  writeFileSync(join(root, `usr/lib/sysusers.d/${NAME}.conf`), USER);
  const documents = join(root, `usr/share/doc/${NAME}`);
  mkdirSync(documents, { recursive: true });
  cpSync(join(tree, 'LICENSE'), join(documents, 'copyright'));
  cpSync(join(tree, 'CHANGELOG.md'), join(documents, 'changelog'));
  const [kilobytes] = run(root, 'du', ['-sk', '.']).split('\t');
  mkdirSync(join(root, 'DEBIAN'));
  writeFileSync(join(root, 'DEBIAN/control'), control(version, kilobytes));
  writeFileSync(join(root, 'DEBIAN/conffiles'), `${CONFFILES.join('\n')}\n`);
  for (const [name, text] of Object.entries(SCRIPTS)) writeFileSync(join(root, 'DEBIAN', name), text, { mode: 0o755 });
  run(root, 'chmod', ['-R', 'u=rwX,go=rX', '.']);
  const file = join(output, `${NAME}_${debianVersion(version)}_all.deb`);
  run(directory, 'dpkg-deb', ['--root-owner-group', '-Zxz', '--build', root, file]);
  return file;
}

const KINDS = { npm: npmPackage, deb: debianPackage };

/** @param tree what is built, with its modules @returns the file, in `output` @throws Error that says what failed */
export function makePackage(kind, tree, output) {
  // The last of a build, which the compiler alone does not make.
  if (!existsSync(join(tree, 'dist/lib/page/served/page.js')))
    throw new Error(`${join(tree, 'dist')} is not built: npm ci`);
  const directory = mkdtempSync(join(tmpdir(), 'atd-package-'));
  try {
    mkdirSync(output, { recursive: true });
    return KINDS[kind](tree, directory, output);
  } catch (error) {
    throw new Error(`the ${kind} package was not made: ${`${error.stderr ?? ''}`.trim() || error.message}`, {
      cause: error,
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [kind, output, ...more] = process.argv.slice(2);
  if (!Object.hasOwn(KINDS, kind ?? '') || output === undefined || more.length > 0) {
    console.error(`packages: one kind (${Object.keys(KINDS).join(' or ')}) and one directory are needed`);
    process.exitCode = EXIT_USAGE;
  } else {
    try {
      console.log(makePackage(kind, ROOT, resolve(output)));
    } catch (error) {
      console.error(`packages: ${error.message}`);
      process.exitCode = 1;
    }
  }
}
