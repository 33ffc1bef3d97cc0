/**
 * Resident memory of the service: idle after its start, and what it has grown by once many records went through it. That
 * growth is counted from when code is compiled and buffers have their size: what grows after that would go on growing.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { groupOffsets } from '../../sandbox/topics.js';
import { PACKAGE_ROOT } from '../../support/package-root.js';
import type { Place, ServiceProcess } from '../../support/service-process.js';
import type { Bench, Row } from '../bench.js';
import type { Finding } from '../findings.js';
import { type Announcement, type Announcer, connectProducer, createPlace, startService } from '../service.js';
import { median } from '../statistics.js';
import { NO_OP, SLOTS } from './launch.js';

/** With as many children as the row `launch` starts before it measures: each thread compiles for itself. */
const WARM_UP = 120_000;
const SEND_AT_ONCE = 5_000;
/** What is resident goes up and down by several MB with the collections of garbage, so each end is looked at so often. */
const LOOKS = 3;
const SAMPLES = 20;
const SAMPLE_MS = 200;
const ASK_MS = 500;
const DEADLINE_MS = 900_000;

/** Of every hundred records so many are loaded, and so many refused; the others are tombstones. */
const LOADED = 9;
const REFUSED = 1;

export const memory: Row = {
  name: 'memory',
  async measure(bench: Bench): Promise<Finding[]> {
    const records = bench.size(200_000, 40_000);
    const place = await createPlace(bench);
    const service = await startService(bench, place, { as_cli: { executable: NO_OP }, thread_pool_size: SLOTS });
    const announcer = await connectProducer(bench, place);
    const idle = await residentMegabytes(service);
    const part = bench.size(20_000, 10_000);
    const pass = (count: number): Promise<void> => passRecords(service, place, announcer, count);
    const passAndLook = async (count: number): Promise<number> => {
      const looks: number[] = [];
      await pass(count - LOOKS * part);
      while (looks.length < LOOKS) {
        await pass(part);
        looks.push(await residentMegabytes(service));
      }
      return median(looks);
    };
    const before = await passAndLook(WARM_UP);
    const after = await passAndLook(records);
    const about = { kind: 'measured', row: this.name, unit: 'MB', yardstick: null } as const;
    const shares = `${LOADED} % loaded, ${REFUSED} % dead-lettered, the rest tombstones`;
    return [
      {
        ...about,
        measured: `resident, idle, ${SLOTS} slots`,
        goal: { of: 'ours', bound: 'at most', value: 130 },
        rounds: [{ ours: idle, yardstick: null }],
      },
      {
        ...about,
        measured: `growth over ${records.toLocaleString('en-US')} records`,
        goal: { of: 'ours', bound: 'at most', value: 10 },
        rounds: [{ ours: after - before, yardstick: null }],
        note:
          `${shares}; ${idle.toFixed(0)} MB idle, ${before.toFixed(0)} MB after the first ` +
          `${WARM_UP.toLocaleString('en-US')} records, ${after.toFixed(0)} MB after as many as measured`,
      },
    ];
  },
};

/** Sends them and waits until all of them are committed. */
async function passRecords(service: ServiceProcess, place: Place, announcer: Announcer, records: number) {
  const filename = join(PACKAGE_ROOT, 'package.json');
  const messages = Array.from({ length: records }, (_, index): Announcement | null => {
    const nth = index % 100;
    if (nth < LOADED) return { filename, tenant: 'acme' };
    return nth < LOADED + REFUSED ? { filename: 'not/absolute' } : null;
  });
  for (let at = 0; at < records; at += SEND_AT_ONCE) await announcer.send(messages.slice(at, at + SEND_AT_ONCE));
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const offsets = await groupOffsets(place.kafka.brokers, place.group, place.topic);
    if (offsets.every(({ committed, end }) => (committed ?? 0) === end)) return;
    const { stderr, log } = service;
    if (performance.now() > deadline) throw new Error(`not committed in time: ${stderr} ${JSON.stringify(log.at(-1))}`);
    await delay(ASK_MS);
  }
}

/** The median over some seconds: a collection of garbage may fall into any of them. */
export async function residentMegabytes({ pid }: ServiceProcess): Promise<number> {
  const samples: number[] = [];
  while (samples.length < SAMPLES) {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    samples.push((Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024) / 1e6);
    await delay(SAMPLE_MS);
  }
  return median(samples);
}
