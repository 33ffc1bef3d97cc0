/** What people may change, in a dialogue that asks for the token. The token stays in this page's memory, and goes with it. */
import type { Act } from '../view/act.js';
import { type Field, requestOf, resultText } from '../view/acts.js';
import { element, setText } from './dom.js';

let token = '';

const dialog = () => element<HTMLDialogElement>('#act');
const input = (id: string) => element<HTMLInputElement>(`#act-${id}`);

const FIELDS: readonly Field[] = ['by', 'reason', 'minutes', 'slots'];

let act: Act = { kind: 'reload' };
let onDone: () => void = () => undefined;

/** @param done called when it is done */
export function ask(wanted: Act, done: () => void = () => undefined): void {
  act = wanted;
  onDone = done;
  const { title, note, button, fields } = requestOf(act, { by: '', reason: '', minutes: '', slots: '' });
  setText(element('#act-title'), title);
  setText(element('#act-note'), note);
  setText(element('#act-do'), button);
  setText(element('#act-answer'), '');
  for (const field of FIELDS) (input(field).parentElement as HTMLElement).hidden = !fields.includes(field);
  // What is hidden is sent by nobody, and must not keep the form from being sent.
  for (const field of ['minutes', 'slots'] as const) input(field).value = '';
  if (act.kind === 'scale') input('slots').value = String(act.slots);
  input('token').value = token;
  dialog().showModal();
}

/** Once, for the life of the page. */
export function prepareActs(): void {
  element('#act-cancel').addEventListener('click', () => dialog().close());
  element('#act form').addEventListener('submit', (event) => {
    event.preventDefault();
    void perform();
  });
}

async function perform(): Promise<void> {
  const answer = element('#act-answer');
  const asked = act;
  const [by = '', reason = '', minutes = '', slots = ''] = FIELDS.map((field) => input(field).value);
  const { path, body } = requestOf(asked, { by, reason, minutes, slots });
  const given = input('token').value.trim();
  setText(answer, 'Asking …');
  try {
    const headers = { Authorization: `Bearer ${given}`, 'Content-Type': 'application/json' };
    const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
    const text = resultText(asked, response.status, await response.text());
    if (response.status !== 401) token = given;
    if (response.ok) onDone();
    // Closed meanwhile, and open for something else.
    if (act !== asked) return;
    setText(answer, text.words);
    if (text.isDone) dialog().close();
  } catch (error) {
    if (act === asked) setText(answer, `The service did not answer: ${(error as Error).message}`);
  }
}
