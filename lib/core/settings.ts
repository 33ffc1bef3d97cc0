/** What the engine is made with: each part's slice of the configuration, times in milliseconds. */
import type { Boot } from './offsets/interruptions.js';
import type { LoadLimits } from './rules/backpressure.js';
import type { BreakerRules } from './rules/circuit-breaker.js';
import type { CommandRules } from './rules/command.js';
import type { WaitingTopic } from './rules/headers.js';
import type { RetryRules } from './rules/retry-policy.js';
import type { RoutingRules } from './rules/routing.js';
import type { FairnessRules } from './rules/turns/scheduler.js';

export interface RecordRules {
  readonly maxMessageBytes: number;
  readonly commitIntervalMs: number;
  readonly routing: RoutingRules;
  /** How long a record of a tenant that is not on the allow-list may wait for the list; 0 for not at all. */
  readonly holdUnknownMs: number;
  /** Where records are kept that must wait for long; null where none are. */
  readonly waiting: WaitingTopic | null;
  /** Where this run is; null where nobody knows. */
  readonly boot: Boot | null;
}

export interface EngineSettings {
  /** Loads at the same time, at the most. */
  readonly slots: number;
  /** Whether it is found out how many of them are of use. */
  readonly adaptiveSlots: boolean;
  readonly records: RecordRules;
  /** Records of one partition that may be delivered and not yet passed by a commit. */
  readonly maxUncommitted: number;
  readonly load: LoadLimits;
  /** Without an acknowledged commit for so long, no load is started: what it does may have to be done again. */
  readonly sessionTimeoutMs: number;
  readonly command: CommandRules;
  /** How long a file must not have been written to before it is loaded; 0 for not at all. */
  readonly settleMs: number;
  readonly retry: RetryRules;
  readonly breaker: BreakerRules;
  /** Dead letters of one table in a row, after which it is held back. */
  readonly maxDeadLettersInRow: number;
  readonly fairness: FairnessRules;
  /** Whether it will be said which tenants are paused: then nothing is started before. */
  readonly awaitsControl: boolean;
  /** Whether only what was set aside is read, and nothing more is set aside: before that is switched off for good. */
  readonly onlyWaiting?: boolean;
}
