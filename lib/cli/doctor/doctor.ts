/** `atd-ingestion doctor` (`check-config --connect`): asks all that the service will need, and says what to mend. */
import type { Config } from '../../config/load.js';
import { ExitCode } from '../../errors.js';
import { loadSettings, type ParsedOptions } from '../options.js';
import { hasColours, terminalColumns } from '../terminal.js';
import { clickHouseFindings } from './clickhouse-findings.js';
import { type Finding, ill, renderFinding, summary, well } from './finding.js';
import { kafkaFindings } from './kafka-findings.js';
import { directoryFindings, diskFindings, loaderFinding, portFinding } from './machine-findings.js';

export async function doctor(options: ParsedOptions): Promise<ExitCode> {
  const isJson = options.values['json'] === true;
  const terminal = { columns: terminalColumns(), colours: hasColours() };
  const findings: Finding[] = [];
  const say = (...found: readonly Finding[]): void => {
    findings.push(...found);
    // One by one, for some take their time.
    if (!isJson) process.stdout.write(found.map((one) => renderFinding(one, terminal)).join(''));
  };
  const { config, finding } = settings(options);
  say(finding);
  if (config !== null) await examine(config, say);
  const isWell = findings.every((one) => one.isWell !== false);
  process.stdout.write(isJson ? `${JSON.stringify({ isWell, findings })}\n` : `${summary(findings)}\n`);
  return isWell ? ExitCode.ok : ExitCode.crash;
}

async function examine(config: Config, say: (...found: readonly Finding[]) => void): Promise<void> {
  say(...directoryFindings(config), ...diskFindings(config), await portFinding(config));
  const { finding, loader } = await loaderFinding(config);
  say(finding);
  say(...(await clickHouseFindings(config, loader)));
  say(...(await kafkaFindings(config)));
}

function settings(options: ParsedOptions): { readonly config: Config | null; readonly finding: Finding } {
  try {
    const { config, warnings } = loadSettings(options);
    const found = warnings.length === 0 ? 'they are valid' : `they are valid; ${warnings.join('; ')}`;
    return { config, finding: well('settings', found) };
  } catch (error) {
    const finding = ill('settings', (error as Error).message, 'correct them; the rest is asked then');
    return { config: null, finding };
  }
}
