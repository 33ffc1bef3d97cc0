/** Memory of a service that has read as much of a flood as it may, in four partitions, and can load none of it. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { produce } from '../../sandbox/topics.js';
import { PACKAGE_ROOT } from '../../support/package-root.js';
import type { Bench, Row } from '../bench.js';
import type { Finding } from '../findings.js';
import { createPlace, startService } from '../service.js';
import { SLOTS } from './launch.js';
import { residentMegabytes } from './memory.js';

const PARTITIONS = 4;
/** Enough for `ingest.max_uncommitted`, which stops the reading of a partition. */
const EACH = 13_000;
const AT_ONCE = 1_000;
const DEADLINE_MS = 300_000;

interface Status {
  readonly queue: { readonly jobs: number };
  readonly partitions: readonly { readonly partition: number; readonly pausedSince: number | null }[];
}

export const floodMemory: Row = {
  name: 'flood-memory',
  async measure(bench: Bench): Promise<Finding[]> {
    const place = await createPlace(bench);
    const executable = join(bench.directory, 'endless-as-cli');
    writeFileSync(executable, '#!/bin/sh\nexec sleep 3600\n');
    chmodSync(executable, 0o755);
    const settings = { as_cli: { executable, timeout: 3_600 }, thread_pool_size: SLOTS };
    const service = await startService(bench, place, settings);
    const idle = await residentMegabytes(service);
    const value = JSON.stringify({
      filename: join(PACKAGE_ROOT, 'package.json'),
      format: 'parquet',
      size: 8_388_608,
      tenant: 'flood',
    });
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const part = Array.from({ length: AT_ONCE }, () => ({ value, partition }));
      for (let sent = 0; sent < EACH; sent += AT_ONCE) await produce(place.kafka.brokers, place.topic, part);
    }
    const status = async () => (await (await fetch(`${service.http}/api/status`)).json()) as Status;
    const isFull = async () => {
      const flooded = (await status()).partitions.filter(({ partition }) => partition < PARTITIONS);
      return flooded.every(({ pausedSince }) => pausedSince !== null);
    };
    await service.until(isFull, DEADLINE_MS, `${PARTITIONS} partitions are full`);
    const full = await residentMegabytes(service);
    const { queue } = await status();
    return [
      {
        kind: 'measured',
        row: this.name,
        measured: `resident beyond idle, ${PARTITIONS} partitions full of a flood`,
        unit: 'MB',
        yardstick: null,
        goal: { of: 'ours', bound: 'at most', value: 60 },
        rounds: [{ ours: full - idle, yardstick: null }],
        note: `${queue.jobs.toLocaleString('en-US')} files wait; ${idle.toFixed(0)} MB idle, ${full.toFixed(0)} MB then`,
      },
    ];
  },
};
