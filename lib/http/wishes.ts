/** What people want to be changed, as it stands in the body of a request: who wants it, why, and what it takes besides. */

/** Who wants it, and why. */
export interface Wish {
  readonly by: string;
  readonly reason: string;
}

/** For how long, in milliseconds, or null for until it is ended. */
export interface PauseWish extends Wish {
  readonly forMs: number | null;
}

export interface ScaleWish extends Wish {
  readonly slots: number;
}

export interface Problem {
  readonly problem: string;
}

type Fields = Readonly<Record<string, unknown>>;

const MAX_SECONDS = 366 * 86_400;
const MAX_TEXT = 200;

export function readWish(text: string): Wish | Problem {
  const read = readBody(text, []);
  return 'problem' in read ? read : read.wish;
}

export function readPauseWish(text: string): PauseWish | Problem {
  const read = readBody(text, ['seconds']);
  if ('problem' in read) return read;
  const { seconds = null } = read.fields;
  const isTime = typeof seconds === 'number' && seconds > 0 && seconds <= MAX_SECONDS;
  if (seconds !== null && !isTime) return { problem: `seconds must be a number from 0 to ${MAX_SECONDS}` };
  return { ...read.wish, forMs: isTime ? Math.round(seconds * 1000) : null };
}

export function readScaleWish(text: string): ScaleWish | Problem {
  const read = readBody(text, ['slots']);
  if ('problem' in read) return read;
  const { slots } = read.fields;
  if (typeof slots !== 'number') return { problem: 'slots must be a number: how many loads may run at the same time' };
  return { ...read.wish, slots };
}

/** @param more the names that it may have beside by and reason */
function readBody(text: string, more: readonly string[]): { readonly wish: Wish; readonly fields: Fields } | Problem {
  let body: unknown;
  try {
    body = text.trim() === '' ? {} : JSON.parse(text);
  } catch (error) {
    return { problem: `the body is no JSON: ${(error as Error).message}` };
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return { problem: 'the body is no JSON object' };
  }
  const { by = '', reason = '', ...fields } = body as Fields;
  const known = ['by', 'reason', ...more];
  const unknown = Object.keys(fields).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    return { problem: `${JSON.stringify(unknown)} is not known; known are ${listed(known)}` };
  }
  for (const [name, value] of Object.entries({ by, reason })) {
    if (typeof value !== 'string' || value.length > MAX_TEXT) {
      return { problem: `${name} must be a text of at most ${MAX_TEXT} characters` };
    }
  }
  return { wish: { by: by as string, reason: reason as string }, fields };
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
