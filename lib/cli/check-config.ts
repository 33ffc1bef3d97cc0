/** `atd-ingestion check-config`: says whether the service would start with these settings, and which they are. */
import { stringify } from 'yaml';
import { checkRoots } from '../config/files.js';
import { describeConfig, invalidConfig } from '../config/load.js';
import { ExitCode } from '../errors.js';
import { chooseLoader } from './executable.js';
import { loadSettings, type ParsedOptions } from './options.js';

/** What `batch_size` was where nothing was said, and stands in many a file for that. */
const FORMER_BATCH_SIZE = 10_000;
const FORMER_BATCHES =
  'batch_size is 10000, the default of former versions; without it (auto) files of more than 500,000 rows are loaded in larger ' +
  'blocks, which is faster. Change it while no load is under way: a load that is repeated in other blocks doubles rows';
const FORMER_LAUNCH =
  'as_cli.launch is launcher, the default of former versions: a process per file; without it (auto) the bundled loader takes one ' +
  'file after another, which is faster';

export function checkConfig(options: ParsedOptions): ExitCode {
  const { config, warnings: found } = loadSettings(options);
  const roots = checkRoots(config.ingest.allowed_roots);
  if (roots.complaints.length > 0) throw invalidConfig(roots.complaints);
  const warnings = [...found, ...roots.warnings];
  const { file, args, bundled, launch } = chooseLoader(config);
  process.stdout.write(stringify(describeConfig(config)));
  process.stdout.write(`# loader: ${[file, ...args].join(' ')}${bundled ? ' (bundled)' : ''}\n`);
  if (config.as_cli.launch === 'auto') process.stdout.write(`# as_cli.launch: auto is ${launch} for this loader\n`);
  if (bundled && config.batch_size === FORMER_BATCH_SIZE) process.stdout.write(`# note: ${FORMER_BATCHES}\n`);
  if (bundled && launch === 'launcher') process.stdout.write(`# note: ${FORMER_LAUNCH}\n`);
  for (const warning of warnings) process.stdout.write(`# warning: ${warning}\n`);
  process.stdout.write('# the configuration is valid\n');
  return ExitCode.ok;
}
