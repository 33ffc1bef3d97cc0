/** Two instances in one group against one, with loads that take time but no CPU. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../support/package-root.js';
import type { ServiceProcess } from '../../support/service-process.js';
import type { Bench, Row } from '../bench.js';
import { connectProducer, createPlace, PARTITIONS, passThrough, startService } from '../service.js';
import { SLOTS } from './launch.js';

const SLEEP_SECONDS = 0.5;

export const scaleOut: Row = {
  name: 'scale-out',
  async measure(bench: Bench) {
    const files = bench.size(160, 96);
    const executable = join(bench.directory, 'sleeping-as-cli');
    writeFileSync(executable, `#!/bin/sh\nexec sleep ${SLEEP_SECONDS}\n`);
    chmodSync(executable, 0o755);
    const settings = { as_cli: { executable }, thread_pool_size: SLOTS };
    const filename = join(PACKAGE_ROOT, 'package.json');
    const messages = Array.from({ length: files }, () => ({ filename }));

    const onePlace = await createPlace(bench);
    const one = [await startService(bench, onePlace, settings)];
    const oneAnnouncer = await connectProducer(bench, onePlace);
    const twoPlace = await createPlace(bench);
    const two = [await startService(bench, twoPlace, settings), await startService(bench, twoPlace, settings)];
    const twoAnnouncer = await connectProducer(bench, twoPlace);
    await Promise.all(two.map(ownsHalf));

    const results = await bench.alternate(bench.size(3, 2), {
      one: () => passThrough(one, oneAnnouncer, messages, 120_000),
      two: () => passThrough(two, twoAnnouncer, messages, 120_000),
    });
    return [
      {
        kind: 'measured',
        row: this.name,
        measured: `two instances, loads that sleep ${SLEEP_SECONDS} s`,
        unit: '/s',
        yardstick: 'one instance',
        goal: { of: 'ratio', bound: 'at least', value: 1.9 },
        rounds: results.map((round) => ({
          ours: files / round.two.firstToLast,
          yardstick: files / round.one.firstToLast,
        })),
      },
    ];
  },
};

async function ownsHalf(service: ServiceProcess): Promise<void> {
  const owned = (): unknown => service.events('partitions.assigned').at(-1)?.['partitions'];
  await service.until(() => (owned() as number[]).length === PARTITIONS / 2, 60_000, 'half of the partitions each');
}
