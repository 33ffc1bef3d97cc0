/** What the engine is told once: each part's slice of the configuration, times in milliseconds. */
import type { LoadLimits } from './rules/backpressure.js';
import type { BreakerRules } from './rules/circuit-breaker.js';
import type { CommandRules } from './rules/command.js';
import type { RetryRules } from './rules/retry-policy.js';
import type { RecordRules } from './state/records.js';

export interface EngineSettings {
  readonly slots: number;
  readonly records: RecordRules;
  /** Records of one partition that may be delivered and not yet passed by a commit. */
  readonly maxUncommitted: number;
  readonly load: LoadLimits;
  readonly command: CommandRules;
  readonly retry: RetryRules;
  readonly breaker: BreakerRules;
}
