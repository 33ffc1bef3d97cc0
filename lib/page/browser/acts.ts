/** What people may change, in a dialogue that asks for the token. The token stays in this page's memory, and goes with it. */
import { type Act, requestOf, resultText } from '../view/acts.js';
import { element, setText } from './dom.js';

let token = '';

const dialog = () => element<HTMLDialogElement>('#act');
const input = (id: string) => element<HTMLInputElement>(`#act-${id}`);

let act: Act = { kind: 'reload' };

export function ask(wanted: Act): void {
  act = wanted;
  const { title, note, button } = requestOf(act, { by: '', reason: '', minutes: '' });
  setText(element('#act-title'), title);
  setText(element('#act-note'), note);
  setText(element('#act-do'), button);
  setText(element('#act-answer'), '');
  for (const label of dialog().querySelectorAll<HTMLElement>('.of-pause')) label.hidden = act.kind !== 'pause';
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
  const wish = { by: input('by').value, reason: input('reason').value, minutes: input('minutes').value };
  const { path, body } = requestOf(asked, wish);
  const given = input('token').value.trim();
  setText(answer, 'Asking …');
  try {
    const headers = { Authorization: `Bearer ${given}`, 'Content-Type': 'application/json' };
    const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
    const text = resultText(asked, response.status, await response.text());
    if (response.status !== 401) token = given;
    // Closed meanwhile, and open for something else.
    if (act !== asked) return;
    setText(answer, text.words);
    if (text.isDone && asked.kind !== 'reload') dialog().close();
  } catch (error) {
    if (act === asked) setText(answer, `The service did not answer: ${(error as Error).message}`);
  }
}
