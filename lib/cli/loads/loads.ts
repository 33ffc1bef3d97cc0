/** `atd-ingestion loads`: what became of files; `undo` and `replay` alone change something. */
import { AtdError, ExitCode } from '../../errors.js';
import { hasLedger } from '../../service/settings.js';
import { didYouMean } from '../../util/did-you-mean.js';
import { countText } from '../../util/plain-text.js';
import { chooseLoader } from '../executable.js';
import { loadSettings, type ParsedOptions } from '../options.js';
import { addressOf, ownUrl } from '../remote.js';
import { hasColours, terminalColumns } from '../terminal.js';
import { choiceOf, loadIdIn } from './choice.js';
import { renderGroups, renderLoad, renderRows } from './loads-view.js';
import { type LoadSource, ledgerSource, serviceSource } from './sources.js';

export async function loads(options: ParsedOptions, version: string): Promise<ExitCode> {
  const [action = 'list', id, ...rest] = options.positionals;
  if (action === 'undo') return (await import('./undo.js')).undo(options, version);
  if (action === 'replay') return (await import('./replay.js')).replay(options);
  if (rest.length > 0 || (action === 'list' && id !== undefined)) {
    throw new AtdError('ATD_USAGE', `unexpected argument ${rest[0] ?? id}`);
  }
  if (action !== 'list' && action !== 'show') {
    const meant = didYouMean(action, ['list', 'show', 'undo', 'replay']);
    const hint = meant === null ? 'list, show, undo or replay' : `did you mean ${meant}?`;
    throw new AtdError('ATD_USAGE', `unknown action ${action}; ${hint}`);
  }
  const run = action === 'list' ? listing(options) : showing(options, loadIdIn(id));
  const source = open(options);
  try {
    return await run(source);
  } finally {
    await source.close();
  }
}

type Run = (source: LoadSource) => Promise<ExitCode>;

function listing({ values }: ParsedOptions): Run {
  const { query, groupBy } = choiceOf(values, Date.now());
  const look = { columns: terminalColumns(), colours: hasColours() };
  return async (source) => {
    if (groupBy !== null) {
      const groups = await source.groups(query, groupBy);
      if (values['json'] === true) print(groups.map(({ name, ...rest }) => json({ [groupBy]: name, ...rest })));
      else print(groups.length === 0 ? [`no loads in ${source.name}\n`] : [renderGroups(groups, groupBy, look)]);
      return ExitCode.ok;
    }
    const found = await source.list(query);
    if (values['json'] === true) print(found.map(json));
    else {
      const end = found.length < query.limit ? '' : ', the newest; there may be more (--limit)';
      // The newest at the end, where a terminal stands.
      print([
        ...found.toReversed().map((load) => renderLoad(load, look)),
        `${countText(found.length, 'load')} in ${source.name}${end}\n`,
      ]);
    }
    return ExitCode.ok;
  };
}

function showing({ values }: ParsedOptions, id: string): Run {
  const look = { columns: terminalColumns(), colours: hasColours() };
  return async (source) => {
    const rows = await source.rowsOf(id);
    if (rows.length === 0) throw new AtdError('ATD_USAGE', `no load ${id} in ${source.name}`);
    print(values['json'] === true ? rows.map(json) : [renderRows(rows, look)]);
    return ExitCode.ok;
  };
}

/** @throws AtdError ATD_CONFIG_INVALID, ATD_EXECUTABLE_NOT_FOUND, ATD_USAGE */
function open(options: ParsedOptions): LoadSource {
  if (options.values['url'] !== undefined) return serviceSource(addressOf(options));
  const { config } = loadSettings(options);
  const loader = chooseLoader(config);
  return hasLedger(config, loader) ? ledgerSource(config, loader) : serviceSource(ownUrl(config));
}

function json(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

function print(texts: readonly string[]): void {
  process.stdout.write(texts.join(''));
}
