/** Many paths in few bytes each: a path is the first eight bytes of its hash, so that a million are eight megabytes. */
import { hash } from 'node:crypto';

/** Two of a million paths, and of a hundred million messages, have the same number once in a hundred thousand such runs. */
function numberOf(path: string): bigint {
  return hash('sha256', path, 'buffer').readBigUInt64BE(0);
}

export class PathIndex {
  readonly #numbers: BigUint64Array;

  constructor(paths: Iterable<string>) {
    let [numbers, size] = [new BigUint64Array(1_024), 0];
    for (const path of paths) {
      if (size === numbers.length) {
        const larger = new BigUint64Array(2 * size);
        larger.set(numbers);
        numbers = larger;
      }
      numbers[size] = numberOf(path);
      size += 1;
    }
    const all = numbers.subarray(0, size).sort();
    this.#numbers = all.filter((number, at) => at === 0 || number !== all[at - 1]);
  }

  get size(): number {
    return this.#numbers.length;
  }

  /** From 0 on; -1 for a path that is not there. */
  find(path: string): number {
    const wanted = numberOf(path);
    let [from, to] = [0, this.#numbers.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.#numbers[middle] as bigint) < wanted) from = middle + 1;
      else to = middle;
    }
    return this.#numbers[from] === wanted ? from : -1;
  }
}
