/** How much the machine has to do, asked now and then. */
import { availableParallelism, loadavg, totalmem } from 'node:os';
import type { MachineLoad } from '../core/events.js';

const EVERY_MS = 5_000;

export class MachineWatch {
  readonly #onLoad: (load: MachineLoad) => void;
  #timer: NodeJS.Timeout | null = null;

  constructor(onLoad: (load: MachineLoad) => void) {
    this.#onLoad = onLoad;
  }

  /** Asks from now on, or no more. */
  set(isOn: boolean): void {
    if (!isOn) this.close();
    else this.#timer ??= setInterval(() => this.#onLoad(machineLoad()), EVERY_MS).unref();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** Memory is that of the container, where it has a bound; processors that wait are counted on the whole machine. */
export function machineLoad(): MachineLoad {
  const [lastMinute = 0] = loadavg();
  const bound = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  const freeMemory = process.availableMemory() / Math.min(bound, totalmem());
  return { perProcessor: lastMinute / availableParallelism(), freeMemory };
}
