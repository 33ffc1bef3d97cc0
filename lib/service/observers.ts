/** Who looks on: figures, log, and whoever else is to know of each event and of what was decided on it. None decides anything. */
import { hostname } from 'node:os';
import type { Config } from '../config/schema.js';
import type { Effect, EngineEvent } from '../core/events.js';
import { NoticeSender } from '../notify/notice-sender.js';
import type { Lag } from '../telemetry/lag.js';
import { describeEffect, describeEvent } from '../telemetry/log-lines.js';
import type { Logger } from '../telemetry/logger.js';
import type { MetricsAdapter } from '../telemetry/metrics.js';
import { now } from './clock.js';

export interface Observer {
  /** @param now milliseconds since the epoch, on a clock that never goes back */
  observe(event: EngineEvent, effects: readonly Effect[], now: number): void;
}

export class Observers implements Observer {
  readonly #observers: readonly Observer[];
  readonly #onDefect: (event: EngineEvent, error: unknown) => void;

  /** @param onDefect is told when an observer throws; the others are told of the event all the same */
  constructor(observers: readonly Observer[], onDefect: (event: EngineEvent, error: unknown) => void) {
    this.#observers = observers;
    this.#onDefect = onDefect;
  }

  observe(event: EngineEvent, effects: readonly Effect[], now: number): void {
    for (const observer of this.#observers) {
      try {
        observer.observe(event, effects, now);
      } catch (error) {
        this.#onDefect(event, error);
      }
    }
  }
}

/** Writes each event, and each decision, of which the log has a line. */
export function eventLog(logger: Pick<Logger, 'write'>): Observer {
  return {
    observe(event, effects) {
      const line = describeEvent(event);
      if (line !== null) logger.write(line);
      for (const effect of effects) {
        const said = describeEffect(effect);
        if (said !== null) logger.write(said);
      }
    },
  };
}

/** Tells people of what they should look at, where the settings of the moment say how. */
export function noticeSender(
  config: () => Config,
  metrics: Pick<MetricsAdapter, 'observeNotice'>,
  logger: Pick<Logger, 'write'>,
  lag: () => Pick<Lag, 'messages'>,
): NoticeSender {
  const { group_id: group } = config().kafka;
  return new NoticeSender({
    settings: () => config().notify,
    from: `atd-ingestion ${group} on ${hostname()}`,
    lag: () => lag().messages,
    now,
    onResult: (result) => metrics.observeNotice(result),
    log: (level, event, fields) => logger.write({ level, event, fields }),
  });
}
