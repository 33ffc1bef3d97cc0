/** The figures at the top of the page, and the lines below them. */

import type { Latency } from '../../feed/history.js';
import { bytesText, countText, duration, numberText, rateText } from '../../util/plain-text.js';
import type { PageHistory, PageState, PageStatus } from './state.js';

export interface Figure {
  readonly id: 'lag' | 'speed' | 'visible' | 'slots' | 'failed';
  readonly label: string;
  readonly value: string;
  readonly note: string;
  readonly mood: 'plain' | 'attention' | 'bad';
}

export function figuresOf({ status, history }: PageState): readonly Figure[] {
  if (status === null) return [];
  return [
    lagFigure(status, history),
    speedFigure(status),
    visibleFigure(history),
    slotsFigure(status),
    failedFigure(status),
  ];
}

function lagFigure({ lag }: PageStatus, history: PageHistory | null): Figure {
  const base = { id: 'lag', label: 'Behind', mood: 'plain' } as const;
  if (lag.messages === null) return { ...base, value: 'not known', note: 'no broker has said where the topic ends' };
  if (lag.messages === 0) return { ...base, value: 'nothing', note: 'all that was announced is done' };
  const left =
    lag.secondsLeft === null ? 'nothing was done in the last 5 min' : `done in ${duration(lag.secondsLeft * 1_000)}`;
  const mood = lag.secondsLeft === null ? 'attention' : 'plain';
  return { ...base, mood, value: countText(lag.messages, 'message'), note: `${left}${trendOf(lag.messages, history)}` };
}

const TREND_MS = 5 * 60_000;

/** Compared with five minutes ago; a tenth more or less is no trend. */
export function trendOf(messages: number, history: PageHistory | null): string {
  if (history === null) return '';
  const then = history.lags.find(([at]) => at >= history.at - TREND_MS);
  if (then === undefined || then[1] === null || history.at - then[0] < TREND_MS / 2) return '';
  const change = messages - then[1];
  if (Math.abs(change) <= then[1] / 10) return ', steady';
  return change > 0 ? ', rising\u00a0↗' : ', falling\u00a0↘';
}

function speedFigure({ perSecond, lastHour }: PageStatus): Figure {
  return {
    ...{ id: 'speed', label: 'Speed', mood: 'plain' },
    value: `${rateText(perSecond.loaded)} files/s`,
    note: `${rateText(perSecond.rows)} rows/s, ${bytesText(Math.round(perSecond.bytes))}/s in the last 5 min; ${countText(lastHour.loaded, 'file')} in the last hour`,
  };
}

function visibleFigure(history: PageHistory | null): Figure {
  const base = { id: 'visible', label: 'Announced to visible', mood: 'plain' } as const;
  const all = history?.visible.all ?? null;
  if (all === null) return { ...base, value: '–', note: 'nothing was loaded yet' };
  return {
    ...base,
    value: fineTime(all.p50),
    note: `half of the last ${countText(all.loads, 'file')}; 95 % within ${fineTime(all.p95)}`,
  };
}

/** Below an hour to the second: beside a deadline four minutes and a half are not five. */
export function elapsedText(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60 || seconds >= 3_600) return duration(ms);
  const rest = seconds % 60 === 0 ? '' : ` ${seconds % 60} s`;
  return `${Math.floor(seconds / 60)} min${rest}`;
}

/** Below ten seconds with more than whole ones. */
export function fineTime(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : duration(ms);
}

export function latencyText(latency: Latency | undefined): readonly [p50: string, p95: string] {
  return latency === undefined ? ['–', '–'] : [fineTime(latency.p50), fineTime(latency.p95)];
}

function slotsFigure({ running, slots, queue }: PageStatus): Figure {
  const delayed = queue.delayed === 0 ? '' : `, ${numberText(queue.delayed)} of them for later`;
  const waiting = queue.jobs === 0 ? 'nothing waits' : `${countText(queue.jobs, 'file')} waiting${delayed}`;
  return { id: 'slots', label: 'Running', value: `${running.length} of ${slots}`, note: waiting, mood: 'plain' };
}

function failedFigure({ lastHour, deadLetters = 0, deadLettersPending, deadLettersRefused }: PageStatus): Figure {
  const pending = deadLettersPending === 0 ? '' : `, ${deadLettersPending} on their way`;
  return {
    ...{ id: 'failed', label: 'Given up in the last hour', value: countText(lastHour.failed, 'file') },
    note: `${countText(deadLetters, 'dead letter')} since the start${pending}`,
    mood: deadLettersRefused !== null ? 'bad' : lastHour.failed > 0 ? 'attention' : 'plain',
  };
}
