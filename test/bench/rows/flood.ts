/** One file behind a flood of another tenant: when it is read, and how many of the flood are started before it. */
import { join } from 'node:path';
import { produce } from '../../sandbox/topics.js';
import { PACKAGE_ROOT } from '../../support/package-root.js';
import type { LogLine, ServiceProcess } from '../../support/service-process.js';
import type { Bench, Row } from '../bench.js';
import type { Finding } from '../findings.js';
import { createPlace, startService } from '../service.js';
import { NO_OP, SLOTS } from './launch.js';

const FLOOD = 10_000;
const DEADLINE_MS = 300_000;

interface Passage {
  /** From the start of the service. */
  readonly readAfterSeconds: number;
  /** Files of the flood that were started between the reading of the file and its start. */
  readonly startedFirst: number;
}

async function pass(bench: Bench, partition: number): Promise<Passage> {
  const place = await createPlace(bench);
  const filename = join(PACKAGE_ROOT, 'package.json');
  const message = (tenant: string) => JSON.stringify({ filename, tenant });
  const files = Array.from({ length: FLOOD }, () => ({ value: message('flood'), partition: 0 }));
  await produce(place.kafka.brokers, place.topic, files);
  await produce(place.kafka.brokers, place.topic, [{ value: message('late'), partition }]);
  // Only this level tells of each message that is read.
  const settings = { as_cli: { executable: NO_OP }, thread_pool_size: SLOTS, log_level: 'debug' };
  const service = await startService(bench, place, settings);
  const record = `${place.topic}/${partition}/${partition === 0 ? FLOOD : 0}`;
  const isLoaded = () => service.events('job.loaded').some(({ job }) => job === `${record}/0`);
  await service.until(isLoaded, DEADLINE_MS, 'the file behind the flood is loaded');
  return passageOf(service, record);
}

function passageOf({ log }: ServiceProcess, record: string): Passage {
  const at = (isMeant: (line: LogLine) => boolean): number => log.findIndex(isMeant);
  const began = at(({ message }) => message === 'service.started');
  const read = at((line) => line.message === 'record.taken' && line['record'] === record);
  const started = at(({ message, job }) => message === 'job.started' && job === `${record}/0`);
  const timeOf = (index: number): number => Date.parse(log[index]?.['timestamp'] as string);
  return {
    readAfterSeconds: (timeOf(read) - timeOf(began)) / 1000,
    startedFirst: log.slice(read, started).filter(({ message }) => message === 'job.started').length,
  };
}

export const flood: Row = {
  name: 'flood',
  async measure(bench: Bench): Promise<Finding[]> {
    const findings: Finding[] = [];
    for (const [where, partition] of [
      ['the same partition', 0],
      ['another partition', 1],
    ] as const) {
      const passages: Passage[] = [];
      while (passages.length < bench.size(3, 1)) passages.push(await bench.apart((own) => pass(own, partition)));
      const about = { kind: 'measured', row: this.name, yardstick: null } as const;
      const what = `a file behind ${FLOOD.toLocaleString('en-US')} of another tenant in ${where}`;
      findings.push(
        {
          ...about,
          measured: `${what} is read`,
          unit: 's after the start',
          goal: { of: 'ours', bound: 'at most', value: 5 },
          rounds: passages.map(({ readAfterSeconds }) => ({ ours: readAfterSeconds, yardstick: null })),
        },
        {
          ...about,
          measured: 'the same, started behind',
          unit: 'of them',
          goal: { of: 'ours', bound: 'at most', value: 8 },
          rounds: passages.map(({ startedFirst }) => ({ ours: startedFirst, yardstick: null })),
        },
      );
    }
    return findings;
  },
};
