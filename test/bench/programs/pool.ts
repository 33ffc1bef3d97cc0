/** Children through the service's own pool, with the commands that the service would give it. */
import { join } from 'node:path';
import { loadConfig } from '../../../lib/config/load.js';
import { buildCommand, commandTemplate } from '../../../lib/core/rules/command.js';
import { createPool, type Pool } from '../../../lib/pool/pool.js';
import { engineSettings } from '../../../lib/service/settings.js';
import type { Job } from '../../../lib/types.js';
import { PACKAGE_ROOT } from '../../support/package-root.js';
import { eachOf, type LaunchAnswer, type LaunchQuestion, timed } from './launching.js';
import { answer } from './program.js';

let pool: Pool | null = null;
let round = 0;

answer(async ({ children, slots, file }: LaunchQuestion): Promise<LaunchAnswer> => {
  const { config } = loadConfig({ file: null, env: {}, args: {} });
  const commands = commandTemplate(
    engineSettings(config, { file, args: [], loadArgs: [], bundled: true, launch: 'launcher' }, process.env).command,
  );
  pool ??= createPool({
    slots,
    settings: { sinkUnavailable: { exitCodes: [], patterns: [] }, forwardLines: false, launch: 'launcher' },
    events: { onStarted: () => {}, onSignalled: () => {}, onLine: () => {}, onLauncher: () => {}, onBroken: () => {} },
  });
  const { run } = await started(pool);
  round += 1;
  const offsets = round * 1_000_000;
  return timed(() =>
    eachOf(children, slots, async (index) => {
      const job = jobAt(offsets + index);
      const outcome = await run(job.id, buildCommand(job, 1, commands));
      if (outcome.result !== 'succeeded') throw new Error(`${file}: ${outcome.reason}`);
    }),
  );
});

async function started(of: Pool): Promise<Pick<Pool, 'run'>> {
  await of.up();
  return { run: (jobId, command) => of.run(jobId, command) };
}

function jobAt(offset: number): Job {
  return {
    id: `bench/0/${offset}/0`,
    topic: 'bench',
    partition: 0,
    offset,
    index: 0,
    file: join(PACKAGE_ROOT, 'package.json'),
    tenant: 'acme',
    table: 'atd_acme',
    format: 'parquet',
    bytes: 1,
    timestamp: 1_700_000_000_000,
    lane: 'normal' as const,
    traceparent: null,
  };
}
