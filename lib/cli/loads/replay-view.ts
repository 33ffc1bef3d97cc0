/** What `loads replay` announces or has announced, for people and for programs. */
import { countText, withoutControl, wrap } from '../../util/plain-text.js';
import type { ReplayVerdict } from './replay-plan.js';
import { cut } from './undo-view.js';

export interface ReplayOutcome {
  readonly verdicts: readonly ReplayVerdict[];
  readonly topic: string;
  readonly isDone: boolean;
}

export function renderReplay({ verdicts, topic, isDone }: ReplayOutcome, columns: number): string {
  const announced = verdicts.filter((verdict) => verdict.kind === 'replay');
  const refused = verdicts.filter((verdict) => verdict.kind === 'refused');
  const nothing = verdicts.filter((verdict) => verdict.kind === 'nothing');
  const parts = [
    `${countText(announced.length, 'load')} ${isDone ? `announced again on ${topic}` : 'would be announced again'}`,
    ...(refused.length === 0 ? [] : [`${refused.length.toLocaleString('en-GB')} refused`]),
    ...(nothing.length === 0 ? [] : [`${nothing.length.toLocaleString('en-GB')} announced before`]),
  ];
  const lines = [
    ...cut(announced.map(({ load, nextId }) => `${load.path}: loads show ${nextId}`)),
    ...cut(nothing.map(({ load, why }) => `not announced: ${load.path} (${load.loadId}): ${why}`)),
    ...cut(refused.map(({ load, why }) => `not announced: ${load.path} (${load.loadId}): ${why}`)),
    parts.join(', '),
  ];
  return lines
    .flatMap((line) => wrap(withoutControl(line), columns))
    .map((line) => `${line}\n`)
    .join('');
}

/** One object for programs. */
export function replayReport({ verdicts, topic, isDone }: ReplayOutcome): object {
  const of = (kind: ReplayVerdict['kind']): object[] =>
    verdicts
      .filter((verdict) => verdict.kind === kind)
      .map((verdict) => {
        const { loadId, path } = verdict.load;
        if (verdict.kind !== 'replay') return { loadId, path, why: verdict.why };
        return { loadId, path, generation: verdict.generation, nextId: verdict.nextId };
      });
  return {
    act: 'announced',
    dryRun: !isDone,
    topic,
    done: of('replay'),
    refused: of('refused'),
    before: of('nothing'),
  };
}
