/** What systemd is to know of the service: made of the probes, which an orchestrator asks instead. */
import type { EngineStatus } from '../core/status.js';
import type { Probe } from '../http/probes.js';
import type { UnitState } from '../telemetry/unit-messages.js';

/**
 * @param isPoolReady whether the start is over, once the group is joined: what comes later is no part of it
 * @param isReloading whether the settings are being exchanged
 */
export function unitState(
  status: EngineStatus,
  live: Probe,
  ready: Probe,
  isPoolReady: boolean,
  isReloading = false,
): UnitState {
  return { phase: phaseOf(status, isPoolReady, isReloading), isLive: live.ok, status: describe(status, live, ready) };
}

function phaseOf({ state, drain }: EngineStatus, isPoolReady: boolean, isReloading: boolean): UnitState['phase'] {
  // By order of people, who may end it: the unit is up.
  if (drain !== null) return isReloading ? 'reloading' : 'running';
  if (state === 'draining' || state === 'stopped') return 'stopping';
  if (state === 'starting' || !isPoolReady) return 'starting';
  return isReloading ? 'reloading' : 'running';
}

function describe({ breaker, partitions }: EngineStatus, live: Probe, ready: Probe): string {
  const reasons = [...live.reasons, ...ready.reasons];
  if (reasons.length > 0) return reasons.join('; ');
  if (breaker.state !== 'closed') return `holding back: ${breaker.reason}`;
  const [first] = partitions;
  if (first === undefined) return 'ready; other instances read all partitions';
  // Those of the topic of those that wait are the same ones once more.
  const own = partitions.filter(({ topic }) => topic === first.topic).length;
  return `reading ${own} ${own === 1 ? 'partition' : 'partitions'} of ${first.topic}`;
}
