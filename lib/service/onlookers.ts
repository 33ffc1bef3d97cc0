/** All who look on, each made with what it needs of the others. */
import { hostname } from 'node:os';
import type { Config } from '../config/load.js';
import type { Effect, EngineEvent } from '../core/events.js';
import type { EngineStatus } from '../core/status.js';
import { Feed } from '../feed/feed.js';
import type { Ledger } from '../ledger/ledger.js';
import { LoadAnswers } from '../ledger/load-answers.js';
import { LoadRows } from '../ledger/load-rows.js';
import type { LedgerReader } from '../ledger/reader.js';
import { RecentLoads } from '../ledger/recent-loads.js';
import { NoticeSender } from '../notify/notice-sender.js';
import type { Logger } from '../telemetry/logger.js';
import type { MetricsAdapter } from '../telemetry/metrics.js';
import { preforkAdvice } from '../telemetry/prefork-lines.js';
import { Acts } from './acts/acts.js';
import { eventLog, type Observer, Observers } from './observers.js';
import type { Overview } from './overview.js';
import type { LoaderProgram } from './settings.js';

export interface OnlookerSources {
  readonly version: string;
  readonly loader: LoaderProgram;
  readonly logger: Pick<Logger, 'write'>;
  readonly metrics: MetricsAdapter;
  readonly overview: Overview;
  /** As it is at the moment. */
  readonly config: () => Config;
  readonly status: () => EngineStatus;
  /** Where what became of files is kept, and read again; null where there is no ledger. */
  readonly ledger: Ledger | null;
  readonly ledgerReader: LedgerReader | null;
  /** Milliseconds since the epoch, on a clock that never goes back. */
  readonly now: () => number;
  /** Is told when one of them throws. */
  readonly onDefect: (event: EngineEvent, error: unknown) => void;
}

export class Onlookers implements Observer {
  /** For those who watch over HTTP. */
  readonly feed: Feed;
  /** For those who ask what became of files. */
  readonly loads: LoadAnswers;
  /** For people who should look. */
  readonly notices: NoticeSender;
  /** What people change is noted here by whoever does it. */
  readonly acts: Acts;
  readonly #all: Observers;

  constructor(sources: OnlookerSources) {
    const { version, loader, logger, metrics, overview, config, status, ledger, ledgerReader, now, onDefect } = sources;
    const lag = () => overview.lag(status()).messages;
    this.feed = new Feed({ status: () => overview.of(status()), speeds: () => overview.speeds(), lag, now });
    // What tells this run from others, of the same machine too.
    const instance = `${hostname()}/${process.pid}`;
    const rows = new LoadRows({ instance, version, loader: loader.bundled ? 'bundled' : loader.file });
    const recent = new RecentLoads(rows, (made) => {
      ledger?.add(made);
      this.feed.take(made);
    });
    this.loads = new LoadAnswers({ recent, ledger, reader: ledgerReader });
    this.acts = new Acts({ logger, instance, version, keep: (row) => ledger?.acts.add(row), now });
    this.notices = new NoticeSender({
      settings: () => config().notify,
      from: `atd-ingestion ${config().kafka.group_id} on ${hostname()}`,
      ...{ lag, now },
      onResult: (result) => metrics.observeNotice(result),
      log: (level, event, fields) => logger.write({ level, event, fields }),
    });
    const advice = preforkAdvice(
      () => config().as_cli.launch,
      (line) => logger.write(line),
    );
    const all = [metrics, overview, this.feed, recent, eventLog(logger), this.notices, advice];
    this.#all = new Observers(all, onDefect);
  }

  observe(event: EngineEvent, effects: readonly Effect[], now: number): void {
    this.#all.observe(event, effects, now);
  }
}
