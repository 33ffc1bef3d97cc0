/** The service of a row, a topic of its own, and what is sent through it. */
import { randomUUID } from 'node:crypto';
import type { Producer } from 'kafkajs';
import { createTopic, openProducer } from '../sandbox/topics.js';
import {
  type LogLine,
  type Place,
  type ServiceProcess,
  type Settings,
  spawnService,
} from '../support/service-process.js';
import type { Bench } from './bench.js';

/** More than any row has instances times slots, so that no instance is without work. */
export const PARTITIONS = 8;
const START_MS = 60_000;

export async function createPlace(bench: Bench): Promise<Place> {
  const kafka = await bench.sandboxes.kafka();
  const topic = `bench-${randomUUID()}`;
  await createTopic(kafka.brokers, topic, PARTITIONS);
  return { kafka, topic, group: `${topic}-group`, directory: bench.directory, ledger: '/dev/null' };
}

/** Starts a service as an operator would run it, its log included, and waits until it has joined its group. */
export async function startService(bench: Bench, place: Place, settings: Settings): Promise<ServiceProcess> {
  const { as_cli, ...rest } = settings;
  const service = spawnService(bench.scope, place, {
    log_level: 'info',
    ...rest,
    as_cli: { pass_env: ['PATH', 'HOME', 'LANG'], ...(as_cli as Settings) },
  });
  await service.until(() => service.events('partitions.assigned').length > 0, START_MS, 'the service joins its group');
  await service.until(
    async () => (await service.ask('/readyz').catch(() => null))?.ok === true,
    START_MS,
    'the service is ready',
  );
  return service;
}

/** A connected producer, so that a measurement does not wait for the connection. */
export async function connectProducer(bench: Bench, place: Place): Promise<Announcer> {
  const producer = await openProducer(place.kafka.brokers);
  bench.scope.after(() => producer.disconnect());
  return new Announcer(producer, place.topic);
}

export interface Announcement {
  readonly filename: string;
  readonly tenant?: string;
  readonly size?: number;
}

export class Announcer {
  readonly #producer: Producer;
  readonly #topic: string;
  #sent = 0;

  constructor(producer: Producer, topic: string) {
    this.#producer = producer;
    this.#topic = topic;
  }

  /** Sends the messages to the partitions in turn; null is a tombstone. Resolves when they are acknowledged. */
  async send(messages: readonly (Announcement | null)[]): Promise<void> {
    await this.#producer.send({
      topic: this.#topic,
      acks: -1,
      messages: messages.map((message) => {
        this.#sent += 1;
        return { value: message === null ? null : JSON.stringify(message), partition: this.#sent % PARTITIONS };
      }),
    });
  }
}

/** Rejects when `work` takes longer, with the end of the service's log. */
export async function within<T>(
  ms: number,
  what: string,
  services: readonly ServiceProcess[],
  work: Promise<T>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const tails = services.map(({ log, stderr }) => [...log.slice(-5).map((line) => JSON.stringify(line)), stderr]);
      reject(new Error(`not within ${ms} ms: ${what}\n${tails.flat().join('\n')}`));
    }, ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

export interface Passage {
  /** From the sending to the end of the last job. */
  readonly seconds: number;
  /** From the start of the first job to the end of the last. */
  readonly firstToLast: number;
}

/** Sends the messages and waits until the services have loaded so many of them. Times of the services are those of their logs. */
export async function passThrough(
  services: readonly ServiceProcess[],
  announcer: Announcer,
  messages: readonly Announcement[],
  deadlineMs: number,
  loads = messages.length,
): Promise<Passage> {
  const firsts = services.map((service) => service.lineOf('job.started', 1));
  const lasts = loadedLines(services, loads);
  const sentAt = Date.now();
  await announcer.send(messages);
  const what = `${loads} files loaded`;
  const last = await within(deadlineMs, what, services, lasts);
  const first = Math.min(...(await Promise.all(firsts)).map(timeOf));
  return { seconds: (timeOf(last) - sentAt) / 1000, firstToLast: (timeOf(last) - first) / 1000 };
}

/** The `count`-th line of a loaded job over all services. */
function loadedLines(services: readonly ServiceProcess[], count: number): Promise<LogLine> {
  let left = count;
  return new Promise((resolve) => {
    const forgets = services.map((service) =>
      service.onLine((line) => {
        if (line.message !== 'job.loaded') return;
        left -= 1;
        if (left > 0) return;
        for (const forget of forgets) forget();
        resolve(line);
      }),
    );
  });
}

function timeOf(line: LogLine): number {
  return Date.parse(line['timestamp'] as string);
}
