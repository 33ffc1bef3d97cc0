/** Asks the service for loads of before: when the page opens, after a gap in the stream, and for another filter. */
import {
  GIVEN_UP_MS,
  type PageEvent,
  type PageFilter,
  type PageState,
  SHOWN_GIVEN_UP,
  SHOWN_LOADS,
} from '../view/state.js';

/** After the last key, so that a word is one question. */
const TYPED_MS = 300;
/** Between two gaps: who cannot read all that comes must not ask for it again and again. */
const GAP_MS = 5_000;

export class LoadQuestions {
  readonly #take: (event: PageEvent) => void;
  readonly #state: () => PageState;
  #typed: ReturnType<typeof setTimeout> | null = null;
  #gap: ReturnType<typeof setTimeout> | null = null;
  #isAsking: AbortController | null = null;

  constructor(take: (event: PageEvent) => void, state: () => PageState) {
    this.#take = take;
    this.#state = state;
  }

  /** All that the page shows of before. */
  askAll(): void {
    void this.#askForList();
    void this.#askForGivenUp('given-up');
    void this.#askForGivenUp('skipped');
  }

  /** Some loads did not come. */
  missed(): void {
    this.#gap ??= setTimeout(() => {
      this.#gap = null;
      this.askAll();
    }, GAP_MS);
  }

  filter(filter: PageFilter): void {
    this.#take({ type: 'filter', filter });
    if (this.#typed !== null) clearTimeout(this.#typed);
    this.#typed = setTimeout(() => void this.#askForList(), TYPED_MS);
  }

  async #askForList(): Promise<void> {
    const { filter } = this.#state();
    this.#isAsking?.abort();
    const asking = new AbortController();
    this.#isAsking = asking;
    const wanted: Record<string, string> = { limit: String(SHOWN_LOADS) };
    if (filter.status !== 'all') wanted['status'] = filter.status;
    if (filter.text.trim() !== '') wanted['text'] = filter.text.trim();
    await ask(wanted, asking.signal, (answer) => this.#take({ type: 'found', filter, answer }), this.#take);
  }

  async #askForGivenUp(status: 'given-up' | 'skipped'): Promise<void> {
    const since = String(Math.max(0, Math.round(Date.now() + this.#state().clockAheadMs - GIVEN_UP_MS)));
    const wanted = { status, since, limit: String(SHOWN_GIVEN_UP) };
    await ask(wanted, null, (answer) => this.#take({ type: 'given-up', answer }), this.#take);
  }
}

async function ask(
  wanted: Readonly<Record<string, string>>,
  signal: AbortSignal | null,
  onAnswer: (answer: never) => void,
  take: (event: PageEvent) => void,
): Promise<void> {
  try {
    const response = await fetch(`api/v1/loads?${new URLSearchParams(wanted)}`, { signal });
    if (!response.ok) throw new Error(`the service answers ${response.status}`);
    onAnswer((await response.json()) as never);
  } catch (error) {
    // Asked anew by then, for something else. And that the service is away the stream notices.
    if (signal?.aborted === true || error instanceof TypeError) return;
    take({ type: 'not-found', problem: (error as Error).message });
  }
}
