/** The page: events of the service come in, the state that they make is shown, twice a second at most. */
import { duration } from '../../util/plain-text.js';
import { showControl } from '../../util/safe-text.js';
import type { Act } from '../view/act.js';
import { type Figure, figuresOf } from '../view/figures.js';
import { seriesOf } from '../view/series.js';
import {
  NOTHING_KNOWN,
  nextState,
  type PageEvent,
  type PageFilter,
  type PageLoads,
  type PageState,
  type PageStatus,
  serviceNow,
} from '../view/state.js';
import {
  failureGroups,
  heldTable,
  loadTable,
  partitionTable,
  runningTable,
  settingsTable,
  tenantTable,
} from '../view/tables.js';
import { verdictOf } from '../view/verdict.js';
import { ask, prepareActs } from './acts.js';
import { Charts } from './charts.js';
import { element, fillGroups, fillList, fillTable, nameTableParts, setData, setText } from './dom.js';
import { prepareLetters } from './letters.js';
import { LoadQuestions } from './loads.js';

const EVERY_MS = 500;
/** Times go on also where nothing comes. */
const CLOCK_MS = 1_000;
/** After this long without an event the connection is taken for lost; the service sends one every 5 s. */
const SILENCE_MS = 20_000;
const AGAIN_MS = 2_000;
const ANSWERS: ReadonlySet<PageEvent['type']> = new Set(['found', 'settings']);

let state: PageState = NOTHING_KNOWN;
let shownHistory: PageState['history'] = null;
let due: ReturnType<typeof setTimeout> | null = null;
let renderedAt = 0;
const charts = new Charts();
const questions = new LoadQuestions(take, () => state);

function take(event: PageEvent): void {
  state = nextState(state, event);
  request(ANSWERS.has(event.type));
}

/** @param isUrgent an answer to what somebody has just asked for */
function request(isUrgent = false): void {
  if (due !== null && !isUrgent) return;
  if (due !== null) clearTimeout(due);
  const wait = isUrgent ? 0 : Math.max(0, renderedAt + EVERY_MS - performance.now());
  due = setTimeout(() => requestAnimationFrame(render), wait);
}

function render(): void {
  due = null;
  renderedAt = performance.now();
  const now = Date.now();
  const { words, mood, reasons } = verdictOf(state, now);
  const verdict = element('#verdict');
  setData(verdict, 'mood', mood);
  setText(element('#words'), words);
  const item = () => document.createElement('li');
  fillList(element('#reasons'), reasons, (reason) => reason, item, setText);
  setData(document.body, 'stale', String(state.connection.kind === 'lost'));
  renderHead(now);
  fillList(element('#figures'), figuresOf(state), ({ id }) => id, makeFigure, fillFigure);
  renderTables(now);
  if (state.history !== null && state.history !== shownHistory && state.status !== null) {
    shownHistory = state.history;
    charts.show(seriesOf(state.history, state.status.startedAt));
  }
}

function renderHead(now: number): void {
  const { status } = state;
  if (status === null) return;
  const up = duration(serviceNow(state, now) - status.startedAt);
  setText(element('#service'), `${showControl(status.version)} at ${location.host}, up ${up}`);
  const { permitsChanges } = status;
  for (const id of ['reload', 'drain', 'letters']) element(`#${id}`).hidden = !permitsChanges;
  element('#scale').hidden = !permitsChanges || status.adaptiveSlots !== null;
  setText(element('#drain'), status.drain === null ? 'Drain' : 'Resume this instance');
}

function makeFigure(): HTMLElement {
  const node = document.createElement('div');
  const [label, value, note] = [
    document.createElement('dt'),
    document.createElement('dd'),
    document.createElement('dd'),
  ];
  value.className = 'value';
  note.className = 'note';
  node.append(label, value, note);
  return node;
}

function fillFigure(node: HTMLElement, { label, value, note, mood }: Figure): void {
  const [first, second, third] = [...node.children] as [HTMLElement, HTMLElement, HTMLElement];
  setText(first, label);
  setText(second, value);
  setData(second, 'mood', mood === 'plain' ? undefined : mood);
  setText(third, note);
}

function renderTables(now: number): void {
  const onAct = (act: Act) => ask(act);
  fillTable(element('#running'), runningTable(state, now), [], onAct);
  const groups = failureGroups(state, now);
  fillGroups(element('#groups'), groups);
  const none = state.connection.kind === 'connecting' ? '' : 'Nothing was given up in the last 24 hours.';
  setText(element('#failures .note'), groups.length === 0 ? none : '');
  const held = heldTable(state, now);
  element('#held').hidden = held.rows.length === 0;
  fillTable(element('#held'), held, [], onAct);
  fillTable(
    element('#tenants'),
    tenantTable(state, element<HTMLInputElement>('#tenant-filter').value),
    [1, 2, 3, 4, 5, 6],
    onAct,
  );
  fillTable(element('#loads'), loadTable(state, now), [], onAct);
  fillTable(element('#partitions'), partitionTable(state, now), [2, 3, 4, 5], onAct);
  if (element<HTMLDetailsElement>('#settings').open) fillTable(element('#settings'), settingsTable(state), [], onAct);
}

function loadFilter(): PageFilter {
  const status = element<HTMLSelectElement>('#load-status').value as PageFilter['status'];
  return { text: element<HTMLInputElement>('#load-filter').value, status };
}

/** Asked for whenever they are opened, and after a reload while they are. */
async function showSettings(): Promise<void> {
  if (!element<HTMLDetailsElement>('#settings').open) return;
  request();
  try {
    const response = await fetch('api/v1/settings');
    if (!response.ok) return;
    take({ type: 'settings', ...((await response.json()) as Pick<PageEvent & { type: 'settings' }, 'settings'>) });
  } catch {
    // The stream notices that the service is away.
  }
}

/** Goes on by itself after the service was away; a browser gives up where it is answered by an error. */
function listen(): void {
  const source = new EventSource('api/v1/events');
  let heardAt = performance.now();
  const on = (name: 'status' | 'history' | 'loads', event: (data: never) => PageEvent) => {
    source.addEventListener(name, ({ data }) => {
      heardAt = performance.now();
      take(event(JSON.parse(data) as never));
    });
  };
  on('status', (status: PageStatus) => {
    if (status.settings.lastReload?.at !== state.status?.settings.lastReload?.at) void showSettings();
    return { type: 'status', status, now: Date.now() };
  });
  on('history', (history) => ({ type: 'history', history }));
  on('loads', (loads: PageLoads) => {
    if (loads.skipped > 0) questions.missed();
    return { type: 'loads', loads };
  });
  source.addEventListener('open', () => {
    take({ type: 'opened' });
    questions.askAll();
  });
  source.addEventListener('error', () => {
    take({ type: 'lost', now: Date.now() });
    if (source.readyState === EventSource.CLOSED) again();
  });
  const watch = setInterval(() => {
    if (performance.now() - heardAt < SILENCE_MS) return;
    take({ type: 'lost', now: Date.now() });
    again();
  }, AGAIN_MS);
  const again = (): void => {
    clearInterval(watch);
    source.close();
    setTimeout(listen, AGAIN_MS);
  };
}

prepareActs();
prepareLetters();
nameTableParts();
// Who has no mouse scrolls what is too wide or too long by its keys.
for (const node of document.querySelectorAll<HTMLElement>('.wide')) node.tabIndex = 0;
element('#reload').addEventListener('click', () => ask({ kind: 'reload' }));
element('#drain').addEventListener('click', () => ask({ kind: state.status?.drain == null ? 'drain' : 'join' }));
element('#scale').addEventListener('click', () => ask({ kind: 'scale', slots: state.status?.slots ?? 1 }));
element('#tenant-filter').addEventListener('input', () => request());
for (const id of ['load-filter', 'load-status']) {
  element(`#${id}`).addEventListener('input', () => questions.filter(loadFilter()));
}
element('#settings').addEventListener('toggle', () => void showSettings());
setInterval(() => request(), CLOCK_MS);
listen();
request();
