/**
 * What a dead letter carries of its record. It begins as it is; what its topic refuses because of the letter itself is sent
 * again with less, down to a diagnosis and the coordinates. Only a topic that does not take that much is at fault itself.
 */

export interface LetterForm {
  /** An excerpt is the beginning. In the end the value is empty, and not null, which would be a deletion in a compacted topic. */
  readonly value: 'whole' | 'excerpt' | 'empty';
  readonly headers: 'all' | 'none';
  readonly key: 'own' | 'coordinates';
  /** Without a time the topic has to take it, whatever it holds against the clock of this machine. */
  readonly time: 'now' | 'none';
  readonly diagnosis: 'full' | 'short';
}

/** What is wrong with a letter: it is too large, its time will not do, or something else about it. */
export type Objection = 'size' | 'time' | 'content';

/** What an answer says of whose fault it is: the letter's, the topic's or the cluster's (null), or nothing of it. */
export type Refusal = Objection | 'unclear' | null;

/**
 * So often a letter that is refused without a word of whose fault it is comes again as it is. With the waits between them that
 * gives the trouble of a cluster up to half a minute to pass. Then the letter is taken to be at fault, for otherwise one letter would
 * keep everybody waiting for ever. Where it is the cluster after all nothing is lost: it refuses the least form as well.
 */
export const UNCLEAR_REFUSALS = 5;

/** What to send the letter without; null where that helps nothing. */
export function objectionIn(refusal: Refusal, unclearBefore: number): Objection | null {
  if (refusal !== 'unclear') return refusal;
  return unclearBefore >= UNCLEAR_REFUSALS ? 'content' : null;
}

/** What of a record a letter could do without. */
export interface LetterParts {
  readonly hasKey: boolean;
  readonly valueBytes: number;
  readonly headers: number;
  /** The length of an excerpt of the value. */
  readonly excerptBytes: number;
}

/** What is kept of a value that is too large, at most; the rest is found by the letter's coordinates. */
export const EXCERPT_BYTES = 64 * 1024;

export const AS_IT_IS: LetterForm = { value: 'whole', headers: 'all', key: 'own', time: 'now', diagnosis: 'full' };

const NO_HEADERS: Partial<LetterForm> = { headers: 'none' };
const OTHER_KEY: Partial<LetterForm> = { key: 'coordinates' };
const EXCERPT: Partial<LetterForm> = { value: 'excerpt' };
const LEAST: Partial<LetterForm> = { value: 'empty', headers: 'none', key: 'coordinates', diagnosis: 'short' };

/** The form to send after `form` was refused, or null where there is none left: then it is the topic that is at fault. */
export function nextForm(form: LetterForm, objection: Objection, parts: LetterParts): LetterForm | null {
  for (const step of stepsAfter(objection, parts)) {
    const next = { ...form, ...step };
    if (next.value === 'excerpt' && form.value === 'empty') continue;
    if (changesAnything(form, next, parts)) return next;
  }
  return null;
}

/**
 * The form to begin with, so that no letter carries a value of more than `maxValueBytes`, and with its headers and key little
 * more.
 *
 * @param sizeOf the letter's size in bytes in that form
 */
export function firstForm(parts: LetterParts, maxValueBytes: number, sizeOf: (form: LetterForm) => number): LetterForm {
  let form: LetterForm = parts.valueBytes > maxValueBytes ? { ...AS_IT_IS, ...EXCERPT } : AS_IT_IS;
  while (sizeOf(form) > maxValueBytes + EXCERPT_BYTES) {
    const next = nextForm(form, 'size', parts);
    if (next === null) return form;
    form = next;
  }
  return form;
}

/** What the form leaves out, for people. */
export function leftOut(form: LetterForm, { hasKey, valueBytes, headers, excerptBytes }: LetterParts): string[] {
  return [
    ...(form.value !== 'whole' && valueBytes > (form.value === 'excerpt' ? excerptBytes : 0) ? ['value'] : []),
    ...(form.headers === 'none' && headers > 0 ? ['headers'] : []),
    ...(form.key === 'coordinates' && hasKey ? ['key'] : []),
    ...(form.diagnosis === 'short' ? ['diagnosis'] : []),
    ...(form.time === 'none' ? ['time'] : []),
  ];
}

function stepsAfter(objection: Objection, { hasKey }: LetterParts): readonly Partial<LetterForm>[] {
  if (objection === 'size') return [EXCERPT, NO_HEADERS, ...(hasKey ? [OTHER_KEY] : []), LEAST];
  // A compacted topic takes nothing without a key.
  const content = hasKey ? [NO_HEADERS, OTHER_KEY, EXCERPT, LEAST] : [OTHER_KEY, NO_HEADERS, EXCERPT, LEAST];
  return objection === 'time' ? [{ time: 'none' }, ...content] : content;
}

/** Whether the letter would differ: one that is the same again would be refused again. */
function changesAnything(
  form: LetterForm,
  next: LetterForm,
  { valueBytes, headers, excerptBytes }: LetterParts,
): boolean {
  return (
    (form.value !== next.value && valueBytes > (next.value === 'excerpt' ? excerptBytes : 0)) ||
    (form.headers !== next.headers && headers > 0) ||
    form.key !== next.key ||
    form.time !== next.time ||
    form.diagnosis !== next.diagnosis
  );
}
