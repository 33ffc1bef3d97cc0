/** The systemd unit, the image and the compose file agree with the settings that they have to outlast or to obey. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { SETTINGS } from '../lib/config/schema.js';
import { ExitCode } from '../lib/errors.js';
import { read } from './support/documents.js';
import { PACKAGE_ROOT } from './support/package-root.js';

const SYSTEM_UNITS = '/usr/lib/systemd/system';
const DEADLINE_SECONDS = SETTINGS.service.shutdown.deadline_seconds.default;

/** The last value of a directive of the unit. */
function directive(name: string): string {
  const values = [...read('atd-ingestion.service').matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))];
  return values.at(-1)?.[1] ?? '';
}

/** The values of an instruction in the Dockerfile's stage of the service, which both images begin with. */
function instruction(name: string): string[] {
  const stages = read('Dockerfile')
    .replaceAll('\\\n', ' ')
    .split(/^FROM /m);
  const stage = stages.find((text) => /^\S+ AS service\n/.test(text)) ?? '';
  return [...stage.matchAll(new RegExp(`^${name}\\s+(.*)$`, 'gm'))].map((match) => match[1]?.trim() ?? '');
}

/**
 * What `systemd-analyze verify` says of a unit. It also looks for the program and the targets, so it is given a root
 * directory that has the unit and the program where an installation has them, beside the targets of this machine.
 */
function verifyUnit(unit: string): string {
  const root = mkdtempSync(join(tmpdir(), 'atd-unit-'));
  try {
    mkdirSync(join(root, 'etc/systemd/system'), { recursive: true });
    writeFileSync(join(root, 'etc/systemd/system/atd-ingestion.service'), unit);
    cpSync(SYSTEM_UNITS, join(root, SYSTEM_UNITS), { recursive: true, verbatimSymlinks: true });
    cpSync(join(PACKAGE_ROOT, 'bin'), join(root, 'opt/atd-ingestion/bin'), { recursive: true });
    mkdirSync(join(root, 'bin'));
    copyFileSync('/bin/sh', join(root, 'bin/sh'));
    const { error, status, stdout, stderr } = spawnSync(
      'systemd-analyze',
      ['verify', '--man=no', `--root=${root}`, '/etc/systemd/system/atd-ingestion.service'],
      { encoding: 'utf8' },
    );
    if (error !== undefined) throw error;
    return `${stdout}${stderr}${status === 0 ? '' : `exit code ${status}`}`;
  } finally {
    rmSync(root, { recursive: true });
  }
}

function whyNotVerify(): string | false {
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) return 'systemd-analyze is not installed';
  return existsSync(join(SYSTEM_UNITS, 'sysinit.target')) ? false : `${SYSTEM_UNITS} has no targets`;
}

describe('atd-ingestion.service', () => {
  const skip = whyNotVerify();

  it('has nothing that systemd would complain about', { skip }, () => {
    assert.equal(verifyUnit(read('atd-ingestion.service')), '');
  });

  it('would be complained about with a misspelt directive or another program', { skip }, () => {
    const unit = read('atd-ingestion.service');
    assert.match(verifyUnit(unit.replace('KillMode=', 'KilMode=')), /Unknown key .*'KilMode'/);
    assert.match(verifyUnit(unit.replace('/bin/atd-ingestion', '/bin/atd')), /is not executable/);
  });

  it('waits longer for a stop than a stop may take, and asks the service alone', () => {
    assert.ok(Number(directive('TimeoutStopSec')) >= DEADLINE_SECONDS + 10);
    assert.equal(directive('KillMode'), 'mixed');
  });

  it('restarts after every end that nobody asked for, but not after those that a restart does not mend', () => {
    assert.equal(directive('Restart'), 'always');
    assert.equal(directive('RestartPreventExitStatus'), `${ExitCode.usage} ${ExitCode.configuration}`);
  });

  it('writes nobody`s secrets into a core dump', () => {
    assert.equal(directive('LimitCORE'), '0');
  });

  it('lets V8 make code executable', () => {
    assert.equal(directive('MemoryDenyWriteExecute'), '');
  });
});

describe('an installation', () => {
  let root: string;
  const installed = (path: string) => join(root, 'opt/atd-ingestion', path);
  const script = (action: string, env: Readonly<Record<string, string>> = {}) =>
    spawnSync(join(PACKAGE_ROOT, 'scripts/install.sh'), [action], {
      env: { ...process.env, DESTDIR: root, ...env },
      encoding: 'utf8',
    });
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'atd-installed-'));
    const { status, stderr } = script('install');
    assert.equal(status, 0, stderr);
  });
  after(() => rmSync(root, { recursive: true }));

  it('has all that the service runs', () => {
    const run = (...args: string[]) => spawnSync(process.execPath, args, { cwd: installed('.'), encoding: 'utf8' });
    assert.equal(run('bin/atd-ingestion', 'check-config').status, 0);
    assert.equal(run('bin/as-cli', '--help').status, 0);
    assert.equal(run('bin/as-cli', '--version').stdout.trim(), JSON.parse(read('package.json')).version);
    for (const name of ['index.html', 'page.css', 'page.js'])
      assert.ok(existsSync(installed(`dist/lib/page/served/${name}`)), name);
    const told = run(
      '--input-type=module',
      '--eval',
      "import { LAUNCHER } from './dist/lib/worker/launch/launcher-program.js'; console.log(LAUNCHER.args.at(-1));",
    );
    const program = told.stdout.trim();
    assert.ok(program.startsWith(root) && existsSync(program), told.stdout + told.stderr);
  });

  it('has the packages that run, and none of those that only develop it', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, object>;
    const missing = Object.keys(dependencies ?? {}).filter((name) => !existsSync(installed(`node_modules/${name}`)));
    const strange = Object.keys(devDependencies ?? {}).filter((name) => existsSync(installed(`node_modules/${name}`)));
    assert.deepEqual([missing, strange], [[], []]);
  });

  it('has two units, one with settings, logs and state for each name', () => {
    const unit = (name: string) => readFileSync(join(root, 'etc/systemd/system', name), 'utf8').split('\n');
    assert.deepEqual(unit('atd-ingestion.service').join('\n'), read('atd-ingestion.service'));
    const own = new Set(unit('atd-ingestion.service'));
    assert.deepEqual(
      unit('atd-ingestion@.service').filter((line) => !own.has(line)),
      [
        'Description=ATD Ingestion: loads the files announced on a Kafka topic into ClickHouse (%i)',
        'ExecStart=/opt/atd-ingestion/bin/atd-ingestion run --config /etc/atd-ingestion/%i.yaml',
        `ExecReload=/bin/sh -c '/opt/atd-ingestion/bin/atd-ingestion check-config --config /etc/atd-ingestion/%i.yaml >/dev/null'`,
        'EnvironmentFile=-/etc/atd-ingestion/%i.environment',
        'LogsDirectory=atd-ingestion/%i',
        'StateDirectory=atd-ingestion/%i',
      ],
    );
  });

  it('has the man page, and a link to it where man looks', () => {
    const page = '/opt/atd-ingestion/share/man/man1/atd-ingestion.1';
    assert.equal(readFileSync(join(root, page), 'utf8'), read('etc/man/atd-ingestion.1'));
    assert.equal(readlinkSync(join(root, 'usr/local/share/man/man1/atd-ingestion.1')), page);
  });

  it('over an earlier one keeps its settings and nothing of its program; goes elsewhere when told to; and can be removed', () => {
    const settings = join(root, 'etc/atd-ingestion/atd-ingestion.yaml');
    writeFileSync(settings, 'log_level: debug\n');
    writeFileSync(installed('dist/lib/gone.js'), '');
    assert.equal(script('install').status, 0);
    assert.equal(readFileSync(settings, 'utf8'), 'log_level: debug\n');
    assert.equal(existsSync(installed('dist/lib/gone.js')), false);
    const elsewhere = { PREFIX: '/usr/lib/atd', MANUALS: '/usr/share/man', DESTDIR: join(root, 'elsewhere') };
    assert.equal(script('install', elsewhere).status, 0);
    const unit = readFileSync(join(root, 'elsewhere/etc/systemd/system/atd-ingestion.service'), 'utf8');
    assert.match(unit, /^ExecStart=\/usr\/lib\/atd\/bin\/atd-ingestion run/m);
    const page = readlinkSync(join(root, 'elsewhere/usr/share/man/man1/atd-ingestion.1'));
    assert.equal(page, '/usr/lib/atd/share/man/man1/atd-ingestion.1');
    assert.match(script('uninstall').stdout, /kept: \/etc\/atd-ingestion/);
    assert.deepEqual([existsSync(installed('.')), existsSync(settings)], [false, true]);
    for (const link of ['bin/atd-ingestion', 'share/man/man1/atd-ingestion.1'])
      assert.throws(() => lstatSync(join(root, 'usr/local', link)), { code: 'ENOENT' });
  });

  it('says what it is called with, and refuses what it does not know', () => {
    const { status, stderr } = script('instal');
    assert.deepEqual([status, /usage: \S+ install\|uninstall/.test(stderr)], [ExitCode.usage, true]);
  });
});

describe('what a thread is started with', () => {
  it('is one module, as each that a heap loads takes memory in every thread', () => {
    const imported = [...read('dist/lib/worker/thread.js').matchAll(/^import .* from "([^"]+)"/gm)].map(
      ([, name]) => name,
    );
    const isBuiltin = (name = '') => builtinModules.includes(name.replace('node:', ''));
    assert.ok(imported.length > 0);
    assert.deepEqual(
      imported.filter((name) => !isBuiltin(name)),
      [],
    );
  });
});

describe('Dockerfile', () => {
  it('makes what `npm run build` makes', () => {
    const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: { readonly build: string } };
    const bundlers = scripts.build.match(/node scripts\/\S+/g) ?? [];
    assert.ok(bundlers.length > 0);
    for (const bundler of bundlers) assert.ok(read('Dockerfile').includes(`&& ${bundler} `), bundler);
  });

  it('installs of the development dependencies those that the build needs, and no other', () => {
    const { devDependencies } = JSON.parse(read('package.json')) as { readonly devDependencies: object };
    const removed = /^RUN npm pkg delete ([\s\S]*?) \\\n +&& npm ci/m.exec(read('Dockerfile'))?.[1] ?? '';
    const { stdout } = spawnSync('sh', ['-c', `echo ${removed}`], { cwd: PACKAGE_ROOT, encoding: 'utf8' });
    const names = Object.keys(devDependencies);
    const kept = names.filter((name) => !stdout.split(/\s+/).includes(`devDependencies.${name}`));
    const types = names.filter((name) => name.startsWith('@types/'));
    assert.deepEqual(kept.sort(), [...types, 'esbuild', 'typescript'].sort());
  });

  it('starts the service by exec under an init that hands on the stop signal', () => {
    assert.deepEqual(
      instruction('ENTRYPOINT').map((value) => JSON.parse(value)),
      [['tini', '--', 'atd-ingestion']],
    );
    assert.deepEqual(
      instruction('CMD').map((value) => JSON.parse(value)),
      [['run']],
    );
    assert.deepEqual(instruction('STOPSIGNAL'), ['SIGTERM']);
  });

  it('runs as another user than root and is asked for its life', () => {
    assert.match(instruction('USER').at(-1) ?? '', /^[1-9]\d*:[1-9]\d*$/);
    assert.match(instruction('HEALTHCHECK').join(), /\/livez/);
    assert.ok(instruction('HEALTHCHECK').join().includes(`|| ${SETTINGS.http.port.default}}`));
  });

  it('makes the service where no target is named, and says of each image what it is', () => {
    const stages = [...read('Dockerfile').matchAll(/^FROM (\S+) AS (\S+)$/gm)].map(([, base, name]) => [name, base]);
    assert.deepEqual(stages, [
      ['build', '$NODE_IMAGE'],
      ['service', '$NODE_IMAGE'],
      ['appsentinels', 'service'],
      ['prod', 'service'],
    ]);
    const labels = [
      ...instruction('LABEL')
        .join(' ')
        .matchAll(/org\.opencontainers\.image\.([a-z.]+)=/g),
    ];
    assert.deepEqual(
      labels.map(([, name]) => name),
      ['title', 'description', 'licenses', 'version', 'revision', 'base.name'],
    );
    const { description, license } = JSON.parse(read('package.json'));
    for (const text of [description, license]) assert.ok(instruction('LABEL').join().includes(`"${text}"`), text);
  });

  it("installs the version of AppSentinels' as-cli that the tests know, and leaves no stage as root", () => {
    const tested = read('test/fixtures/as-cli-plugin/requirements.txt').match(/^\S+==\S+$/gm) ?? [];
    assert.equal(tested.length, 2);
    for (const wanted of tested) assert.match(read('Dockerfile'), new RegExp(`^ARG \\w+=${wanted}$`, 'm'));
    assert.equal(
      read('Dockerfile')
        .match(/^USER .*$/gm)
        ?.at(-1),
      'USER 1000:1000',
    );
  });

  it('copies nothing that .dockerignore keeps out', () => {
    const admitted = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copies = [...read('Dockerfile').matchAll(/^COPY (?!--from)(.*) \S+$/gm)];
    assert.ok(copies.length > 0);
    for (const path of copies.flatMap((match) => match[1]?.split(' ') ?? [])) {
      assert.ok(existsSync(join(PACKAGE_ROOT, path)), `${path} does not exist`);
      assert.ok(
        admitted.some((name) => path === name || path.startsWith(`${name}/`)),
        `${path} is ignored`,
      );
    }
  });
});

it('compose.yaml waits longer for a stop than a stop may take, and gives the service no rights.', () => {
  const { services } = parseYaml(read('compose.yaml')) as { services: Record<string, Record<string, unknown>> };
  const service = services['atd-ingestion'] ?? {};
  assert.ok(Number.parseInt(String(service['stop_grace_period']), 10) >= DEADLINE_SECONDS + 10);
  assert.equal(service['read_only'], true);
  assert.deepEqual(service['cap_drop'], ['ALL']);
  assert.deepEqual(service['security_opt'], ['no-new-privileges:true']);
});
