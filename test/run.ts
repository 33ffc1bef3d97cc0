/**
 * The test runner: starts one Kafka and one ClickHouse for the whole suite, runs `node --test` over every `*.test.js`
 * beside it, or over the files and directories among its arguments, and stops both. Other arguments go to `node --test`:
 * `npm test -- test/sandbox --test-name-pattern=Kafka`. A run in which no test ran has failed. With `--local` it starts
 * neither, and runs the tests that need neither; with `--unit` those of them that start no process.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clickHouseUrl, startClickHouse, startKafka } from './sandbox/sandbox.js';
import { selectLocalTests, selectTests, selectUnitTests } from './test-selection.js';

const REPORTER = fileURLToPath(new URL('./count-reporter.js', import.meta.url));
const TESTS = fileURLToPath(new URL('.', import.meta.url));
/** Files at once: of two that run side by side on two processors, half of the time would be spent waiting. */
const CONCURRENCY = '--test-concurrency=4';
/** A fifteenth of what all tests play: the model would compute as long as a fifth of the other unit tests together. */
const UNIT_INTERLEAVINGS = '100';
/** What runs without Kafka and ClickHouse. */
const WITHOUT_SERVICES = new Map([
  ['--local', { select: selectLocalTests, env: {} }],
  [
    '--unit',
    {
      select: selectUnitTests,
      env: { INTERLEAVINGS: process.env['INTERLEAVINGS'] ?? UNIT_INTERLEAVINGS },
    },
  ],
]);
/** How long test files get to clean up after TERM. */
const GRACE_MS = 5_000;

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => interrupted.abort(128 + constants.signals[signal]));
}

/** Runs the tests in a process group of their own, so that a signal ends every one of them. */
async function nodeTest(args: readonly string[], env: Readonly<Record<string, string>>): Promise<number> {
  if (interrupted.signal.aborted) return interrupted.signal.reason as number;
  const tests = spawn(process.execPath, ['--test', ...args], {
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  let kill: NodeJS.Timeout | undefined;
  const signalGroup = (signal: NodeJS.Signals): void => {
    try {
      process.kill(-(tests.pid as number), signal);
    } catch {
      // The group has ended already.
    }
  };
  const interrupt = (): void => {
    signalGroup('SIGTERM');
    kill = setTimeout(() => signalGroup('SIGKILL'), GRACE_MS);
  };
  interrupted.signal.addEventListener('abort', interrupt);
  const [code] = (await once(tests, 'exit')) as [number | null];
  clearTimeout(kill);
  return interrupted.signal.aborted ? (interrupted.signal.reason as number) : (code ?? 1);
}

/** The exit code: of `node --test`, or 1 where it ran nothing. */
async function runTests(args: readonly string[], env: Readonly<Record<string, string>>): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'atd-test-run-'));
  const count = join(directory, 'count');
  try {
    const reporters = ['--test-reporter=spec', '--test-reporter-destination=stdout'];
    const counter = [`--test-reporter=${REPORTER}`, `--test-reporter-destination=${count}`];
    const code = await nodeTest([CONCURRENCY, ...reporters, ...counter, ...args], env);
    if (code !== 0) return code;
    if (Number(await readFile(count, 'utf8')) > 0) return 0;
    console.error('no test ran');
    return 1;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const few = WITHOUT_SERVICES.get(args[0] ?? '');
  const { flags, files } = few?.select(args.slice(1), TESTS) ?? selectTests(args, TESTS);
  if (files.length === 0) {
    console.error(few !== undefined ? 'no such test does without Kafka and ClickHouse' : `no test file below ${TESTS}`);
    return 1;
  }
  if (few !== undefined) return await runTests([...flags, ...files], few.env);
  const starts = await Promise.allSettled([startKafka(), startClickHouse()]);
  const [kafka, clickHouse] = starts;
  try {
    if (kafka.status === 'rejected') throw kafka.reason;
    if (clickHouse.status === 'rejected') throw clickHouse.reason;
    console.log(`Kafka: ${kafka.value.description}\nClickHouse: ${clickHouse.value.description}`);
    return await runTests([...flags, ...files], {
      KAFKA_BROKERS: kafka.value.brokers.join(','),
      SANDBOX_KAFKA_KIND: kafka.value.kind,
      CLICKHOUSE_URL: clickHouseUrl(clickHouse.value),
    });
  } finally {
    await Promise.all(starts.map((start) => (start.status === 'fulfilled' ? start.value.stop() : undefined)));
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
