/** Which loads a loader without tokens may repeat, read from the log of a service: so that a bound is not one of time. */
import type { LogLine, ServiceProcess } from '../support/service-process.js';

/**
 * Most loads that are repeated if a service loses its partitions behind these lines: what runs, and what has ended since the
 * last sure commit. A commit carries what had ended when the one before it was acknowledged.
 */
export function loadsAtRisk(log: readonly LogLine[]): number {
  const commits = log.flatMap((line, index) => (line.message === 'commit.done' ? [index] : []));
  const since = commits.at(-2) ?? 0;
  const count = (...messages: readonly string[]) => log.filter(({ message }) => messages.includes(message)).length;
  const uncommitted = log.slice(since).filter(({ message }) => message === 'job.loaded').length;
  return uncommitted + count('job.started') - count('job.loaded', 'job.ended');
}

/** Most loads that are repeated because a service was given its partitions anew, each time behind the first. */
export function loadsAtRiskInRebalances({ log }: ServiceProcess): number {
  const assigned = log.flatMap((line, index) => (line.message === 'partitions.assigned' ? [index] : []));
  return assigned.slice(1).reduce((sum, index) => sum + loadsAtRisk(log.slice(0, index)), 0);
}
