/** `atd-ingestion dead-letters`: what was given up, and why, read from the topic of the dead letters. */
import { AtdError, ExitCode } from '../../errors.js';
import { GROUPINGS, isWanted, letterOf } from '../../letters/letter.js';
import { Book, rangesSince, readBook, readLetters } from '../../letters/letter-topic.js';
import type { HeaderValue, KafkaRecord } from '../../types.js';
import { didYouMean } from '../../util/did-you-mean.js';
import { countText } from '../../util/plain-text.js';
import { loadSettings, oneOf, type ParsedOptions } from '../options.js';
import { terminalColumns } from '../terminal.js';
import { choiceOf, placeNamed } from './choice.js';
import { Groups, type HandledLetter, placeOf, renderLetter, renderWhole } from './letter-view.js';
import { openSource } from './source.js';

const DEFAULT_LIMIT = 100;
const ACTIONS = ['list', 'show', 'replay', 'discard'];

export async function deadLetters(options: ParsedOptions): Promise<ExitCode> {
  const [action = 'list', ...places] = options.positionals;
  if (action === 'replay') return (await import('./replay.js')).replay(options, places);
  if (action === 'discard') return (await import('./replay.js')).discard(options, places);
  const [place, ...rest] = places;
  if (rest.length > 0 || (action === 'list' && place !== undefined)) {
    throw new AtdError('ATD_USAGE', `unexpected argument ${rest[0] ?? place}`);
  }
  if (action === 'list') return list(options);
  if (action === 'show') return show(place ?? '', options);
  const meant = didYouMean(action, ACTIONS);
  const hint = meant === null ? `one of ${ACTIONS.join(', ')}` : `did you mean ${meant}?`;
  throw new AtdError('ATD_USAGE', `unknown action ${action}; ${hint}`);
}

async function list(options: ParsedOptions): Promise<ExitCode> {
  const { values } = options;
  const { since, filter } = choiceOf(options, [], Date.now());
  const limit = limitOf(values['limit']);
  const grouping = oneOf('--group-by', values['group-by'], GROUPINGS);
  const source = openSource(loadSettings(options).config);
  const groups = grouping === null ? null : new Groups(grouping);
  let [found, hidden] = [0, 0];
  let letters: HandledLetter[] = [];
  const ranges = await rangesSince(source, since);
  // What became of a letter stands behind it, and letters are too many to be kept until it is known.
  const book = await readBook(source, ranges);
  await readLetters(source, ranges, (record) => {
    const letter = letterOf(record);
    if (letter === null || !isWanted(letter, filter)) return;
    const handled = book.of(letter.partition).handled(letter.offset);
    if (handled !== null && values['all'] !== true) {
      hidden += 1;
      return;
    }
    found += 1;
    if (groups !== null) return groups.add(letter);
    letters.push({ ...letter, handled });
    // Partitions come one after the other; the newest of all are wanted.
    if (letters.length > 2 * limit) letters = newest(letters, limit);
  });
  const columns = terminalColumns();
  if (values['json'] === true) {
    const all = groups?.all().map(([name, group]) => ({ [grouping as string]: name, ...group }));
    for (const one of all ?? newest(letters, limit)) process.stdout.write(`${JSON.stringify(one)}\n`);
    return ExitCode.ok;
  }
  const aside = hidden === 0 ? '' : `, and ${hidden.toLocaleString('en-GB')} replayed or discarded (--all)`;
  if (found === 0) process.stdout.write(`no such dead letters in ${source.topic}${aside}\n`);
  else if (groups !== null) process.stdout.write(groups.render(columns));
  else {
    const shown = newest(letters, limit);
    for (const letter of shown) process.stdout.write(renderLetter(letter, columns));
    const left = found > shown.length ? `, the newest ${shown.length} of them shown (--limit)` : '';
    process.stdout.write(`${countText(found, 'dead letter')} in ${source.topic}${left}${aside}\n`);
  }
  return ExitCode.ok;
}

async function show(place: string, options: ParsedOptions): Promise<ExitCode> {
  const { partition, offset } = placeNamed(place);
  const source = openSource(loadSettings(options).config);
  const bounds = (await rangesSince(source, null)).get(partition);
  const isThere = bounds !== undefined && offset >= bounds.low && offset < bounds.high;
  const records: KafkaRecord[] = [];
  const book = new Book();
  await readLetters(
    source,
    isThere ? new Map([[partition, { low: offset, high: bounds.high }]]) : new Map(),
    (each) => {
      if (!book.take(each) && each.offset === offset) records.push(each);
    },
  );
  const [record] = records;
  const found = record === undefined ? null : letterOf(record);
  if (record === undefined || found === null) {
    const what = record === undefined ? 'there is no message' : 'the message is no dead letter';
    throw new AtdError('ATD_USAGE', `${what} at ${placeOf({ partition, offset })} of ${source.topic}`);
  }
  const letter = { ...found, handled: book.of(partition).handled(offset) };
  const message = {
    key: textOrNull(record.key),
    headers: Object.entries(record.headers).flatMap(([name, value]) =>
      valuesOf(value).map((text) => [name, text] as const),
    ),
    value: textOrNull(record.value),
    bytes: record.value?.byteLength ?? 0,
  };
  const text =
    options.values['json'] === true
      ? `${JSON.stringify({ ...letter, message })}\n`
      : renderWhole(letter, message, terminalColumns());
  process.stdout.write(text);
  return ExitCode.ok;
}

/** Those that were sent last, the newest at the end. */
function newest(letters: readonly HandledLetter[], limit: number): HandledLetter[] {
  return [...letters].sort((a, b) => a.sentAt - b.sentAt).slice(-limit);
}

function valuesOf(value: HeaderValue): string[] {
  return (Array.isArray(value) ? value : [value]).map((one) => textOrNull(one) ?? '');
}

function textOrNull(value: Uint8Array | string | null): string | null {
  return value === null || typeof value === 'string' ? value : new TextDecoder().decode(value);
}

function limitOf(text: string | boolean | undefined): number {
  const limit = text === undefined ? DEFAULT_LIMIT : Number(text);
  if (Number.isInteger(limit) && limit > 0) return limit;
  throw new AtdError('ATD_USAGE', `--limit ${text} is no number of letters from 1 on`);
}
