/**
 * The two questions of an orchestrator. Liveness: would a restart help? Readiness: can this instance do its work? A
 * ClickHouse that is away makes neither false: a restart would only make it worse.
 */
import type { DrainOrder } from '../core/events.js';
import type { EngineStatus } from '../core/status.js';

export interface Probe {
  readonly ok: boolean;
  /** What is wrong; empty when nothing is. */
  readonly reasons: readonly string[];
}

/** For how long acknowledgements that were due have stayed away while a broker answered. */
export interface Silences {
  /** Of heartbeats and commits; null before the group was first joined. */
  readonly memberMs: number | null;
  /** Of commits alone, which may be refused while heartbeats are answered. */
  readonly commitMs: number;
}

/** @param maxMs twice the session's timeout: by then the group has given the partitions away */
export function probeLiveness({ memberMs, commitMs }: Silences, maxMs: number): Probe {
  const reasons: string[] = [];
  if (memberMs !== null && memberMs > maxMs) {
    reasons.push(
      `the group's coordinator has acknowledged nothing for ${seconds(memberMs)} s, though a broker answers`,
    );
  }
  if (commitMs > maxMs) {
    reasons.push(`no commit has been acknowledged for ${seconds(commitMs)} s, though a broker answers`);
  }
  return { ok: reasons.length === 0, reasons };
}

/** @param obstacle what keeps the consumer from its work; null where nothing is known to */
export function probeReadiness(status: EngineStatus, poolReady: boolean, obstacle: string | null): Probe {
  const reasons: string[] = [];
  if (status.state === 'starting') {
    reasons.push(`the consumer has not joined its group yet${obstacle === null ? '' : `: ${obstacle}`}`);
  } else if (obstacle !== null) reasons.push(obstacle);
  if (status.drain !== null) reasons.push(drainInWords(status.state, status.drain));
  else if (status.state === 'draining' || status.state === 'stopped') reasons.push('the service is stopping');
  if (status.commits.startsHeld) {
    reasons.push(`no load is started, for no commit has been acknowledged for a session: ${status.commits.reason}`);
  }
  if (!poolReady) reasons.push('the worker pool is not complete');
  if (status.deadLettersRefused !== null) {
    const { letters, error } = status.deadLettersRefused;
    reasons.push(
      `nothing is read while ${letters === 1 ? 'a dead letter is' : `${letters} dead letters are`} refused: ${error}`,
    );
  }
  if (status.breaker.cause === 'service-fault') reasons.push(`the loader cannot be run: ${status.breaker.reason}`);
  return { ok: reasons.length === 0, reasons };
}

/** `drained by maria@host: ClickHouse is moved`. */
export function drainInWords(state: EngineStatus['state'], { by, reason }: DrainOrder): string {
  const done = state === 'drained' ? 'drained' : 'being drained';
  return `${done} by ${by === '' ? 'somebody' : by}${reason === '' ? '' : `: ${reason}`}`;
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
