/** The dead letters, looked for when somebody asks: their topic is read for it. */
import { letterTable, MOST_LETTERS, type PageLetter, placeOf } from '../view/letters.js';
import { ask } from './acts.js';
import { element, fillTable, setText } from './dom.js';

let letters: readonly PageLetter[] = [];

/** Once, for the life of the page. */
export function prepareLetters(): void {
  element('#letters-look').addEventListener('click', () => void look());
  for (const kind of ['replay', 'discard'] as const) {
    element(`#letters-${kind}`).addEventListener('click', () => ask({ kind, letters: letters.map(placeOf) }, look));
  }
}

async function look(): Promise<void> {
  const note = element('#letters .note');
  setText(note, 'Looking …');
  try {
    const response = await fetch(`api/v1/dead-letters?limit=${MOST_LETTERS}`);
    const body = (await response.json()) as { readonly letters?: readonly PageLetter[]; readonly error?: string };
    if (body.letters === undefined) return setText(note, `They cannot be read: ${body.error ?? response.status}`);
    letters = body.letters;
  } catch (error) {
    return setText(note, `The service did not answer: ${(error as Error).message}`);
  }
  const section = element('#letters');
  fillTable(section, letterTable(letters, Date.now()), [], (act) => ask(act, look));
  element('#letters .wide').hidden = letters.length === 0;
  element('#letters-all').hidden = letters.length === 0;
  setText(element('#letters-look'), 'Look again');
}
