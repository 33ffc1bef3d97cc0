/** What `reconcile` says: of each file that is not in order its state, then how many there are of each, and from where it is known. */
import { countText, momentText, numberText, withoutControl, wrap } from '../../util/plain-text.js';
import { type DiskFile, type Judgement, STATES, type State, WELL } from './judge.js';
import type { TopicKnowledge } from './read-topics.js';

export interface Knowledge {
  readonly topic: TopicKnowledge;
  /** Null for none. */
  readonly ledger: { readonly name: string; readonly rows: number; readonly since: number | null } | null;
  /** The address of the service that was asked what it runs; null where none answers. */
  readonly service: string | null;
}

export type Counts = Readonly<Partial<Record<State, number>>>;

const INDENT = '  ';
const RED = '\u001b[31m';
const GREEN = '\u001b[32m';
const PLAIN = '\u001b[0m';

export function renderFile(
  { path }: DiskFile,
  { state, note }: Judgement,
  { columns, colours }: { readonly columns: number; readonly colours: boolean },
): string {
  const [first = '', ...rest] = wrap(withoutControl(`${STATES[state]}: ${path}`), columns);
  const name = STATES[state];
  const isWhole = colours && first.startsWith(name);
  const painted = isWhole ? `${WELL.has(state) ? GREEN : RED}${name}${PLAIN}${first.slice(name.length)}` : first;
  const notes = note === '' ? [] : wrap(withoutControl(note), columns - INDENT.length).map((line) => INDENT + line);
  return [painted, ...rest, ...notes].map((line) => `${line}\n`).join('');
}

export function fileObject({ path, bytes, modifiedAt }: DiskFile, { state, note, by }: Judgement): object {
  return { path, state, note: note === '' ? null : note, by, bytes, modifiedAt: Math.floor(modifiedAt) };
}

export function renderCounts(counts: Counts, files: number): string {
  const found = (Object.keys(STATES) as State[]).filter((state) => (counts[state] ?? 0) > 0);
  const width = Math.max(...found.map((state) => numberText(counts[state] as number).length));
  const lines = found.map(
    (state) => `${INDENT}${numberText(counts[state] as number).padStart(width)} ${STATES[state]}\n`,
  );
  return `${countText(files, 'file')}${files === 0 ? '' : ':'}\n${lines.join('')}`;
}

/** What is known, and what cannot be. */
export function renderKnowledge({ topic, ledger, service }: Knowledge, columns: number): string {
  const { topic: name, group, messages, since, lettersSince, isThere, isRead } = topic;
  const sentences = [
    isThere
      ? `Of topic ${name} ${countText(messages, 'message')} were read${lost(since)}.`
      : `Topic ${name} does not exist, or this user may not see it (permit DESCRIBE and READ on it).`,
    ...(isThere && !isRead ? [`Group ${group} has committed nothing of it (kafka.group_id).`] : []),
    ...(lettersSince > Number.NEGATIVE_INFINITY
      ? [`Of the dead letters those are gone that were sent before ${momentText(lettersSince)}.`]
      : []),
    ledger === null
      ? `Without a ledger (ledger.enabled) a file counts as loaded where group ${group} has passed its message and no dead letter names it, and as changed where it was written to since its announcement.`
      : `The ledger ${ledger.name} has ${countText(ledger.rows, 'row')} of it${ledger.since === null ? '' : `, since ${momentText(ledger.since)}`}.`,
    service === null
      ? 'No service was asked what it runs: what runs counts as waiting.'
      : `What runs is known of ${service} alone; what other instances run counts as waiting.`,
    'Not known: what was announced by another path, as by a link or another mount.',
  ];
  return sentences.flatMap((sentence) => wrap(withoutControl(sentence), columns).map((line) => `${line}\n`)).join('');
}

function lost(since: number): string {
  return since === Number.NEGATIVE_INFINITY ? '' : `; what was sent before ${momentText(since)} is gone`;
}

/** For programs: the last line. */
export function summaryObject(
  counts: Counts,
  files: number,
  announced: number,
  { topic, ledger, service }: Knowledge,
): object {
  const { since, lettersSince, ...of } = topic;
  const orNull = (ms: number) => (ms === Number.NEGATIVE_INFINITY ? null : ms);
  const known = { ...of, since: orNull(since), lettersSince: orNull(lettersSince), ledger, service };
  return { summary: { files, ...counts }, announced, known };
}
