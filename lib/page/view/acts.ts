/** What people may change from the page: the request for it, and what its answer means. */
import { countText } from '../../util/plain-text.js';
import { showControl } from '../../util/safe-text.js';
import type { Act } from './act.js';
import { tenantName } from './tables.js';

export type Field = 'by' | 'reason' | 'minutes' | 'slots';

export interface ActRequest {
  readonly title: string;
  readonly note: string;
  readonly button: string;
  /** From the page, which a proxy may have put below a path of its own. */
  readonly path: string;
  readonly body: object;
  /** What it asks for beside the token. */
  readonly fields: readonly Field[];
}

export function requestOf(act: Act, given: Readonly<Record<Field, string>>): ActRequest {
  const signed = { by: given.by.trim(), reason: given.reason.trim() };
  const fields = ['by', 'reason'] as const;
  const of = (title: string, button: string, note: string, path: string, more: object = {}): ActRequest => {
    return { title, button, note, path: `api/v1/${path}`, body: { ...signed, ...more }, fields };
  };
  switch (act.kind) {
    case 'reload':
      return of(
        'Reload the settings',
        'Reload',
        'The settings are read anew; where they are wrong, nothing changes.',
        'reload',
      );
    case 'drain':
      return of(
        'Drain this instance',
        'Drain',
        'What runs is finished; then it leaves its group and reads nothing, until it is resumed or restarted. Others take over.',
        'drain',
      );
    case 'join':
      return of('Resume this instance', 'Resume', 'It joins its group again, and reads.', 'resume');
    case 'scale': {
      const note =
        'So many files are loaded at the same time, until the next start or a reload that changes thread_pool_size.';
      const slots = given.slots.trim() === '' ? act.slots : Number(given.slots);
      return { ...of('Change the number of slots', 'Change', note, 'scale', { slots }), fields: [...fields, 'slots'] };
    }
    case 'replay': {
      const note =
        'The files that were given up are announced again, each letter once; what is in the table already is not added again.';
      return of(`Replay ${lettersText(act.letters)}`, 'Replay', note, 'dead-letters/replay', { letters: act.letters });
    }
    case 'discard': {
      const note = 'The files are given up for good. What stands in the topic stays there.';
      return of(`Discard ${lettersText(act.letters)}`, 'Discard', note, 'dead-letters/discard', {
        letters: act.letters,
      });
    }
    case 'resume':
      return of(`Resume ${tenantName(act.tenant)}`, 'Resume', 'Its files take their turns again.', tenantPath(act));
    case 'pause': {
      const seconds = given.minutes.trim() === '' ? {} : { seconds: Number(given.minutes) * 60 };
      const note = 'In all instances its files wait; what runs may end.';
      return {
        ...of(`Pause ${tenantName(act.tenant)}`, 'Pause', note, tenantPath(act), seconds),
        fields: [...fields, 'minutes'],
      };
    }
  }
}

function tenantPath({ kind, tenant }: Extract<Act, { readonly tenant: unknown }>): string {
  return `tenants/${encodeURIComponent(tenant ?? '-')}/${kind}`;
}

function lettersText(letters: readonly string[]): string {
  return letters.length === 1 ? `dead letter ${letters[0]}` : countText(letters.length, 'dead letter');
}

export interface ActResult {
  /** Whether there is nothing more to say. */
  readonly isDone: boolean;
  readonly words: string;
}

export function resultText(act: Act, status: number, text: string): ActResult {
  const body = parsed(text);
  if (status !== 200) {
    const why = typeof body['error'] === 'string' ? body['error'] : text;
    // Their marks may stand in the topic all the same, and of several letters some may be done.
    const isUnsure = status >= 500 && (act.kind === 'replay' || act.kind === 'discard');
    const what = isUnsure ? 'Not all was done, or nothing; look again' : 'Nothing has changed';
    return { isDone: false, words: `${what}: ${showControl(why)}` };
  }
  if (act.kind === 'replay' || act.kind === 'discard') return handledText(act.kind, body);
  if (act.kind !== 'reload') return { isDone: true, words: 'Done' };
  const { changed, needRestart } = body;
  const count = Array.isArray(changed) ? changed.length : 0;
  const restart =
    Array.isArray(needRestart) && needRestart.length > 0 ? `; a restart is needed for ${needRestart.join(', ')}` : '';
  return {
    isDone: false,
    words: `${count === 0 ? 'Nothing was different' : `${count} taken over`}${showControl(restart)}`,
  };
}

function handledText(
  kind: 'replay' | 'discard',
  { done, refused, handledBefore }: Readonly<Record<string, unknown>>,
): ActResult {
  const all = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
  const denied = all(refused) as readonly { readonly letter?: unknown; readonly why?: unknown }[];
  const before = Number(handledBefore ?? 0);
  const words = [
    `${countText(all(done).length, 'letter')} ${kind === 'replay' ? 'replayed' : 'discarded'}`,
    ...(before === 0 ? [] : [`${before} replayed or discarded before`]),
    ...denied.map(({ letter, why }) => `${String(letter)} refused: ${showControl(String(why))}`),
  ];
  return { isDone: denied.length === 0 && before === 0, words: words.join('; ') };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
