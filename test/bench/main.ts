/**
 * `npm run bench`: every row of the table beside its yardstick, on this machine, in one run. The exit code tells whether
 * all rows could be measured, not whether they meet their goals.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { measureAgainst } from './against/main.js';
import { type BenchOptions, parseBenchArguments, USAGE } from './arguments.js';
import { Bench, type Row, Sandboxes } from './bench.js';
import { exitCodeOf, type Failure, type Finding } from './findings.js';
import { renderNotes, renderTable, toJson } from './report.js';
import { ROWS } from './rows/index.js';

const INTERRUPTED = 130;
const USAGE_ERROR = 64;

const sandboxes = new Sandboxes();
let current: Bench | null = null;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void interrupt());
process.exitCode = await main();

async function main(): Promise<number> {
  let options: BenchOptions;
  try {
    options = parseBenchArguments(
      process.argv.slice(2),
      ROWS.map(({ name }) => name),
    );
  } catch (error) {
    console.error(`bench: ${(error as Error).message}\n${USAGE}`);
    return USAGE_ERROR;
  }
  if (options.help) {
    console.log(`${USAGE}\nrows: ${ROWS.map(({ name }) => name).join(', ')}`);
    return 0;
  }
  if (options.against !== null) return await compareWith(options.against, options);
  const startedAt = new Date();
  const findings: (Finding | Failure)[] = [];
  try {
    for (const row of ROWS.filter(({ name }) => options.only.includes(name))) {
      process.stderr.write(`${row.name} …`);
      const started = performance.now();
      findings.push(...(await measure(row, options)));
      process.stderr.write(` ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
    }
    const used = await sandboxes.descriptions();
    console.log(`\n${renderTable(findings)}\n`);
    const notes = renderNotes(findings);
    if (notes !== '') console.log(`${notes}\n`);
    const machine = { processors: availableParallelism(), model: cpus()[0]?.model ?? '', memoryBytes: totalmem() };
    const { quick, asCli } = options;
    const about = { startedAt, machine, node: process.version, sandbox: used, quick, asCli };
    writeFileSync(options.json, `${JSON.stringify({ ...about, findings: toJson(findings) }, null, 2)}\n`);
    console.log(`${machine.processors} processors (${machine.model}), Node ${process.version}`);
    for (const description of used) console.log(description);
    console.log(`The figures of every round are in ${options.json}.`);
    return exitCodeOf(findings);
  } finally {
    await sandboxes.stop();
  }
}

async function compareWith(revision: string, options: BenchOptions): Promise<number> {
  current = new Bench(options, sandboxes);
  try {
    return await measureAgainst(current, revision);
  } catch (error) {
    console.error(`bench: --against ${revision}: ${(error as Error).message}`);
    return 1;
  } finally {
    await current.scope.close().catch((error: unknown) => console.error(`bench: ${String(error)}`));
    await sandboxes.stop();
  }
}

async function measure(row: Row, options: BenchOptions): Promise<readonly (Finding | Failure)[]> {
  const bench = new Bench(options, sandboxes);
  current = bench;
  try {
    return await row.measure(bench);
  } catch (error) {
    return [{ kind: 'failed', row: row.name, reason: (error as Error).message }];
  } finally {
    await bench.scope.close().catch((error: unknown) => console.error(`bench: ${String(error)}`));
    current = null;
  }
}

/** What was started ends with us: the sandbox by its guard, the rest here. */
async function interrupt(): Promise<void> {
  await current?.scope.close().catch(() => undefined);
  await sandboxes.stop();
  process.exit(INTERRUPTED);
}
