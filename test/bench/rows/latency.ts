/** From the sending of a message to the start of its child, when the service has nothing else to do. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PACKAGE_ROOT } from '../../support/package-root.js';
import { seededRandom } from '../../support/random.js';
import type { Bench, Row } from '../bench.js';
import type { Finding } from '../findings.js';
import { connectProducer, createPlace, PARTITIONS, startService, within } from '../service.js';
import { percentile } from '../statistics.js';
import { NO_OP } from './launch.js';

/** Between two messages at random, so that no rhythm of the service falls into step with them. */
const MAX_PAUSE_MS = 300;
const MESSAGE_MS = 30_000;

export const latency: Row = {
  name: 'latency',
  async measure(bench: Bench): Promise<Finding[]> {
    const messages = bench.size(400, 200);
    const place = await createPlace(bench);
    // Only this level tells of the child; a line of it is written when the primary has heard of the start.
    const service = await startService(bench, place, { as_cli: { executable: NO_OP }, log_level: 'debug' });
    const announcer = await connectProducer(bench, place);
    const random = seededRandom(1);
    const filename = join(PACKAGE_ROOT, 'package.json');
    const milliseconds = async (): Promise<number> => {
      const started = service.lineOf('child.started', 1).then(() => performance.now());
      const loaded = service.lineOf('job.loaded', 1);
      const sentAt = performance.now();
      await announcer.send([{ filename }]);
      const took = (await within(MESSAGE_MS, 'a child started', [service], started)) - sentAt;
      await within(MESSAGE_MS, 'a file loaded', [service], loaded);
      await delay(random.next() * MAX_PAUSE_MS);
      return took;
    };
    for (let warmUp = 0; warmUp < 2 * PARTITIONS; warmUp += 1) await milliseconds();
    const values: number[] = [];
    while (values.length < messages) values.push(await milliseconds());
    const about = { kind: 'measured', row: this.name, unit: 'ms', yardstick: null } as const;
    return [
      {
        ...about,
        measured: `median of ${messages}, message sent to child started`,
        goal: { of: 'ours', bound: 'at most', value: 10 },
        rounds: [{ ours: percentile(values, 0.5), yardstick: null }],
      },
      {
        ...about,
        measured: '99th percentile of the same',
        goal: { of: 'ours', bound: 'at most', value: 40 },
        rounds: [{ ours: percentile(values, 0.99), yardstick: null }],
      },
    ];
  },
};
