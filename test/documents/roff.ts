/** Text as troff prints it unchanged, and the few requests of the `man` macros that the man page is made of. */

/**
 * What troff would read as something else, or print as another character: a plain `-` comes out as a hyphen, which no shell takes
 * for the begin of an option, and `'` as a closing quote.
 */
const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\(rs',
  '-': '\\-',
  "'": '\\(aq',
  '"': '\\(dq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
  '…': '...',
};

/** May stand anywhere: as an argument of a request between quotes, as a line of its own, and within one. */
export function roff(text: string): string {
  const escaped = text.replaceAll(/[\\'"`^~…-]/g, (character) => ESCAPES[character] as string);
  const ascii = escaped.replaceAll(/[^\n -~]/gu, (character) => {
    return `\\[u${(character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}]`;
  });
  // A line that begins with a dot would be a request.
  return ascii.replaceAll(/^\./gm, '\\&.');
}

export function bold(text: string): string {
  return `\\fB${roff(text)}\\fR`;
}

export function italic(text: string): string {
  return `\\fI${roff(text)}\\fR`;
}

/** A term, already in roff, and below it what is said of it. */
export function term(head: string, text: string): string[] {
  return ['.TP', head, roff(text)];
}

/** What is broken nowhere else than here. */
export function verbatim(lines: readonly string[]): string[] {
  return ['.RS 4', '.nf', ...lines.map(roff), '.fi', '.RE'];
}

/** A command in lines of at most so many characters, which a shell reads as one; a word that is longer has its own. */
export function brokenCommand(command: string, characters: number): string[] {
  const words = command.match(/(?:'[^']*'|"[^"]*"|\S)+/g) ?? [];
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    // Behind each line but the last there will be a blank and a backslash.
    if (line.trim() !== '' && `${line} ${word} \\`.length > characters) {
      lines.push(`${line} \\`);
      line = `  ${word}`;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
