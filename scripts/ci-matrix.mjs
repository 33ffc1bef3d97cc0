/**
 * Runs the tests with every version of Node and Kafka that docs/operations.md promises, one cell after the other:
 *
 *   node scripts/ci-matrix.mjs                      `npm test`: each Node with the sandbox's Kafka, each Kafka with the oldest Node
 *   node scripts/ci-matrix.mjs --local              `npm run test:local`, which needs no Kafka, with each Node
 *   node scripts/ci-matrix.mjs --node 22 --kafka 3.9   that pair alone; one of the two narrows the list above
 *   node scripts/ci-matrix.mjs --list               only says which cells these are
 *
 * Not every pair is run: the client speaks Kafka's protocol in plain JavaScript, so that what a version of Kafka breaks does
 * not depend on the version of Node. Each cell builds anew into dist/. The exit code is 0 if all passed, 1 if one did not, 64
 * for a wrong command line.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { testedVersions } from './versions.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const EXIT_USAGE = 64;

class UsageError extends Error {}

/** `3.9` selects 3.9.2, and neither 3.90.1 nor 13.9.2. */
function isSelected(version, wanted) {
  return wanted === undefined || version === wanted || version.startsWith(`${wanted}.`);
}

function selected(name, versions, wanted) {
  const some = versions.filter((version) => isSelected(version, wanted));
  if (some.length > 0) return some;
  throw new UsageError(
    `--${name} ${wanted}: the matrix has ${versions.join(', ')} (scripts/ci-matrix.json has the list)`,
  );
}

/** The cells to run, in order: `kafka` is null where the tests need none. */
function cells({ local, node, kafka }) {
  const tested = testedVersions();
  const nodes = selected('node', tested.node, node);
  const kafkas = selected('kafka', tested.kafka, kafka);
  if (local && kafka !== undefined) throw new UsageError('--local needs no Kafka: leave --kafka out');
  if (local) return nodes.map((version) => ({ node: version, kafka: null }));
  const pairs = nodes.flatMap((version) => kafkas.map((other) => ({ node: version, kafka: other })));
  if (node !== undefined && kafka !== undefined) return pairs;
  return pairs.filter((cell) => cell.kafka === tested.kafka[0] || cell.node === tested.node[0]);
}

function describe({ node, kafka }) {
  return kafka === null ? `Node ${node}` : `Node ${node}, Kafka ${kafka}`;
}

/** npm's package `node` fetches its program by an install script, from these packages; they hold it as it is. */
function nodePackage() {
  const prefix = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node';
  return `${prefix}-${process.platform}-${process.arch}`;
}

/** The directory of that version's program, fetched once to .sandbox/. @throws Error where it cannot be had. */
function nodeDirectory(version) {
  const prefix = join(ROOT, '.sandbox', `node-${version}`);
  const directory = join(prefix, 'node_modules', nodePackage(), 'bin');
  const runs = () => spawnSync(join(directory, 'node'), ['--version'], { encoding: 'utf8' }).stdout === `v${version}\n`;
  if (existsSync(directory) && runs()) return directory;
  const wanted = `${nodePackage()}@${version}`;
  const args = ['install', '--prefix', prefix, '--no-save', '--no-audit', '--no-fund', '--loglevel=error', wanted];
  const { status, error } = spawnSync('npm', args, { stdio: 'inherit', cwd: ROOT });
  if (status === 0 && runs()) return directory;
  throw new Error(`npm install ${wanted} brought no Node ${version} to ${directory}: ${error?.message ?? 'see above'}`);
}

/** A service of one's own would hide which Kafka is tested. */
function environment(cell) {
  const { KAFKA_BROKERS: _, CLICKHOUSE_URL: __, ...env } = process.env;
  const path = `${nodeDirectory(cell.node)}${delimiter}${process.env.PATH}`;
  return { ...env, PATH: path, ...(cell.kafka === null ? {} : { SANDBOX_KAFKA: cell.kafka }) };
}

/** @returns the exit code of the cell's tests, or 128 and the number of the signal that ended them */
async function run(cell, interrupted) {
  const args = cell.kafka === null ? ['run', 'test:local'] : ['test'];
  const stdio = ['ignore', 'inherit', 'inherit'];
  // In a process group of its own, to which a signal goes on: npm and the shell between would end without the tests.
  const tests = spawn('npm', args, { detached: true, stdio, cwd: ROOT, env: environment(cell) });
  const stop = () => process.kill(-tests.pid, interrupted.reason);
  interrupted.addEventListener('abort', stop);
  const [code, signal] = await once(tests, 'exit');
  interrupted.removeEventListener('abort', stop);
  return code ?? 128 + constants.signals[signal];
}

async function runAll(all) {
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => interruption.abort(signal));
  const results = [];
  for (const cell of all) {
    console.log(`\n=== ${describe(cell)}`);
    const started = performance.now();
    const code = await run(cell, interruption.signal);
    const seconds = Math.round((performance.now() - started) / 1000);
    results.push({
      code,
      line: `${describe(cell)}: ${code === 0 ? 'passed' : `FAILED (exit code ${code})`}, ${seconds} s`,
    });
    if (interruption.signal.aborted) break;
  }
  console.log(`\n${results.map(({ line }) => line).join('\n')}`);
  return results.length === all.length && results.every(({ code }) => code === 0) ? 0 : 1;
}

async function main() {
  const options = {
    local: { type: 'boolean' },
    list: { type: 'boolean' },
    node: { type: 'string' },
    kafka: { type: 'string' },
  };
  let values;
  try {
    ({ values } = parseArgs({ options }));
  } catch (error) {
    throw new UsageError(error.message);
  }
  const all = cells(values);
  if (!values.list) return runAll(all);
  console.log(all.map(describe).join('\n'));
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`ci-matrix: ${error.message}`);
  process.exitCode = error instanceof UsageError ? EXIT_USAGE : 1;
}
