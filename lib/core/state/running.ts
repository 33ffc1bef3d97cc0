/**
 * The jobs that run, by their id and in the order of their starts.
 *
 * A `Map` that is added to and deleted from all the time moves into a new table now and then, and all that the old tables
 * held stays in memory until the next full collection, copied along by each of the small ones before it. So the table
 * holds numbers, and the jobs stand in places that are used again.
 */
import type { JobState } from './pending-record.js';

export class Running {
  readonly #places = new Map<string, number>();
  readonly #works: (JobState | null)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#places.size;
  }

  has(jobId: string): boolean {
    return this.#places.has(jobId);
  }

  get(jobId: string): JobState | undefined {
    const place = this.#places.get(jobId);
    return place === undefined ? undefined : (this.#works[place] as JobState);
  }

  /** Its id must not be there already. */
  add(work: JobState): void {
    const place = this.#free.pop() ?? this.#works.length;
    this.#works[place] = work;
    this.#places.set(work.job.id, place);
  }

  delete(jobId: string): void {
    const place = this.#places.get(jobId);
    if (place === undefined) return;
    this.#places.delete(jobId);
    this.#works[place] = null;
    this.#free.push(place);
  }

  ids(): Iterable<string> {
    return this.#places.keys();
  }

  works(): JobState[] {
    return Array.from(this.#places.values(), (place) => this.#works[place] as JobState);
  }
}
