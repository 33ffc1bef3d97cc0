/** Memory and descriptors of the services of a run: bounded at any time, and given back when the work is done. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Place } from '../support/service-process.js';
import { processesOf } from './processes.js';

/** One look at a process. */
interface Sample {
  readonly rssMiB: number;
  readonly descriptors: number;
}

const SAMPLE_EVERY_MS = 500;
/** A shorter life is all warm-up: only the bounds hold for it. */
const MIN_SAMPLES = 40;
/** Beyond what was open early in its life: the dead-letter producer and an admin connect only when they are needed. */
const MORE_DESCRIPTORS = 12;
/** The heap is collected when V8 sees fit: what is held for good shows as growth beyond this. */
const MORE_MEMORY = { factor: 1.3, miB: 24 };
/** Whatever a run does, four slots and a full queue included. */
const BOUNDS: Sample = { rssMiB: 320, descriptors: 128 };

export class Vitals {
  readonly #place: Place;
  readonly #samples = new Map<number, Sample[]>();
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
      const samples = this.#samples.get(pid) ?? [];
      samples.push(sample);
      this.#samples.set(pid, samples);
    }
  }

  /** What was not flat, a line each. */
  problems(): string[] {
    return [...this.#samples].flatMap(([pid, samples]) => problemsOf(pid, samples));
  }

  /** For people: the highest figures of the run. */
  summary(): string {
    const { rssMiB, descriptors } = highestOf([...this.#samples.values()].flat());
    return `at most ${rssMiB} MiB and ${descriptors} descriptors in one service`;
  }
}

function problemsOf(pid: number, samples: readonly Sample[]): string[] {
  const problems: string[] = [];
  const { rssMiB, descriptors } = highestOf(samples);
  if (rssMiB > BOUNDS.rssMiB) problems.push(`service ${pid} took ${rssMiB} MiB`);
  if (descriptors > BOUNDS.descriptors) problems.push(`service ${pid} had ${descriptors} descriptors`);
  if (samples.length < MIN_SAMPLES) return problems;
  const quarter = Math.floor(samples.length / 4);
  const early = medianOf(samples.slice(quarter, 2 * quarter));
  const late = medianOf(samples.slice(-quarter));
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
