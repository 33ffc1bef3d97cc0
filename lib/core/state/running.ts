/**
 * The jobs that run, by their id and in the order of their starts.
 *
 * A `Map` with constant additions and deletions moves into a new table now and then. What the old tables held stays in
 * memory until the next full collection, and each small collection before it copies that along. So the table holds
 * numbers, and the jobs stand in places that are used again.
 */
import type { JobState } from './job-state.js';

export class Running {
  readonly #places = new Map<string, number>();
  readonly #states: (JobState | null)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#places.size;
  }

  has(jobId: string): boolean {
    return this.#places.has(jobId);
  }

  get(jobId: string): JobState | undefined {
    const place = this.#places.get(jobId);
    return place === undefined ? undefined : (this.#states[place] as JobState);
  }

  /** Its id must not be there already. */
  add(state: JobState): void {
    const place = this.#free.pop() ?? this.#states.length;
    this.#states[place] = state;
    this.#places.set(state.job.id, place);
  }

  delete(jobId: string): void {
    const place = this.#places.get(jobId);
    if (place === undefined) return;
    this.#places.delete(jobId);
    this.#states[place] = null;
    this.#free.push(place);
  }

  ids(): Iterable<string> {
    return this.#places.keys();
  }

  states(): JobState[] {
    return Array.from(this.#places.values(), (place) => this.#states[place] as JobState);
  }
}
