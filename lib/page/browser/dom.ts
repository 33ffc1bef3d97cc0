/** Writes rows and texts into the document, and touches only what has changed. Whatever a text holds, it stays text. */
import type { Act, ActButton } from '../view/act.js';
import type { Cell, FailureGroup, Row, Table } from '../view/tables.js';

export function element<T extends HTMLElement = HTMLElement>(selector: string): T {
  const found = document.querySelector<T>(selector);
  if (found === null) throw new Error(`${selector} is not on the page`);
  return found;
}

export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function setData(node: HTMLElement, name: string, value: string | undefined): void {
  if (node.dataset[name] === value) return;
  if (value === undefined) delete node.dataset[name];
  else node.dataset[name] = value;
}

/** Has one child for each item, in their order; a child keeps what it is, and its focus, as long as its key is there. */
export function fillList<T>(
  parent: HTMLElement,
  items: readonly T[],
  keyOf: (item: T) => string,
  make: (item: T) => HTMLElement,
  fill: (node: HTMLElement, item: T) => void,
): void {
  const wanted = new Set(items.map(keyOf));
  const before = new Map<string, HTMLElement>();
  // What goes is gone first: a child that was moved over it would lose its focus.
  for (const child of [...parent.children] as HTMLElement[]) {
    const { key = '' } = child.dataset;
    if (wanted.has(key) && !before.has(key)) before.set(key, child);
    else child.remove();
  }
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let node = before.get(key);
    before.delete(key);
    if (node === undefined) {
      node = make(item);
      node.dataset['key'] = key;
    }
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
    fill(node, item);
  }
}

export type OnAct = (act: Act) => void;

/** @param numbers the columns that are numbers, counted from 0 */
export function fillTable(section: HTMLElement, { rows, note }: Table, numbers: readonly number[], onAct: OnAct): void {
  const body = section.querySelector('tbody') as HTMLElement;
  const labels = [...section.querySelectorAll('th')].map(({ textContent }) => textContent ?? '');
  const make = ({ cells, buttons = [] }: Row): HTMLElement => {
    const row = document.createElement('tr');
    row.setAttribute('role', 'row');
    for (const [index] of cells.entries()) {
      const cell = document.createElement('td');
      cell.setAttribute('role', 'cell');
      // On a narrow page there are no columns, and each cell says what it is.
      if (index > 0) cell.dataset['label'] = labels[index] ?? '';
      if (numbers.includes(index)) cell.className = 'number';
      row.append(cell);
    }
    if (buttons.length > 0) row.append(actCell(buttons.length, onAct));
    return row;
  };
  fillList(body, rows, ({ key, buttons = [] }) => `${key} ${buttons.length}`, make, fillRow);
  setText(section.querySelector('.note') as HTMLElement, note);
}

/** A table that is shown as lines is none for a screen reader any more, unless its parts say what they are. */
export function nameTableParts(): void {
  const roles = { table: 'table', thead: 'rowgroup', tbody: 'rowgroup', tr: 'row', th: 'columnheader' };
  for (const [name, role] of Object.entries(roles)) {
    for (const node of document.querySelectorAll(name)) node.setAttribute('role', role);
  }
}

/** What each button of a row is for at the moment, so that one listener does for its life. */
const acts = new WeakMap<HTMLElement, Act>();

function actCell(count: number, onAct: OnAct): HTMLElement {
  const cell = document.createElement('td');
  cell.setAttribute('role', 'cell');
  cell.className = 'act';
  for (let made = 0; made < count; made += 1) {
    const button = document.createElement('button');
    button.type = 'button';
    button.addEventListener('click', () => {
      const act = acts.get(button);
      if (act !== undefined) onAct(act);
    });
    cell.append(button);
  }
  return cell;
}

function fillRow(node: HTMLElement, { cells, buttons = [] }: Row): void {
  for (const [index, cell] of cells.entries()) {
    fillCell(node.children[index] as HTMLElement, typeof cell === 'string' ? { text: cell } : cell);
  }
  for (const [index, button] of [...node.querySelectorAll('button')].entries()) {
    const { text, label, act } = buttons[index] as ActButton;
    setText(button, text);
    if (button.getAttribute('aria-label') !== label) button.setAttribute('aria-label', label);
    acts.set(button, act);
  }
}

function fillCell(node: HTMLElement, { text, title, mood, share, isFile }: Cell): void {
  if (isFile === true && node.className === '') node.className = 'file';
  setData(node, 'mood', mood);
  if (title !== undefined && node.title !== title) node.title = title;
  if (share === undefined) return setText(node, text);
  if (node.firstElementChild === null) {
    const meter = document.createElement('meter');
    Object.assign(meter, { min: 0, max: 1, high: 0.8, low: 0.8, optimum: 0 });
    meter.setAttribute('aria-label', 'Share of the deadline');
    node.append(document.createElement('span'), meter);
  }
  setText(node.firstElementChild as HTMLElement, text);
  (node.lastElementChild as HTMLMeterElement).value = share;
}

export function fillGroups(parent: HTMLElement, groups: readonly FailureGroup[]): void {
  const make = () => {
    const details = document.createElement('details');
    const names = ['summary', 'p', 'p', 'pre'].map((name) => document.createElement(name));
    details.append(...names);
    (names[3] as HTMLElement).tabIndex = 0;
    return details;
  };
  fillList(
    parent,
    groups,
    ({ key }) => key,
    make,
    (node, { title, note, files, stderr }) => {
      const [summary, about, which, said] = [...node.children] as [HTMLElement, HTMLElement, HTMLElement, HTMLElement];
      setText(summary, title);
      setText(about, note);
      setText(which, `${files.length === 1 ? 'File' : 'The last files'}: ${files.join(', ')}`);
      setText(said, stderr);
      said.hidden = stderr === '';
    },
  );
}
