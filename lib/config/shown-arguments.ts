/** The loader's arguments for people to read: somebody may have made one of them a password, or an address with one. */

/** An option that is a secret by its name, its value joined or not; a blank between the two is a slip that shows as much. */
const SECRET_ARGUMENT = /^(--?[\w-]*(?:password|passwd|secret|token|api[-_]?key))(?:([=:\s]).*)?$/is;
/** User and password before a host. */
const CREDENTIALS = /(:\/\/)[^\s/?#]*@/g;
const SECRET_PARAMETER = /([?&][\w-]*(?:password|passwd|secret|token|api[-_]?key)=)[^&\s]*/gi;
const SET = '(set)';

/** @param args also what is no list of texts, where that is complained of */
export function shownArguments(args: unknown): unknown {
  if (!Array.isArray(args)) return withoutValues(args);
  return args.map((arg, index) => {
    if (typeof arg !== 'string') return withoutValues(arg);
    const [, name, joint] = SECRET_ARGUMENT.exec(arg) ?? [];
    if (name !== undefined) return joint === undefined ? arg : `${name}${joint}${SET}`;
    const [, before, joined] = SECRET_ARGUMENT.exec(String(args[index - 1] ?? '')) ?? [];
    return before !== undefined && joined === undefined ? SET : withoutCredentials(arg);
  });
}

/** A text that may be an address, or hold one. */
export function withoutCredentials(text: string): string {
  return text.replace(CREDENTIALS, `$1${SET}@`).replace(SECRET_PARAMETER, `$1${SET}`);
}

/** `- --db-password: x` is a mapping, and a list that was not closed is a text. */
function withoutValues(value: unknown): unknown {
  if (typeof value === 'string') return SET;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.keys(value).map((key) => [key, SET]));
}
