/** Draws the lines of the last hour. */
import uPlot from 'uplot';
import { type Series, valueText } from '../view/series.js';
import { element } from './dom.js';

const HEIGHT = 120;
/** Above the highest value, as a factor. */
const ROOM = 1.1;

interface Chart {
  readonly id: Series['id'];
  plot: uPlot | null;
  data: uPlot.AlignedData;
}

export class Charts {
  readonly #charts = new Map<Series['id'], Chart>();

  constructor() {
    // Colours are drawn, so that another scheme needs another drawing.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#drawAnew());
    const observer = new ResizeObserver(() => {
      for (const { id, plot } of this.#charts.values()) plot?.setSize({ width: widthOf(id), height: HEIGHT });
    });
    for (const id of ['lag', 'files', 'rows', 'bytes'] as const) observer.observe(holder(id));
  }

  show(all: readonly Series[]): void {
    for (const { id, times, values, words } of all) {
      const data: uPlot.AlignedData = [[...times], [...values]];
      const node = holder(id);
      node.setAttribute('role', 'img');
      node.setAttribute('aria-label', words);
      const chart = this.#charts.get(id) ?? { id, plot: null, data };
      this.#charts.set(id, chart);
      chart.data = data;
      if (chart.plot === null) chart.plot = draw(chart);
      else chart.plot.setData(data);
    }
  }

  #drawAnew(): void {
    for (const chart of this.#charts.values()) {
      chart.plot?.destroy();
      chart.plot = draw(chart);
    }
  }
}

function holder(id: Series['id']): HTMLElement {
  return element(`#chart-${id} > div`);
}

function widthOf(id: Series['id']): number {
  return Math.max(120, Math.floor(holder(id).clientWidth));
}

function draw({ id, data }: Chart): uPlot {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour('--faint'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } };
  // Three lines say enough, and leave room for what they are called; where all is nothing there is one.
  const splits = (plot: uPlot, _axis: number, _least: number, most: number) => {
    const isNothing = (plot.data[1] ?? []).every((value) => !value);
    return isNothing ? [0] : [0, most / 2, most].map((at) => at / ROOM);
  };
  const options: uPlot.Options = {
    width: widthOf(id),
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: { y: { range: (_plot, _least, most) => [0, (most > 0 ? most : 1) * ROOM] } },
    axes: [
      { ...axis, space: 60, size: 28, values: (_plot, ticks) => ticks.map(timeText) },
      {
        ...axis,
        size: id === 'bytes' ? 84 : 64,
        splits,
        values: (_plot, ticks) => ticks.map((tick) => valueText(id, tick)),
      },
    ],
    series: [{}, { stroke: colour('--accent'), width: 2, fill: `${colour('--accent')}22`, points: { show: false } }],
  };
  return new uPlot(options, data, holder(id));
}

/** `14:05`, as the browser's clock has it. */
function timeText(seconds: number): string {
  const at = new Date(seconds * 1_000);
  return [at.getHours(), at.getMinutes()].map((part) => String(part).padStart(2, '0')).join(':');
}
