/** The same children as in the launch row, asked for through Kafka: what everything around the pool costs. */
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../support/package-root.js';
import type { Bench, Row } from '../bench.js';
import { connectProducer, createPlace, passThrough, startService } from '../service.js';
import { NO_OP, SLOTS, startPool, warmUpOf } from './launch.js';

export const pipeline: Row = {
  name: 'pipeline',
  async measure(bench: Bench) {
    const children = bench.size(2_000, 1_000);
    const pool = await startPool(bench);
    const place = await createPlace(bench);
    const service = await startService(bench, place, { as_cli: { executable: NO_OP }, thread_pool_size: SLOTS });
    const announcer = await connectProducer(bench, place);
    const filename = join(PACKAGE_ROOT, 'package.json');
    const pass = async (files: number): Promise<number> => {
      const messages = Array.from({ length: files }, () => ({ filename, tenant: 'acme' }));
      return (await passThrough([service], announcer, messages, 120_000)).firstToLast;
    };
    await pass(warmUpOf(bench));
    const results = await bench.alternate(bench.size(7, 3), {
      service: () => pass(children),
      pool: async () => (await pool.ask({ children, slots: SLOTS, file: NO_OP })).seconds,
    });
    return [
      {
        kind: 'measured',
        row: this.name,
        measured: 'the same through Kafka',
        unit: '/s',
        yardstick: 'the pool alone',
        goal: { of: 'ratio', bound: 'at least', value: 0.8 },
        rounds: results.map((round) => ({ ours: children / round.service, yardstick: children / round.pool })),
      },
    ];
  },
};
