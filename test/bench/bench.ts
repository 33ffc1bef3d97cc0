/** What a row is given: the sizes to use, the sandbox, and what it takes to alternate. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClickHouseSandbox, type KafkaSandbox, startClickHouse, startKafka } from '../sandbox/sandbox.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import type { BenchOptions } from './arguments.js';
import type { Finding } from './findings.js';
import { Scope } from './scope.js';

export interface Row {
  /** For `--only`. */
  readonly name: string;
  /** Everything that it starts goes to the scope of the bench that it is given. */
  measure(bench: Bench): Promise<readonly Finding[]>;
}

/** Started when the first row wants it, and kept for the others. */
export class Sandboxes {
  #kafka: Promise<KafkaSandbox> | null = null;
  #clickHouse: Promise<ClickHouseSandbox> | null = null;

  kafka(): Promise<KafkaSandbox> {
    this.#kafka ??= startKafka();
    return this.#kafka;
  }

  clickHouse(): Promise<ClickHouseSandbox> {
    this.#clickHouse ??= startClickHouse();
    return this.#clickHouse;
  }

  /** What was used, for the report. */
  async descriptions(): Promise<string[]> {
    const started = [this.#kafka, this.#clickHouse].filter((start) => start !== null);
    return (await Promise.allSettled(started)).flatMap((start) =>
      start.status === 'fulfilled' ? [start.value.description] : [],
    );
  }

  async stop(): Promise<void> {
    const started = [this.#kafka, this.#clickHouse].filter((start) => start !== null);
    for (const start of await Promise.allSettled(started)) if (start.status === 'fulfilled') await start.value.stop();
  }
}

export class Bench {
  readonly scope = new Scope();
  readonly options: BenchOptions;
  readonly sandboxes: Sandboxes;
  /** Removed with the scope. */
  readonly directory: string;

  constructor(options: BenchOptions, sandboxes: Sandboxes) {
    this.options = options;
    this.sandboxes = sandboxes;
    this.directory = mkdtempSync(join(tmpdir(), 'atd-bench-'));
    this.scope.after(() => rmSync(this.directory, { recursive: true, force: true }));
  }

  /** What it starts ends with the work, not with the row. */
  async apart<T>(work: (bench: Bench) => Promise<T>): Promise<T> {
    const own = new Bench(this.options, this.sandboxes);
    this.scope.after(() => own.scope.close());
    try {
      return await work(own);
    } finally {
      await own.scope.close();
    }
  }

  /** A size: of the whole measurement, or of the quick one. */
  size(full: number, quick: number): number {
    return this.options.quick ? quick : full;
  }

  /** The loader of the rows that load. */
  get loader(): string {
    return this.options.asCli ?? join(PACKAGE_ROOT, 'bin/as-cli');
  }

  /** Runs the sides one after the other, `rounds` times; each gives the figure of its round. */
  async alternate<Sides extends Readonly<Record<string, () => Promise<unknown>>>>(
    rounds: number,
    sides: Sides,
  ): Promise<{ readonly [Side in keyof Sides]: Awaited<ReturnType<Sides[Side]>> }[]> {
    const results: Record<string, unknown>[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const result: Record<string, unknown> = {};
      // Every other round begins with the other side: whatever a side leaves behind is not always the same one's burden.
      const order = Object.entries(sides);
      for (const [side, run] of round % 2 === 0 ? order : order.reverse()) result[side] = await run();
      results.push(result);
    }
    return results as { [Side in keyof Sides]: Awaited<ReturnType<Sides[Side]>> }[];
  }
}
