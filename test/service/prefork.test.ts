/** The service with loaders in Python that are forked: AppSentinels' own under an upgrade, and one whose service is killed. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { pidNamespace, readStat } from '../../lib/processes/process-table.js';
import { FULL } from '../faults/seed.js';
import { produce } from '../sandbox/topics.js';
import { fixture } from '../support/commands.js';
import { PYTHON } from '../support/prefork.js';
import { markedAreGone, processesWithMarker } from '../support/processes.js';
import { installAsCli } from '../support/real-as-cli.js';
import { createPlace, type Place, type ServiceProcess, startService, writeScript } from '../support/service-process.js';
import { makeVenv, packagesOf } from '../support/venv.js';

const installed = installAsCli();
const skip = 'unreachable' in installed ? installed.unreachable : false;
const [REINSTALLS, LOADS] = FULL ? [50, 1_000] : [3, 24];

async function announce(place: Place, files: readonly string[]): Promise<void> {
  const messages = files.map((filename) => ({ value: JSON.stringify({ filename, tenant: 'acme' }) }));
  await produce(place.kafka.brokers, place.topic, messages);
}

/** Files one after the other, until the modules of one are loaded; returns how many. */
async function learn(service: ServiceProcess, place: Place, file: string): Promise<number> {
  for (let files = 1; ; files++) {
    await announce(place, [file]);
    await service.seen('job.loaded', files, 60_000);
    if (service.events('prefork.loaded').length > 0) return files;
    assert.deepEqual(service.events('prefork.off'), []);
  }
}

/** An environment of this test's own for the plugin, that finds all other packages in the common one. */
function ownVenv(place: Place): {
  readonly pip: readonly [string, ...string[]];
  readonly plugin: string;
  readonly executable: string;
} {
  const { withoutPlugin } = installed as Exclude<typeof installed, { unreachable: string }>;
  const [venv, plugin] = [join(place.directory, 'venv'), join(place.directory, 'plugin')];
  makeVenv('python3', venv, '--without-pip');
  writeFileSync(join(packagesOf(venv), 'as-cli.pth'), `${packagesOf(join(withoutPlugin, '../..'))}\n`);
  cpSync(fixture('as-cli-plugin'), plugin, { recursive: true });
  const executable = join(venv, 'bin/as-cli');
  const script = readFileSync(withoutPlugin, 'utf8').replaceAll(join(withoutPlugin, '../..'), venv);
  writeFileSync(executable, script.replace(/^#!.*/, `#!${join(venv, 'bin/python')}`), { mode: 0o755 });
  const pip = [join(withoutPlugin, '../python'), '-m', 'pip', '--python', join(venv, 'bin/python'), 'install'] as const;
  return { pip, plugin, executable };
}

test("AppSentinels' as-cli is forked, and an upgrade of its plugin while files are loaded costs none of them", {
  skip,
  timeout: FULL ? 3_600_000 : 600_000,
}, async (t) => {
  const place = await createPlace(t);
  const { pip, plugin, executable } = ownVenv(place);
  const [python, ...install] = pip;
  const options = ['--quiet', '--disable-pip-version-check', '--no-deps', '--no-build-isolation', '--force-reinstall'];
  const reinstall = () => promisify(execFile)(python, [...install, ...options, plugin]);
  await reinstall();
  const home = join(place.directory, 'home');
  mkdirSync(home);
  const service = await startService(
    t,
    place,
    { as_cli: { executable, launch: 'prefork', pass_env: ['PATH', 'HOME'] }, thread_pool_size: 2 },
    { HOME: home },
  );
  const file = writeScript(place, 'events.csv', '#ending retried');
  let announced = await learn(service, place, file);
  const share = Math.ceil(LOADS / REINSTALLS);
  for (let i = 0; i < REINSTALLS; i++) {
    await Promise.all([announce(place, Array<string>(share).fill(file)), reinstall()]);
    announced += share;
    await service.seen('job.loaded', announced, 600_000);
  }
  assert.ok(service.events('prefork.renewed').length > 0, 'an upgrade was noticed');
  const status = (await (await service.ask('/api/status')).json()) as { prefork: { state: string } };
  assert.notEqual(status.prefork.state, 'off', JSON.stringify(status.prefork));
  assert.match(await (await service.ask('/metrics')).text(), /^# TYPE atd_prefork_off gauge\n(?!atd_prefork_off)/m);
  assert.equal(await service.stop(), 0);
  assert.deepEqual(service.events('letter.sent'), []);
  assert.deepEqual(
    service.events('job.retry').filter(({ charged }) => charged === true),
    [],
  );
});

test('a service that is killed leaves no forked loader behind, and the next one loads its files', {
  skip: PYTHON === null ? 'there is no Python' : false,
}, async (t) => {
  const place = await createPlace(t);
  const executable = join(place.directory, 'loader');
  const gate = join(place.directory, 'gate');
  const imports = 'import asyncio, decimal, email.message, http.client, os, sys, time, unittest, xml.dom.minidom';
  writeFileSync(
    executable,
    `#!${PYTHON}\n${imports}\nwhile 'wait' in ' '.join(sys.argv) and not os.path.exists('${gate}'): time.sleep(0.05)\n`,
    { mode: 0o755 },
  );
  const settings = { as_cli: { executable, launch: 'prefork' }, thread_pool_size: 2 };
  const service = await startService(t, place, settings);
  const loaded = await learn(service, place, writeScript(place, 'first.csv', ''));
  await announce(place, [writeScript(place, 'wait-1.csv', ''), writeScript(place, 'wait-2.csv', '')]);
  await service.seen('child.started', loaded + 2, 60_000);
  const { pid } = service;
  const marker = `ATD_SUPERVISOR=${pidNamespace()}-${pid}-${readStat(pid)?.startedAt}`;
  assert.ok(processesWithMarker(marker).length >= 5, 'its launchers, the mother and the loaders');
  service.signal('SIGKILL');
  await service.exited;
  await markedAreGone(marker);
  // The group waits for its session; that files of a killed service are loaded is a matter of test/faults/crash.test.ts.
  if (!FULL) return;
  writeFileSync(gate, '');
  const next = await startService(t, place, settings);
  await next.seen('job.loaded', 2, 120_000);
  assert.equal(await next.stop(), 0);
});
