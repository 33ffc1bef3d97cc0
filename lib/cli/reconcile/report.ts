/** Writes what `reconcile` has found, while it finds it: nothing of it is kept. */
import { duration, numberText, wrap } from '../../util/plain-text.js';
import { hasColours, terminalColumns } from '../terminal.js';
import { type DiskFile, type Judgement, STATES, type State, WELL } from './judge.js';
import {
  fileObject,
  type Knowledge,
  renderCounts,
  renderFile,
  renderKnowledge,
  summaryObject,
} from './reconcile-view.js';

/** Of one state, on a terminal: a person needs no thousands of lines, programs do. */
const MOST_SHOWN = 20;

export class Report {
  readonly #isJson: boolean;
  readonly #hasAll: boolean;
  readonly #look = { columns: terminalColumns(), colours: hasColours() };
  readonly #counts = new Map<State, number>();
  #files = 0;
  /** How many were announced. */
  sent = 0;
  /** How many were left, because they are too new. */
  young = 0;

  constructor(isJson: boolean, hasAll: boolean) {
    this.#isJson = isJson;
    this.#hasAll = hasAll;
  }

  add(file: DiskFile, judgement: Judgement): void {
    const count = (this.#counts.get(judgement.state) ?? 0) + 1;
    this.#counts.set(judgement.state, count);
    this.#files += 1;
    if (judgement.state === 'loaded' && !this.#hasAll) return;
    if (this.#isJson) process.stdout.write(`${JSON.stringify(fileObject(file, judgement))}\n`);
    else if (process.stdout.isTTY !== true || count <= MOST_SHOWN) {
      process.stdout.write(renderFile(file, judgement, this.#look));
    }
  }

  end(knowledge: Knowledge, leastAgeMs: number): void {
    const counts = Object.fromEntries(this.#counts);
    if (this.#isJson) {
      process.stdout.write(`${JSON.stringify(summaryObject(counts, this.#files, this.sent, knowledge))}\n`);
      return;
    }
    const cut = Object.keys(STATES).some((state) => (this.#counts.get(state as State) ?? 0) > MOST_SHOWN);
    const sentences = [
      ...(cut && process.stdout.isTTY === true
        ? [`Of each state the first ${MOST_SHOWN} are shown; into a pipe, and by --json, go all.`]
        : []),
      ...(this.young === 0
        ? []
        : [
            `${numberText(this.young)} of those without a message changed within ${duration(leastAgeMs)}, and were left to their producer; --older-than 0s announces them too.`,
          ]),
    ];
    const text = sentences
      .flatMap((sentence) => wrap(sentence, this.#look.columns).map((line) => `${line}\n`))
      .join('');
    process.stdout.write(renderCounts(counts, this.#files) + text + renderKnowledge(knowledge, this.#look.columns));
  }

  isWell(): boolean {
    return [...this.#counts.keys()].every((state) => WELL.has(state));
  }
}
