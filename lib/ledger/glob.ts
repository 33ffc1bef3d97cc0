/** Names as people ask for them: `*` stands for any characters, `?` for one; the whole name must fit. */

/** The same as a regular expression, for JavaScript and for RE2 alike. */
export function globSource(glob: string): string {
  const escaped = glob.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&');
  return `^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`;
}

export function globPattern(glob: string): RegExp {
  return new RegExp(globSource(glob), 's');
}
