/** Fifty tenants, of which one fails at every load: what that costs the others. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../support/package-root.js';
import type { Bench, Row } from '../bench.js';
import { type Announcement, connectProducer, createPlace, passThrough, startService } from '../service.js';
import { SLOTS } from './launch.js';

const OTHERS = 49;
const SLEEP_SECONDS = 0.1;
/** Of the one that fails, so many for each file of another tenant. */
const FAILING_SHARE = 5;
const DEADLINE_MS = 300_000;

/** The loads take time but no CPU, and fail by an exit code that says nothing more. */
const LOADER = `#!/bin/sh
sleep ${SLEEP_SECONDS}
[ "$ATD_TENANT" != failing ] || exit 3
`;

export const failingTenant: Row = {
  name: 'failing-tenant',
  async measure(bench: Bench) {
    const each = bench.size(10, 5);
    const executable = join(bench.directory, 'half-failing-as-cli');
    writeFileSync(executable, LOADER);
    chmodSync(executable, 0o755);
    const filename = join(PACKAGE_ROOT, 'package.json');
    const settings = { as_cli: { executable }, thread_pool_size: SLOTS, service: { retry: { backoff_seconds: 0.5 } } };

    /** Each in a topic and with a service of its own: what failed in one round must not fail in the next one. */
    const rate = (isFailing: boolean): Promise<number> =>
      bench.apart(async (own) => {
        const place = await createPlace(own);
        const service = await startService(own, place, settings);
        const announcer = await connectProducer(own, place);
        const messages = Array.from({ length: each }, (): Announcement[] => [
          ...Array.from({ length: isFailing ? FAILING_SHARE : 0 }, () => ({ filename, tenant: 'failing' })),
          ...Array.from({ length: OTHERS }, (_, n) => ({ filename, tenant: `good${n}` })),
        ]);
        const { firstToLast } = await passThrough([service], announcer, messages.flat(), DEADLINE_MS, OTHERS * each);
        return (OTHERS * each) / firstToLast;
      });
    const rounds = await bench.alternate(bench.size(5, 3), { with: () => rate(true), without: () => rate(false) });
    return [
      {
        kind: 'measured',
        row: this.name,
        measured: `${OTHERS} tenants beside one that fails at every load, loads of ${SLEEP_SECONDS} s`,
        unit: '/s',
        yardstick: 'without that one',
        goal: { of: 'ratio', bound: 'at least', value: 0.95 },
        rounds: rounds.map((round) => ({ ours: round.with, yardstick: round.without })),
      },
    ];
  },
};
