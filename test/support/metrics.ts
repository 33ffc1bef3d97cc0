/** The metrics of an engine that a test plays with. */
import { createMetrics, type MetricsAdapter, type MetricsSources } from '../../lib/telemetry/metrics.js';
import { Play } from './engine.js';

/** Five messages are behind, one of them unread. */
export function metricsOf(play = new Play(), changes: Partial<MetricsSources> = {}): MetricsAdapter {
  return createMetrics({
    version: '1.2.3',
    status: () => play.status,
    unreaped: () => 2,
    preforkOff: () => null,
    lag: ({ partitions }) => ({ partitions: partitions.map(() => 5), messages: 5, fileBytes: 9, secondsLeft: null }),
    lastLoadedAt: () => 5_000,
    now: () => play.now,
    settings: () => ({ since: 1_500, isLastTaken: true }),
    logFile: () => ({ failing: false, lost: 0 }),
    ledger: () => null,
    ...changes,
  });
}
