/** `atd-ingestion reconcile`: the files on the disk beside what the topic and the ledger know of them. */
import { AtdError, ExitCode } from '../../errors.js';
import { rateOf } from '../../sending/rate.js';
import { hasLedger } from '../../service/settings.js';
import { tenantNamed } from '../../util/tenant-name.js';
import { type TenantRule, tenantRule } from '../emit/announcement.js';
import { laneOf, rulesOf } from '../emit/emit.js';
import { namesOfNothing } from '../emit/find-files.js';
import { chooseLoader } from '../executable.js';
import { openLedger } from '../loads/sources.js';
import { loadSettings, type ParsedOptions } from '../options.js';
import { addressOf } from '../remote.js';
import { spanMs } from '../span.js';
import { compare } from './compare.js';
import { Report } from './report.js';
import { Announcer } from './send.js';

/** Longer than a producer takes from its file to its message. */
const DEFAULT_AGE = '1m';

export async function reconcile(options: ParsedOptions): Promise<ExitCode> {
  const { values, positionals: names } = options;
  if (names.length === 0) throw new AtdError('ATD_USAGE', 'reconcile needs directories, or patterns of paths');
  const [missing] = namesOfNothing(names);
  // Nothing to compare would pass for nothing that is missing.
  if (missing !== undefined) throw new AtdError('ATD_USAGE', `${missing} does not exist, or cannot be looked at`);
  const text = (name: string) => (values[name] as string | undefined) ?? null;
  const rule = tenantRule(text('tenant'), text('tenant-from'));
  const lane = laneOf(values['lane']);
  const perSecond = rateOf(values['rate']);
  const leastAgeMs = ageOf(text('older-than') ?? DEFAULT_AGE);
  const { config } = loadSettings(options);
  const loader = chooseLoader(config);
  const rules = rulesOf(config);
  const ledger = hasLedger(config, loader)
    ? openLedger(config, loader, 'do without the ledger by ATD_LEDGER_ENABLED=false')
    : null;
  const report = new Report(values['json'] === true, values['all'] === true);
  let announcer: Announcer | null = null;
  try {
    if (values['announce'] === true) announcer = await Announcer.begin(config, lane, perSecond);
    const knowledge = await compare({
      ...{ config, names, rules, ledger, announcer, leastAgeMs, report },
      isDeep: values['recursive'] === true,
      format: text('format'),
      // Without a word of tenants a file counts for whomever it was announced.
      wanted: text('tenant') === null && text('tenant-from') === null ? null : normalised(rule),
      isForced: values['force'] === true,
      hasDiskBytes: loader.bundled,
      service: addressOf(options),
    });
    report.end(knowledge, leastAgeMs);
    return report.isWell() ? ExitCode.ok : ExitCode.crash;
  } finally {
    await announcer?.end();
    await ledger?.close();
  }
}

function normalised(rule: TenantRule): TenantRule {
  return (path) => {
    const tenant = rule(path);
    return tenant === undefined ? undefined : tenantNamed(tenant ?? '') || null;
  };
}

function ageOf(text: string): number {
  const ms = spanMs(text);
  if (ms !== null) return ms;
  throw new AtdError('ATD_USAGE', `--older-than ${text} is no time; it looks like 90s, 30m, 1h or 2d`);
}
