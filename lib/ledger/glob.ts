/** Names as people ask for them: `*` stands for any characters, `?` for one; the whole name must fit. */

/** The same as a regular expression for RE2, which needs no more time for many stars. JavaScript's would need it without end. */
export function globSource(glob: string): string {
  const escaped = glob.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&');
  return `^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`;
}

/** Whoever may ask the service names the glob: the time is at most the product of both lengths. */
export function isGlobMatch(glob: string, text: string): boolean {
  let [sign, at] = [0, 0];
  /** The last star, and where the text goes on behind what it stands for: an earlier one need not take more. */
  let [star, behind] = [-1, 0];
  while (at < text.length) {
    if (glob[sign] === '*') {
      [star, behind] = [sign, at];
      sign += 1;
    } else if (glob[sign] === '?' || glob[sign] === text[at]) {
      sign += 1;
      at += 1;
    } else {
      if (star === -1) return false;
      behind += 1;
      [sign, at] = [star + 1, behind];
    }
  }
  while (glob[sign] === '*') sign += 1;
  return sign === glob.length;
}
