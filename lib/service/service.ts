/**
 * The composition root and the one loop: an event comes in, the engine decides, the effects are performed, and their results
 * come in as events again. No policy here; every `case` names the part that performs the effect.
 */

import { type Config, type LoadedConfig, shownSettings } from '../config/load.js';
import { Engine } from '../core/engine.js';
import type { Action, Effect, EngineEvent, Notice } from '../core/events.js';
import type { Boot } from '../core/offsets/interruptions.js';
import { ExitCode, exitCodeOf, isAtdError } from '../errors.js';
import { type HttpAdapter, startHttp } from '../http/server.js';
import type { Logger } from '../telemetry/logger.js';
import { createMetrics, type MetricsAdapter } from '../telemetry/metrics.js';
import { type Notifier, startNotifier } from '../telemetry/systemd.js';
import type { LogLevel } from '../types.js';
import { withinTime } from '../util/deadline.js';
import { adapterEvents, stackOf } from './adapter-events.js';
import { type Adapters, createAdapters } from './adapters.js';
import { Alarm } from './alarm.js';
import { AllowList } from './allow-list.js';
import { now } from './clock.js';
import { exchange, takeStartsBack } from './exchange.js';
import { Health } from './health.js';
import { httpHandlers, ownNames } from './http-handlers.js';
import { Onlookers } from './onlookers.js';
import { Overview } from './overview.js';
import { prepareParts } from './reload/prepared-parts.js';
import { type ReloadResult, Reloads } from './reload/reloads.js';
import { engineSettings, type LoaderProgram } from './settings.js';

export interface ServiceOptions {
  readonly config: Config;
  /** Where its settings came from. */
  readonly origins: LoadedConfig['origins'];
  /** Reads it anew. @throws AtdError as at the start */
  readonly readConfig: () => LoadedConfig;
  readonly loader: LoaderProgram;
  readonly logger: Logger;
  readonly version: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The machine and its boot; null where they cannot be told. */
  readonly boot: Boot | null;
  /** Whether it loads what was set aside and then ends. */
  readonly onlyWaiting?: boolean;
}

/** How long the clients may take to leave the group and to disconnect; a silent broker must not hold the stop. */
const DISCONNECT_MS = 4_000;
/** How long a run that ends itself tries to say so to the group, or to systemd. */
const LAST_WORD_MS = 1_000;
/** Kept of the stop's deadline, beside the children's grace, for the last commit and the way out. */
const RESERVE_MS = 6_000;

export class Service {
  /** The exit code, once everything has ended. */
  readonly done: Promise<ExitCode>;
  readonly #options: ServiceOptions;
  readonly #engine: Engine;
  readonly #metrics: MetricsAdapter;
  readonly #adapters: Adapters;
  readonly #health: Health;
  readonly #allowList: AllowList;
  readonly #overview: Overview;
  readonly #onlookers: Onlookers;
  readonly #reloads: Reloads;
  /** Aborted by the request to stop. */
  readonly #stopping = new AbortController();
  readonly #alarm = new Alarm(() => this.#handleEvent({ type: 'tick' }));
  #http: HttpAdapter | null = null;
  #notifier: Notifier | null = null;
  #phase: 'running' | 'draining' | 'ending' = 'running';
  #resolve: (code: ExitCode) => void = () => undefined;

  constructor(options: ServiceOptions) {
    const { config, loader, logger, version, environment, boot } = options;
    this.#options = options;
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#allowList = new AllowList(config, {
      allowed: (tenants) => this.#handleEvent({ type: 'allowed', tenants }),
      log: (line) => logger.write(line),
    });
    this.#reloads = new Reloads({
      ...{ config, origins: options.origins },
      read: options.readConfig,
      prepare: (next) =>
        prepareParts(next, options, {
          ...{ allowList: this.#allowList, adapters: this.#adapters, engine: this.#engine },
          onTaken: () => this.#handleEvent({ type: 'tick' }),
        }),
      isStopping: () => this.#phase !== 'running',
      onChange: () => this.#notifier?.look(),
      onDefect: (error) => this.#fail('service.defect', error, ExitCode.internal),
      onResult: (result) => {
        this.#metrics.observeReload(result);
        if (result === 'refused') this.#onlookers.notices.reloadRefused(this.#reloads.status.lastReload?.error ?? '');
      },
      log: (level, event, fields) => this.#log(level, event, fields),
    });
    const settings = {
      ...engineSettings(config, loader, environment, boot, this.#allowList.tenants),
      onlyWaiting: options.onlyWaiting === true,
    };
    this.#engine = new Engine(settings, Math.random);
    this.#adapters = this.#createAdapters();
    const { session_timeout_ms: sessionMs } = config.kafka;
    const isReloading = () => this.#reloads.isUnderWay;
    this.#health = new Health(() => this.#engine.status(), this.#adapters, sessionMs, now, isReloading);
    this.#overview = new Overview({
      ...{ version, now, adapters: this.#adapters, allowList: this.#allowList },
      ...{ health: this.#health, reloads: this.#reloads },
    });
    this.#metrics = createMetrics({
      version,
      status: () => this.#engine.status(),
      unreaped: () => this.#adapters.pool.unreaped(),
      preforkOff: () => this.#adapters.pool.preforkOff(),
      lag: (status) => this.#overview.lag(status),
      lastLoadedAt: () => this.#overview.lastLoadedAt,
      now,
      logFile: () => logger.file(),
      ledger: () => this.#adapters.ledger?.figures ?? null,
      settings: () => this.#reloads.metrics,
    });
    this.#onlookers = new Onlookers({
      ...{ version, loader, logger, now, metrics: this.#metrics, overview: this.#overview },
      config: () => this.#reloads.config,
      status: () => this.#engine.status(),
      ...{ ledger: this.#adapters.ledger, ledgerReader: this.#adapters.ledgerReader },
      onDefect: (event, error) => this.#unreported(event, error),
    });
  }

  /** @throws AtdError when the service cannot start at all */
  async start(): Promise<void> {
    const { config, version, loader, environment } = this.#options;
    const onTrouble = (reason: string) => this.#log('error', 'systemd.unreachable', { reason });
    this.#notifier = startNotifier(environment, () => this.#health.unit(), onTrouble);
    const { host, port } = config.http;
    const onWaiting = (reason: string) => this.#log('warn', 'http.waiting', { reason });
    this.#http = await startHttp(
      { host, port, names: ownNames(config), onWaiting, signal: this.#stopping.signal },
      httpHandlers({
        ...{ config, metrics: this.#metrics, health: this.#health },
        feed: this.#onlookers.feed,
        status: () => this.#engine.status(),
        overview: (status) => this.#overview.of(status),
        loads: this.#onlookers.loads,
        settings: () => shownSettings(this.#reloads.config, this.#reloads.origins),
        changing: {
          ...{ control: this.#adapters.control, reloads: this.#reloads, acts: this.#onlookers.acts, now },
          ...{ config: () => this.#reloads.config, status: () => this.#engine.status() },
          ledger: this.#adapters.ledgerReader,
          handle: (event) => this.#handleEvent(event),
          isStopping: () => this.#phase !== 'running',
        },
      }),
    );
    const leftovers = this.#adapters.pool.clearLeftovers();
    if (leftovers > 0) this.#log('warn', 'leftovers.killed', { processes: leftovers });
    const { topic, bootstrap_servers: brokers, group_id: group } = config.kafka;
    const fields = { version, http: this.#http.url, topic, brokers, group, slots: config.thread_pool_size };
    this.#log('info', 'service.started', { ...fields, loader: [loader.file, ...loader.args].join(' ') });
    if (!loader.bundled) this.#handleEvent({ type: 'loader-changed' });
    this.#allowList.start();
    void this.#adapters.ledger?.start();
    this.#adapters.machine.set(config.thread_pool_size === 'auto');
    this.#adapters.ends.start();
    this.#adapters.control.start();
    if (this.#options.onlyWaiting === true) {
      void this.#adapters.waiting?.whenEmpty().then(() => this.drain('nothing waits any more'));
    }
    this.#consume(this.#adapters.consumer.start());
    this.#reloads.begin();
    this.#onlookers.notices.start();
  }

  /** Takes over what has changed in the settings; never before the start is over, nor in a stop. */
  async reload(by: string): Promise<ReloadResult> {
    const result = await this.#reloads.request(by);
    this.#onlookers.acts.reloaded(result, { by, reason: '' });
    return result;
  }

  /** Begins an orderly stop; `done` resolves within the configured deadline. */
  drain(reason: string): void {
    if (this.#phase !== 'running') return;
    this.#phase = 'draining';
    this.#stopping.abort();
    const { service, as_cli } = this.#options.config;
    const deadlineMs = service.shutdown.deadline_seconds * 1000;
    const reserve = as_cli.grace * 1000 + Math.min(RESERVE_MS, deadlineMs / 4);
    this.#log('info', 'service.stopping', { reason, deadlineSeconds: service.shutdown.deadline_seconds });
    setTimeout(() => this.#overrun(), deadlineMs).unref();
    this.#handleEvent({ type: 'drain', stopAt: now() + Math.max(0, deadlineMs - reserve) });
  }

  forceStop(): void {
    this.#handleEvent({ type: 'force-stop' });
  }

  /** For an abrupt end: kills the children, synchronously, and leaves the rest to the process's end. */
  killAllNow(): void {
    this.#adapters.pool.killAllNow();
  }

  #handleEvent(event: EngineEvent): void {
    if (this.#phase === 'ending') return;
    const at = now();
    let effects: Effect[];
    try {
      effects = this.#engine.handle(event, at);
    } catch (error) {
      // What the books say now, nobody knows. The next run reads them anew from the last commit.
      return this.#fail('service.defect', error, ExitCode.internal);
    }
    this.#onlookers.observe(event, effects, at);
    for (const effect of effects) this.#perform(effect);
    this.#alarm.set(this.#engine.nextWakeAt());
  }

  #consume(started: Promise<void>): void {
    started.catch((error: unknown) => {
      this.#fail('kafka.failed', error, isAtdError(error) ? exitCodeOf(error) : ExitCode.crash);
    });
  }

  /** What cannot be counted or logged is done all the same. */
  #unreported(event: EngineEvent, error: unknown): void {
    this.#metrics.observeDefect();
    this.#log('error', 'service.unreported', { about: event.type, error: stackOf(error) });
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'run':
        return void this.#run(effect);
      case 'stop':
        return this.#adapters.pool.stop(effect.jobId);
      case 'dead-letter':
      case 'set-aside':
      case 'commit':
        return void exchange(effect, this.#adapters).then((event) => this.#handleEvent(event));
      case 'pause':
        return this.#adapters.consumer.pause(effect.partitions);
      case 'resume':
        return this.#adapters.consumer.resume(effect.partitions);
      case 'probe':
        return void this.#probeLoader();
      case 'leave-group':
        return void this.#adapters.consumer.leave().then(() => this.#handleEvent({ type: 'left-group' }));
      case 'join-group':
        return this.#consume(this.#adapters.consumer.join());
      case 'drained':
        return void this.#end(effect.uncommitted === 0 ? ExitCode.ok : ExitCode.tryAgain);
      default:
        // An action without a case above does not compile.
        effect satisfies Notice;
    }
  }

  async #run({ job, command }: Extract<Action, { type: 'run' }>): Promise<void> {
    const looked = this.#lookAtLoader();
    try {
      const outcome = await this.#adapters.pool.run(job.id, command);
      await looked;
      if (outcome.result === 'sink-refused') this.#reloads.passwordRefused();
      this.#handleEvent({ type: 'finished', jobId: job.id, outcome });
    } catch (error) {
      this.#fail('pool.failed', error, ExitCode.internal);
    }
  }

  /** An exchange counts before the end of what began behind it. */
  async #lookAtLoader(): Promise<void> {
    if (await this.#adapters.probe?.hasChanged()) this.#handleEvent({ type: 'loader-changed' });
  }

  async #probeLoader(): Promise<void> {
    try {
      const probe = await this.#adapters.probe?.run();
      if (probe !== undefined) this.#handleEvent({ type: 'probed', probe });
    } catch (error) {
      this.#fail('pool.failed', error, ExitCode.internal);
    }
  }

  async #end(code: ExitCode): Promise<void> {
    this.#phase = 'ending';
    this.#adapters.probe?.stop();
    this.#allowList.close();
    this.#adapters.machine.close();
    this.#adapters.ends.close();
    this.#alarm.set(null);
    const { consumer, deadLetter, control, ledger, ledgerReader } = this.#adapters;
    const kept = [ledger?.close(), ledgerReader?.close()];
    const disconnected = Promise.allSettled([consumer.stop(), deadLetter.close(), control.close(), ...kept]);
    await withinTime(disconnected, DISCONNECT_MS);
    await this.#adapters.pool
      .close()
      .catch((error: unknown) => this.#log('error', 'pool.failed', { error: String(error) }));
    await this.#http?.close();
    this.#onlookers.notices.close();
    await withinTime(Promise.resolve(this.#notifier?.close()), LAST_WORD_MS);
    this.#log('info', 'service.stopped', { exitCode: code });
    this.#resolve(code);
  }

  #overrun(): void {
    const running = this.#engine.status().running.map(({ job }) => job.id);
    this.#log('error', 'drain.overrun', { running });
    this.#phase = 'ending';
    this.killAllNow();
    const code = running.length === 0 ? ExitCode.tryAgain : ExitCode.crash;
    void withinTime(this.#takeStartsBack(), LAST_WORD_MS).then(() => this.#resolve(code));
  }

  /** An end that no file brought about, as far as anyone can tell; a defect may be what some file's load has led to. */
  #fail(event: string, error: unknown, code: ExitCode): void {
    const isDefect = event === 'service.defect';
    this.#log('error', event, { error: isDefect ? stackOf(error) : (error as Error).message });
    this.#phase = 'ending';
    this.killAllNow();
    const told = isDefect ? Promise.resolve() : withinTime(this.#takeStartsBack(), LAST_WORD_MS);
    void told.then(() => this.#resolve(code));
  }

  #takeStartsBack(): Promise<void> {
    return takeStartsBack(this.#engine.commitsWithoutStarts(), this.#adapters, (...line) => this.#log(...line));
  }

  #createAdapters(): Adapters {
    const { loader, environment } = this.#options;
    const command = () => engineSettings(this.#reloads.config, loader, environment).command;
    const events = adapterEvents({
      handle: (event) => this.#handleEvent(event),
      log: (...line) => this.#log(...line),
      fail: (...failure) => this.#fail(...failure),
      isEnding: () => this.#phase === 'ending',
      passwordRefused: () => this.#reloads.passwordRefused(),
      takeStartsBack: () => void this.#takeStartsBack(),
    });
    return createAdapters(() => this.#reloads.config, loader, command, environment, events);
  }

  #log(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>): void {
    this.#options.logger.write({ level, event, fields });
  }
}
