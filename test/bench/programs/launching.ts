/** The question and the answer of the programs that start children. */

export interface LaunchQuestion {
  readonly children: number;
  readonly slots: number;
  readonly file: string;
}

export interface LaunchAnswer {
  readonly seconds: number;
  /** Of this process with all its threads, without its children. */
  readonly cpuMs: number;
}

/** The time and CPU of `work`. */
export async function timed(work: () => Promise<void>): Promise<LaunchAnswer> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await work();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuMs: (user + system) / 1000 };
}

/** Calls `run` for every number below `count`, `width` at a time. */
export async function eachOf(count: number, width: number, run: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      await run(index);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
}
