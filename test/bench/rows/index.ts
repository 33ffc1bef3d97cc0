/** The rows in the order of the table. */
import type { Row } from '../bench.js';
import { bookkeeping } from './bookkeeping.js';
import { decisions } from './decisions.js';
import { failingTenant } from './failing-tenant.js';
import { flood } from './flood.js';
import { floodMemory } from './flood-memory.js';
import { largeFile } from './large-file.js';
import { latency } from './latency.js';
import { launch } from './launch.js';
import { load } from './load.js';
import { loaderStart } from './loader-start.js';
import { memory } from './memory.js';
import { ownCpu } from './own-cpu.js';
import { pipeline } from './pipeline.js';
import { pythonLoader } from './python-loader.js';
import { scaleOut } from './scale-out.js';
import { smallFiles } from './small-files.js';
import { stuckHead } from './stuck-head.js';
import { valueChecks } from './value-checks.js';
import { warm } from './warm.js';

export const ROWS: readonly Row[] = [
  launch,
  ownCpu,
  pipeline,
  latency,
  bookkeeping,
  stuckHead,
  decisions,
  load,
  largeFile,
  loaderStart,
  valueChecks,
  smallFiles,
  warm,
  pythonLoader,
  memory,
  scaleOut,
  failingTenant,
  flood,
  floodMemory,
];
