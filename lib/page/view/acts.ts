/** What people may change from the page: the request for it, and what its answer means. */
import { showControl } from '../../util/safe-text.js';
import { tenantName } from './tables.js';

export type Act = { readonly kind: 'pause' | 'resume'; readonly tenant: string | null } | { readonly kind: 'reload' };

export interface ActRequest {
  readonly title: string;
  readonly note: string;
  readonly button: string;
  /** From the page, which a proxy may have put below a path of its own. */
  readonly path: string;
  readonly body: object;
}

export function requestOf(
  act: Act,
  wish: { readonly by: string; readonly reason: string; readonly minutes: string },
): ActRequest {
  if (act.kind === 'reload') {
    const note = 'The settings are read anew; where they are wrong, nothing changes.';
    return { title: 'Reload the settings', note, button: 'Reload', path: 'api/v1/reload', body: {} };
  }
  const name = tenantName(act.tenant);
  const path = `api/v1/tenants/${encodeURIComponent(act.tenant ?? '-')}/${act.kind}`;
  if (act.kind === 'resume') {
    return { title: `Resume ${name}`, note: 'Its files take their turns again.', button: 'Resume', path, body: {} };
  }
  const { by, reason, minutes } = wish;
  const seconds = minutes.trim() === '' ? {} : { seconds: Number(minutes) * 60 };
  const note = 'In all instances its files wait; what runs may end.';
  return {
    title: `Pause ${name}`,
    note,
    button: 'Pause',
    path,
    body: { by: by.trim(), reason: reason.trim(), ...seconds },
  };
}

export function resultText(
  act: Act,
  status: number,
  text: string,
): { readonly isDone: boolean; readonly words: string } {
  const body = parsed(text);
  if (status !== 200) {
    const why = typeof body['error'] === 'string' ? body['error'] : text;
    return { isDone: false, words: `Nothing has changed: ${showControl(why)}` };
  }
  if (act.kind !== 'reload') return { isDone: true, words: 'Done' };
  const { changed, needRestart } = body;
  const count = Array.isArray(changed) ? changed.length : 0;
  const restart =
    Array.isArray(needRestart) && needRestart.length > 0 ? `; a restart is needed for ${needRestart.join(', ')}` : '';
  return {
    isDone: true,
    words: `${count === 0 ? 'Nothing was different' : `${count} taken over`}${showControl(restart)}`,
  };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
