/**
 * Runs the unit tests and prints what they execute of each folder of `lib`, also in child processes, threads and bundles.
 * Ends with 1 where a test fails, or a folder is below its floor. With arguments it runs what `npm test` runs with these
 * (`npm run coverage -- test` for everything, with Kafka and ClickHouse), and there is no floor. The lines that no test
 * meets: coverage/index.html.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { belowFloors, type Covered, FLOORS, percent } from './floors.js';
import { coverageOf } from './report.js';

const RUNNER = fileURLToPath(new URL('../run.js', import.meta.url));

async function runTests(args: readonly string[], directory: string): Promise<number> {
  const env = { ...process.env, NODE_V8_COVERAGE: directory };
  const child = spawn(process.execPath, [RUNNER, ...args], { stdio: 'inherit', env });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

function shown(covered: Covered): string {
  return `${percent(covered).toFixed(1).padStart(5)} %`;
}

async function main(args: readonly string[]): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'atd-coverage-'));
  try {
    const code = await runTests(args.length > 0 ? args : ['--local'], directory);
    const folders = await coverageOf(directory);
    for (const [folder, { lines, branches }] of folders) {
      const floor = FLOORS[folder];
      const floors = floor === undefined || args.length > 0 ? '' : `  (at least ${floor.lines} and ${floor.branches})`;
      console.log(`${folder.padEnd(24)} lines ${shown(lines)}  branches ${shown(branches)}${floors}`);
    }
    if (args.length > 0) return code;
    const breaches = belowFloors(folders);
    for (const breach of breaches) console.error(breach);
    return breaches.length > 0 ? 1 : code;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

process.exitCode = await main(process.argv.slice(2));
