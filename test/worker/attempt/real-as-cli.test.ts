/** AppSentinels' own as-cli, which ends with 0 when a load failed, by each way of starting it. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { loadConfig } from '../../../lib/config/load.js';
import { buildCommand, commandTemplate } from '../../../lib/core/rules/command.js';
import { workerSettings } from '../../../lib/service/adapters.js';
import { engineSettings } from '../../../lib/service/settings.js';
import type { Outcome } from '../../../lib/types.js';
import { compileSinkRules, compileStdoutFailures } from '../../../lib/worker/attempt/classify.js';
import { supervise } from '../../../lib/worker/attempt/supervise.js';
import { DIRECT } from '../../../lib/worker/launch/direct.js';
import type { Launcher } from '../../../lib/worker/launch/launcher.js';
import { quietPort } from '../../sandbox/ports.js';
import { JOB } from '../../support/engine.js';
import { startPreforking } from '../../support/prefork.js';
import { waitUntil } from '../../support/processes.js';
import { installAsCli } from '../../support/real-as-cli.js';

const installed = installAsCli();
const skip = 'unreachable' in installed ? installed.unreachable : false;
const executable = 'unreachable' in installed ? '' : installed.executable;

const directory = mkdtempSync(join(tmpdir(), 'atd-as-cli-'));
after(() => rmSync(directory, { recursive: true, force: true }));
mkdirSync(join(directory, 'home'));

const ENVIRONMENT = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: join(directory, 'home') };

const file = join(directory, 'events.csv');

interface Given {
  readonly args?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  /** What starts it, where it is not started by itself. */
  readonly program?: string;
  readonly launcher?: Launcher;
}

/** One load as the service does it: its settings, its command, its judgement. */
async function load(
  contents: string,
  { args = {}, environment = {}, program = executable, launcher = DIRECT }: Given = {},
): Promise<Outcome> {
  writeFileSync(file, contents);
  const { config } = loadConfig({ file: null, env: {}, args: { 'as_cli.executable': program, ...args } });
  const loader = { file: program, args: [], loadArgs: [], bundled: false, launch: 'direct' } as const;
  const rules = engineSettings(config, loader, { ...ENVIRONMENT, ...environment }).command;
  const settings = workerSettings(config, loader);
  return supervise(buildCommand({ ...JOB, file }, 1, commandTemplate(rules)), {
    launcher,
    sink: compileSinkRules(settings.sinkUnavailable),
    stdoutFailures: compileStdoutFailures(settings.stdoutFailures),
    onStarted: () => {},
    onSignalled: () => {},
    onLine: null,
    onRequest: () => {},
  });
}

const ending = (name: string, given?: Given) => load(`#ending ${name}\n`, given);

describe("AppSentinels' as-cli", { skip }, () => {
  /** What each ending is: result, exit code, and what its reason says. */
  const ENDINGS: readonly (readonly [name: string, result: Outcome['result'], exitCode: number, reason: RegExp])[] = [
    ['fails', 'failed', 0, /^exit code 0, but it printed: Error: column 'threat_score' expects Float64$/],
    ['five-lines', 'failed', 0, /Error: import failed \| {3}file: events\.csv \| .*row: 17 .*threat_score .*'high'$/],
    ['bar', 'failed', 0, /Error: the last batch was refused$/],
    ['bar-that-counts-errors', 'succeeded', 0, /^exit code 0$/],
    ['coloured', 'failed', 0, /Error: the import was refused$/],
    ['log-line', 'failed', 0, /Error: the import was refused \| .*nothing was loaded$/],
    ['retried', 'succeeded', 0, /^exit code 0$/],
    ['away', 'sink-unavailable', 0, /Error: cannot connect to ClickHouse: .*Connection refused/],
    ['success-word-in-the-error', 'failed', 0, /Error: Successfully parsed, but not loaded/],
    ['flood', 'failed', 0, /Error: the import was refused in the middle/],
    ['raises', 'failed', 0, /Error: Command execution failed: unsupported file footer$/],
    ['exits', 'failed', 3, /^exit code 3/],
    ['names-a-refused-connection', 'sink-unavailable', 1, /^exit code 1: bad cell in row 3: connect ECONNREFUSED/],
  ];
  for (const [name, result, exitCode, reason] of ENDINGS) {
    it(`that ends as ${name} is ${result}`, async () => {
      const outcome = await ending(name);
      assert.deepEqual([outcome.result, outcome.exitCode], [result, exitCode], outcome.reason);
      assert.match(outcome.reason, reason);
    });
  }

  it('ends in each of these ways when it is forked', async (t) => {
    const preforking = await startPreforking();
    t.after(() => preforking.close());
    const { launcher, news } = preforking;
    // Loads until one was forked, and then until the modules of that one are there for the next.
    await waitUntil(
      async () => {
        await ending('retried', { launcher });
        return news.length > 0;
      },
      60_000,
      'its modules are loaded',
    );
    await waitUntil(
      async () => {
        await ending('retried', { launcher });
        return launcher.isForking;
      },
      60_000,
      'there is a launcher with these modules',
    );
    for (const [name, result, exitCode, reason] of ENDINGS) {
      const outcome = await ending(name, { launcher });
      assert.deepEqual([outcome.result, outcome.exitCode], [result, exitCode], `${name}: ${outcome.reason}`);
      assert.match(outcome.reason, reason, name);
    }
    assert.deepEqual(
      news.map(({ state }) => state),
      ['loaded'],
    );
    assert.ok(launcher.isForking);
  });

  for (const [format, reason] of [
    ['json', /"success": false, \| +"error": "column 'threat_score' expects Float64" \| \}$/],
    ['raw', /\{'success': False, 'error': "column 'threat_score' expects Float64"\}$/],
    ['yaml', /success"?: false/],
  ] as const) {
    it(`that fails and says so in its format ${format} has failed`, async () => {
      const wrapper = join(directory, `as-cli-${format}`);
      writeFileSync(wrapper, `#!/bin/sh\nexec '${executable}' --output-format ${format} "$@"\n`, { mode: 0o755 });
      const outcome = await ending('fails', { program: wrapper });
      assert.deepEqual([outcome.result, outcome.exitCode], ['failed', 0], outcome.reason);
      assert.match(outcome.reason, reason);
      assert.equal((await ending('environment', { program: wrapper })).result, 'succeeded');
    });
  }

  it('that finds no ClickHouse where it is told to look finds it unavailable', async () => {
    const port = String(await quietPort());
    const outcome = await load('a,b\n1,2\n', { args: { 'clickhouse.host': '127.0.0.1', 'clickhouse.port': port } });
    assert.deepEqual([outcome.result, outcome.exitCode], ['sink-unavailable', 0], outcome.reason);
  });

  it('that is given an option it does not know ends with 2, which says so', async () => {
    const outcome = await ending('fails', { args: { 'as_cli.additional_args': '--compress' } });
    assert.deepEqual([outcome.result, outcome.exitCode], ['failed', 2]);
    assert.match(outcome.reason, /unrecognized arguments: --compress/);
  });

  it('gets the AS_ variables of the service, and the password by its environment alone', async () => {
    const outcome = await ending('environment', {
      args: { 'clickhouse.user': 'loader', 'clickhouse.password': 'sesame', 'clickhouse.host': 'db' },
      environment: { AS_DB_CONTAINER: 'ch', AS_DB_USER: 'somebody', OTHER: 'x' },
    });
    assert.equal(outcome.result, 'succeeded');
    const seen = JSON.parse(readFileSync(`${file}.environment`, 'utf8')) as Readonly<Record<string, string>>;
    const ofAsCli = Object.entries(seen).filter(([name]) => name.startsWith('AS_'));
    assert.deepEqual(Object.fromEntries(ofAsCli), {
      AS_DB_CONTAINER: 'ch',
      AS_DB_DATABASE: 'default',
      AS_DB_HOST: 'db',
      AS_DB_PASSWORD: 'sesame',
      AS_DB_USER: 'loader',
    });
    assert.equal(seen['OTHER'], undefined);
  });

  it('makes its directory in the HOME that it is given', () => assert.ok(existsSync(join(directory, 'home/.as-cli'))));
});
