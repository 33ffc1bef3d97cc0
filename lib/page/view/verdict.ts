/** How the service is, in words: the first sentence that holds, with its reasons. */
import { countText, duration } from '../../util/plain-text.js';
import { showControl } from '../../util/safe-text.js';
import { type PageState, type PageStatus, serviceNow } from './state.js';

export interface Verdict {
  /** `unknown` while the service has not been heard of. */
  readonly mood: 'good' | 'attention' | 'bad' | 'unknown';
  readonly words: string;
  readonly reasons: readonly string[];
}

/** A load that was given up counts as news for so long. */
const NEWS_MS = 15 * 60_000;

/** @param now milliseconds since the epoch, on the browser's clock */
export function verdictOf(state: PageState, now: number): Verdict {
  const { connection, status } = state;
  if (connection.kind === 'lost') {
    const last = status === null ? '' : ' What you see is from before.';
    const words = `No answer from the service for ${duration(now - connection.since)}`;
    return { mood: 'unknown', words, reasons: [`It may be restarting; this page asks again by itself.${last}`] };
  }
  if (status === null) return { mood: 'unknown', words: 'Asking the service how it is', reasons: [] };
  const at = serviceNow(state, now);
  const [words, mood, reason] = sentence(status, at);
  const probes = [...status.live.reasons, ...status.ready.reasons].filter((each) => each !== reason);
  const lesser = lesserTrouble(state, status, at);
  const reasons = [...(reason === null ? [] : [reason]), ...probes, ...lesser].map(showControl);
  return { mood: mood === 'good' && lesser.length > 0 ? 'attention' : mood, words, reasons };
}

type Sentence = readonly [words: string, mood: Verdict['mood'], reason: string | null];

function sentence(status: PageStatus, at: number): Sentence {
  const { state, drain, breaker, commits, live, ready, suspects, partitions } = status;
  if (state === 'drained')
    return ['Drained: out of the group, and reading nothing until it is resumed', 'attention', null];
  if (drain !== null) return ['Being drained: what runs is finished, then it leaves the group', 'attention', null];
  if (state === 'draining' || state === 'stopped') {
    return ['Stopping: what runs is finished, nothing new begins', 'attention', null];
  }
  if (state === 'starting') return ['Starting', 'attention', null];
  if (breaker.state !== 'closed') {
    const since = breaker.since === null ? '' : ` for ${duration(at - breaker.since)}`;
    return [`All loads are held back${since}: ${nextTry(breaker, at)}`, 'bad', breaker.reason];
  }
  if (commits.startsHeld) return ['No load is started: commits are not acknowledged', 'bad', commits.reason];
  if (!live.ok || !ready.ok) return ['Not well', 'bad', null];
  if (suspects.isAlone) {
    return ['One file is loaded alone: the service ended before while it was being loaded', 'attention', null];
  }
  if (partitions.length === 0) return ['Well, and other instances read all partitions', 'good', null];
  if (state === 'paused') return ['Well, and reading no more for now: enough waits', 'good', null];
  if (status.running.length > 0) return [`Well, loading ${countText(status.running.length, 'file')}`, 'good', null];
  return ['Well, and nothing to do', 'good', null];
}

function nextTry({ state, until }: PageStatus['breaker'], at: number): string {
  if (state === 'half-open') return 'one is being tried now';
  if (until === null) return 'they go on by themselves';
  return until <= at ? 'one is about to be tried' : `one is tried in ${duration(until - at)}`;
}

/** What does not keep the service from its work, and somebody should know. */
function lesserTrouble({ givenUp }: PageState, status: PageStatus, at: number): string[] {
  const { heldTables, heldTenants, pauses, settings, partitions } = status;
  const lately = givenUp.filter((load) => at - load.finishedAt < NEWS_MS).length;
  const full = partitions.filter(({ flood }) => flood !== null).length;
  return [
    ...(lately === 0 ? [] : [`${countText(lately, 'file')} given up in the last 15 min`]),
    ...(heldTables.length === 0 ? [] : [`${countText(heldTables.length, 'table')} held back`]),
    ...(heldTenants.length === 0
      ? []
      : [`${countText(heldTenants.length, 'tenant')} not on the allow-list, and waiting`]),
    ...(pauses.length === 0 ? [] : [`${countText(pauses.length, 'tenant')} paused`]),
    ...(full === 0 ? [] : [`${countText(full, 'partition')} not read: enough of it waits`]),
    ...(settings.lastReload?.error == null ? [] : [`the last reload was refused: ${settings.lastReload.error}`]),
    ...(settings.needRestart.length === 0 ? [] : [`settings that need a restart: ${settings.needRestart.join(', ')}`]),
  ];
}
