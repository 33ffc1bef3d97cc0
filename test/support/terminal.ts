/** What a person sees: the output of a program as a terminal shows it. What no terminal understands is an error. */
import assert from 'node:assert/strict';

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what terminals take
const SEQUENCE = /^\u001b\[([?\d;]*)([A-Za-z])/;
/** The beginning of one, which the next piece of output may end. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what terminals take
const BEGINNING = /^\u001b(?:\[[?\d;]*)?$/;

export class Terminal {
  columns: number;
  rows: number;
  /** Whatever stands in the last column of a line and would go on in the next. */
  readonly tooLong: string[] = [];
  readonly #lines: string[] = [''];
  readonly colours = new Set<string>();
  isCursorShown = true;
  isOnOtherPage = false;
  /** Without it a line that is too long is cut. */
  isWrapping = true;
  #row = 0;
  #column = 0;
  #rest = '';
  /** Everything as it came. */
  raw = '';

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  /** As it stands there now. */
  get text(): string {
    return this.#lines.map((line) => `${line.trimEnd()}\n`).join('');
  }

  /** Whether it ends in the middle of a sequence. */
  get isTorn(): boolean {
    return this.#rest !== '';
  }

  write(text: string): void {
    this.raw += text;
    let rest = this.#rest + text;
    this.#rest = '';
    while (rest !== '') {
      if (rest.startsWith('\u001b')) {
        if (BEGINNING.test(rest)) {
          this.#rest = rest;
          return;
        }
        const [whole, parameters = '', letter = ''] = SEQUENCE.exec(rest) ?? [];
        assert.ok(whole !== undefined, `no sequence of a terminal: ${JSON.stringify(rest.slice(0, 20))}`);
        this.#perform(parameters, letter);
        rest = rest.slice(whole.length);
      } else {
        this.#put(rest[0] as string);
        rest = rest.slice(1);
      }
    }
  }

  #put(character: string): void {
    if (character === '\r') this.#column = 0;
    else if (character === '\n') this.#row += 1;
    else {
      assert.ok(character >= ' ', `a control character: ${JSON.stringify(character)}`);
      const line = (this.#lines[this.#row] ?? '').padEnd(this.#column);
      if (this.#column >= this.columns) this.tooLong.push(line + character);
      this.#lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1);
      this.#column += 1;
    }
    for (let row = this.#lines.length; row <= this.#row; row += 1) this.#lines.push('');
  }

  #perform(parameters: string, letter: string): void {
    const known = `${parameters}${letter}`;
    if (letter === 'm') {
      if (parameters !== '0' && parameters !== '39') this.colours.add(parameters);
    } else if (known === 'H') [this.#row, this.#column] = [0, 0];
    else if (known === 'K') this.#lines[this.#row] = (this.#lines[this.#row] ?? '').slice(0, this.#column);
    else if (known === 'J') {
      this.#lines[this.#row] = (this.#lines[this.#row] ?? '').slice(0, this.#column);
      this.#lines.length = this.#row + 1;
    } else if (known === '2J') this.#lines.fill('');
    else if (/^\?25[hl]$/.test(known)) this.isCursorShown = letter === 'h';
    else if (/^\?7[hl]$/.test(known)) this.isWrapping = letter === 'h';
    else if (/^\?1049[hl]$/.test(known)) {
      this.isOnOtherPage = letter === 'h';
      this.#lines.splice(0, this.#lines.length, '');
      [this.#row, this.#column] = [0, 0];
    } else assert.fail(`a sequence that this terminal does not know: ${JSON.stringify(known)}`);
  }
}
