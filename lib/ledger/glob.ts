/** Names as people ask for them: `*` stands for any characters, `?` for one; the whole name must fit. */

/** The same as a regular expression, for RE2. */
export function globSource(glob: string): string {
  const escaped = glob.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&');
  return `^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`;
}

/** For JavaScript, whose regular expressions try `***…` in all ways there are: anybody's question could hold up the service. */
export function globPattern(glob: string): { test(text: string): boolean } {
  const signs = glob.replaceAll(/\*+/g, '*');
  return { test: (text) => fits(signs, text) };
}

/** Goes back to the last star alone, for what an earlier one leaves to it, it can take as well. */
function fits(glob: string, text: string): boolean {
  let [at, sign] = [0, 0];
  let [star, taken] = [-1, 0];
  while (at < text.length) {
    if (glob[sign] === '*') {
      [star, taken] = [sign, at];
      sign += 1;
    } else if (sign < glob.length && (glob[sign] === '?' || glob[sign] === text[at])) {
      at += 1;
      sign += 1;
    } else {
      if (star === -1) return false;
      taken += 1;
      at = taken;
      sign = star + 1;
    }
  }
  return ['', '*'].includes(glob.slice(sign));
}
