/** `atd-ingestion [run]`: the service itself. */
import { fileURLToPath } from 'node:url';
import type { Config } from '../config.js';
import type { LoaderProgram } from '../core/settings.js';
import { AtdError, type ExitCode } from '../errors.js';
import { findExecutable } from '../io/executable.js';
import { createLogger } from '../io/logger.js';
import { installShutdown } from '../io/shutdown.js';
import { Service } from '../service.js';
import type { ParsedOptions } from './options.js';
import { loadSettings } from './settings.js';

const DEFAULT_EXECUTABLE = 'as-cli';

export async function run(options: ParsedOptions, version: string): Promise<ExitCode> {
  const { config, warnings } = loadSettings(options);
  const { loader, bundled } = chooseLoader(config);
  const logger = createLogger({ level: config.log_level, format: config.log_format, file: config.log_file });
  for (const warning of warnings) logger.write({ level: 'warn', event: 'config.warning', fields: { warning } });
  if (bundled) {
    const note = 'no as-cli on the PATH: the bundled loader runs';
    logger.write({ level: 'info', event: 'loader.bundled', fields: { note } });
  }
  const service = new Service({ config, loader, logger, version, environment: process.env });
  const uninstall = installShutdown({
    drain: (signal) => service.drain(signal),
    hasten: () => service.hasten(),
    abandon: () => service.abandon(),
  });
  try {
    await service.start();
    return await service.done;
  } finally {
    uninstall();
    await logger.close();
  }
}

/** @throws AtdError ATD_EXECUTABLE_NOT_FOUND */
export function chooseLoader({ as_cli }: Config): { readonly loader: LoaderProgram; readonly bundled: boolean } {
  const found = findExecutable(as_cli.executable, process.env['PATH'] ?? '');
  if (found !== null) return { loader: { file: found, args: [] }, bundled: false };
  if (as_cli.executable !== DEFAULT_EXECUTABLE) {
    throw new AtdError(
      'ATD_EXECUTABLE_NOT_FOUND',
      `as_cli.executable ${as_cli.executable} is not an executable file${as_cli.executable.includes('/') ? '' : ' on the PATH'}; ` +
        'install it, correct the setting, or leave the setting out to use the bundled loader',
    );
  }
  const script = fileURLToPath(new URL('../../../bin/as-cli', import.meta.url));
  return { loader: { file: process.execPath, args: [script] }, bundled: true };
}
