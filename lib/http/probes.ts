/**
 * The two questions of an orchestrator. Liveness: would a restart help? Readiness: can this instance do its work? A
 * ClickHouse that is away makes neither false: a restart would only make it worse.
 */
import type { EngineStatus } from '../core/status.js';

export interface Probe {
  readonly ok: boolean;
  /** What is wrong; empty when nothing is. */
  readonly reasons: readonly string[];
}

/**
 * @param beatAgeMs since the consumer last showed life; null before it first did
 * @param maxBeatAgeMs twice the session's timeout: by then the group has given the partitions away
 */
export function probeLiveness(beatAgeMs: number | null, maxBeatAgeMs: number): Probe {
  if (beatAgeMs === null || beatAgeMs <= maxBeatAgeMs) return { ok: true, reasons: [] };
  return { ok: false, reasons: [`the consumer has shown no life for ${Math.round(beatAgeMs / 1000)} s`] };
}

export function probeReadiness(status: EngineStatus, poolReady: boolean): Probe {
  const reasons: string[] = [];
  if (status.state === 'starting') reasons.push('the consumer has not joined its group yet');
  if (status.state === 'draining' || status.state === 'stopped') reasons.push('the service is stopping');
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
