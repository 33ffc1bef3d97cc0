/** Memory and descriptors of the services of a run: bounded at any time, and given back when the work is done. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { type Place, startedService } from '../support/service-process.js';
import { processesOf } from './processes.js';

/** One look at a process. */
interface Sample {
  readonly rssMiB: number;
  readonly descriptors: number;
}

/** What was seen of one service since it had ended WARM_JOBS jobs, and what was seen of it in all. */
interface Life {
  readonly all: Sample[];
  readonly warm: Sample[];
}

const SAMPLE_EVERY_MS = 500;
/** From then on a service has loaded and opened what it works with; how long it takes to get there is the machine's. */
const WARM_JOBS = 20;
/** For a shorter life only the bounds hold. */
const MIN_SAMPLES = 20;
/** Beyond what was open when it was warm: the dead-letter producer and an admin connect only when they are needed. */
const MORE_DESCRIPTORS = 12;
/** The heap is collected when V8 sees fit: what is held for good shows as growth beyond this. */
const MORE_MEMORY = { factor: 1.3, miB: 24 };
/** Whatever a run does, four slots and a full queue included. */
const BOUNDS: Sample = { rssMiB: 320, descriptors: 128 };

export class Vitals {
  readonly #place: Place;
  readonly #lives = new Map<number, Life>();
  #lookedAt = 0;

  constructor(place: Place) {
    this.#place = place;
  }

  /** Looks at the services that live now, unless it just has. */
  look(): void {
    if (performance.now() - this.#lookedAt < SAMPLE_EVERY_MS) return;
    this.#lookedAt = performance.now();
    for (const pid of processesOf(this.#place)) {
      const sample = sampleOf(pid);
      if (sample === null) continue;
      const life = this.#lives.get(pid) ?? { all: [], warm: [] };
      life.all.push(sample);
      if (jobsEndedBy(pid) >= WARM_JOBS) life.warm.push(sample);
      this.#lives.set(pid, life);
    }
  }

  /** What was not flat, a line each. */
  problems(): string[] {
    return [...this.#lives].flatMap(([pid, life]) => problemsOf(pid, life));
  }

  /** For people: the highest figures of the run. */
  summary(): string {
    const { rssMiB, descriptors } = highestOf([...this.#lives.values()].flatMap(({ all }) => all));
    return `at most ${rssMiB} MiB and ${descriptors} descriptors in one service`;
  }
}

function problemsOf(pid: number, { all, warm }: Life): string[] {
  const problems: string[] = [];
  const { rssMiB, descriptors } = highestOf(all);
  if (rssMiB > BOUNDS.rssMiB) problems.push(`service ${pid} took ${rssMiB} MiB`);
  if (descriptors > BOUNDS.descriptors) problems.push(`service ${pid} had ${descriptors} descriptors`);
  if (warm.length < MIN_SAMPLES) return problems;
  const quarter = Math.floor(warm.length / 4);
  const early = medianOf(warm.slice(0, quarter));
  const late = medianOf(warm.slice(-quarter));
  if (late.rssMiB > early.rssMiB * MORE_MEMORY.factor + MORE_MEMORY.miB)
    problems.push(`service ${pid} grew from ${early.rssMiB} to ${late.rssMiB} MiB`);
  if (late.descriptors > early.descriptors + MORE_DESCRIPTORS)
    problems.push(`service ${pid} went from ${early.descriptors} to ${late.descriptors} descriptors`);
  return problems;
}

function highestOf(samples: readonly Sample[]): Sample {
  return reduced(samples, (values) => Math.max(0, ...values));
}

function medianOf(samples: readonly Sample[]): Sample {
  return reduced(samples, (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number);
}

function reduced(samples: readonly Sample[], to: (values: readonly number[]) => number): Sample {
  return {
    rssMiB: Math.round(to(samples.map(({ rssMiB }) => rssMiB))),
    descriptors: to(samples.map(({ descriptors }) => descriptors)),
  };
}

function jobsEndedBy(pid: number): number {
  const service = startedService(pid);
  return service === null ? 0 : service.events('job.loaded').length + service.events('job.ended').length;
}

/** Null for a process that is no service, or has just ended. */
function sampleOf(pid: number): Sample | null {
  try {
    if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('lib/cli/main.js')) return null;
    const rss = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    if (rss === undefined) return null;
    // Without those of modules that are being loaded.
    const descriptors = readdirSync(`/proc/${pid}/fd`).filter((fd) => !linkOf(`/proc/${pid}/fd/${fd}`).endsWith('.js'));
    return { rssMiB: Number(rss) / 1024, descriptors: descriptors.length };
  } catch {
    return null;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
