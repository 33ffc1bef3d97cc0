/** `atd-ingestion [run]` and `drain --waiting`: the service itself. */
import '../v8-flags.js';
import type { LoadedConfig } from '../config/load.js';
import { AtdError, type ExitCode } from '../errors.js';
import { readBoot } from '../service/boot.js';
import { Service } from '../service/service.js';
import { createLogger } from '../telemetry/logger.js';
import { chooseLoader } from './executable.js';
import { loadSettings, type ParsedOptions } from './options.js';
import { ignoreSignals, installShutdown } from './shutdown.js';

/** `atd-ingestion drain --waiting`: a service that loads what was set aside, and then ends. */
export async function drainWaiting(options: ParsedOptions, version: string): Promise<ExitCode> {
  const other = ['wait', 'reason', 'json', 'token-file', 'url'].find((name) => options.values[name] !== undefined);
  if (other === undefined) return run(options, version, true);
  throw new AtdError('ATD_USAGE', `drain --waiting is a service of its own, and takes no --${other}`);
}

export async function run(options: ParsedOptions, version: string, onlyWaiting = false): Promise<ExitCode> {
  let onSignal: (signal: string) => void = () => undefined;
  ignoreSignals((signal) => onSignal(signal));
  const readConfig = (): LoadedConfig => {
    const { config, warnings, origins } = loadSettings(options);
    return {
      origins,
      config: onlyWaiting ? { ...config, tenants: { ...config.tenants, set_aside: 'topic' } } : config,
      warnings,
    };
  };
  const { config, warnings, origins } = readConfig();
  const loader = chooseLoader(config);
  const logger = createLogger({ level: config.log_level, format: config.log_format, file: config.log_file });
  for (const warning of warnings) logger.write({ level: 'warn', event: 'config.warning', fields: { warning } });
  if (loader.bundled) {
    const note = 'the loader is the bundled as-cli';
    logger.write({ level: 'info', event: 'loader.bundled', fields: { note } });
  }
  const service = new Service({
    config,
    origins,
    readConfig: () => {
      const read = readConfig();
      // As at the start, and in check-config: it must be there, also for the next start.
      chooseLoader(read.config);
      return read;
    },
    loader,
    logger,
    version,
    environment: process.env,
    boot: readBoot(),
    onlyWaiting,
  });
  onSignal = (signal) => {
    if (signal === 'SIGHUP') void service.reload(signal);
    else logger.write({ level: 'warn', event: 'service.signal', fields: { signal, note: 'ignored' } });
  };
  const endShutdown = installShutdown({
    drain: (signal) => service.drain(signal),
    forceStop: () => service.forceStop(),
    killAllNow: () => service.killAllNow(),
  });
  try {
    await service.start();
    return await service.done;
  } finally {
    endShutdown();
    onSignal = () => undefined;
    await logger.close();
  }
}
