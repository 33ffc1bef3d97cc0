/** The tables of settings and of metrics, and where they stand in a page: between two comments, amid what people write. */
import { HEADINGS, listSettings, type Setting } from '../../lib/config/schema.js';
import { METRICS } from '../../lib/telemetry/metric-definitions.js';
import { limitsOf, variablesOf } from './setting-facts.js';

/** A default that makes the table wider than this is to be looked up in the example file. */
const MAX_DEFAULT_CHARACTERS = 40;

const SETTINGS_TABLE = /<!-- settings: (\S+) -->\n(?:(?!<!-- )[\s\S])*<!-- end of settings -->/g;
const METRICS_TABLE = /<!-- metrics -->\n(?:(?!<!-- )[\s\S])*<!-- end of metrics -->/;

/**
 * `docs/configuration.md` with its tables of now. The table of `kafka.*` has what is in that group, the table of `*` what is in
 * no group. What has no table yet gets a section at the end of the page.
 */
export function configurationPage(text: string): string {
  const settings = listSettings();
  const withTable = new Set<string>();
  const render = (pattern: string): string => {
    const rows = settings.filter(([key]) => isSelected(key, pattern));
    for (const [key] of rows) withTable.add(key);
    return `<!-- settings: ${pattern} -->\n\n${settingsTable(rows)}\n\n<!-- end of settings -->`;
  };
  let page = text.replace(SETTINGS_TABLE, (_table, pattern: string) => render(pattern));
  for (const [key] of settings) {
    if (withTable.has(key)) continue;
    const group = key.split('.', 1)[0] as string;
    const title = (HEADINGS[group] ?? 'Other settings').replace(/[:.].*$/, '');
    page = `${page.trimEnd()}\n\n## ${title}\n\n${render(key === group ? '*' : `${group}.*`)}\n`;
  }
  return page;
}

/** @throws Error when the page has no place for the table */
export function metricsPage(text: string): string {
  if (!METRICS_TABLE.test(text)) {
    throw new Error(
      'docs/metrics.md has no place for its table: <!-- metrics -->, and below it <!-- end of metrics -->',
    );
  }
  return text.replace(METRICS_TABLE, () => `<!-- metrics -->\n\n${metricsTable()}\n\n<!-- end of metrics -->`);
}

function isSelected(key: string, pattern: string): boolean {
  return pattern === '*' ? !key.includes('.') : key.startsWith(pattern.slice(0, -1));
}

function settingsTable(settings: readonly (readonly [key: string, setting: Setting])[]): string {
  return table(
    ['Key', 'Variable', 'Default', 'Reload', 'Meaning'],
    settings.map(([key, setting]) => {
      const value = JSON.stringify(setting.default);
      const limits = limitsOf(setting, code);
      return [
        code(key),
        variablesOf(key, setting).map(code).join(', '),
        value.length > MAX_DEFAULT_CHARACTERS ? 'see the example file' : code(value),
        setting.reloadable ? 'yes' : '',
        limits === '' ? setting.doc : `${setting.doc} (${limits})`,
      ];
    }),
  );
}

function metricsTable(): string {
  return table(
    ['Metric', 'Type', 'Labels', 'Meaning'],
    Object.entries(METRICS).map(([name, { type, labels, help }]) => [
      code(name),
      type,
      labels.map(code).join(', '),
      help,
    ]),
  );
}

function code(text: string): string {
  return `\`${text}\``;
}

/** A Markdown table whose columns line up in the source too. */
function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [heading, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = heading.map((_title, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const [titles, ...body] = cells.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | '));
  const rule = widths.map((width) => '-'.repeat(width)).join(' | ');
  return [titles, rule, ...body].map((line) => `| ${line} |`).join('\n');
}
