/** `atd-ingestion check-config`: says whether the service would start with these settings, and which they are. */
import { stringify } from 'yaml';
import { checkRoots } from '../config/files.js';
import { describeConfig, invalidConfig } from '../config/load.js';
import { ExitCode } from '../errors.js';
import { chooseLoader } from './executable.js';
import { loadSettings, type ParsedOptions } from './options.js';

export function checkConfig(options: ParsedOptions): ExitCode {
  const { config, warnings: found } = loadSettings(options);
  const roots = checkRoots(config.ingest.allowed_roots);
  if (roots.complaints.length > 0) throw invalidConfig(roots.complaints);
  const warnings = [...found, ...roots.warnings];
  const { file, args, bundled } = chooseLoader(config);
  process.stdout.write(stringify(describeConfig(config)));
  process.stdout.write(`# loader: ${[file, ...args].join(' ')}${bundled ? ' (bundled)' : ''}\n`);
  for (const warning of warnings) process.stdout.write(`# warning: ${warning}\n`);
  process.stdout.write('# the configuration is valid\n');
  return ExitCode.ok;
}
