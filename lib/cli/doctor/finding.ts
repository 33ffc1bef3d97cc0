/** What `doctor` finds of one thing, and how it is shown. */
import { withoutControl, wrap } from '../../util/plain-text.js';

export interface Finding {
  /** What was looked at: `topic atd-topic`. */
  readonly what: string;
  /** Null where it could not be asked for, because of another finding. */
  readonly isWell: boolean | null;
  /** What was found, or what is wrong. */
  readonly found: string;
  /** What to do about it; empty where nothing is. */
  readonly advice: string;
}

export function well(what: string, found: string): Finding {
  return { what, isWell: true, found, advice: '' };
}

export function ill(what: string, found: string, advice: string): Finding {
  return { what, isWell: false, found, advice };
}

export function unasked(what: string, because: string): Finding {
  return { what, isWell: null, found: `not asked: ${because}`, advice: '' };
}

const SIGNS = { well: '✓', ill: '✗', unasked: '–' } as const;
const COLOURS = { well: '\u001b[32m', ill: '\u001b[31m', unasked: '\u001b[2m' } as const;
const PLAIN = '\u001b[0m';

export function renderFinding(
  finding: Finding,
  terminal: { readonly columns: number; readonly colours: boolean },
): string {
  const { what, isWell, found, advice } = finding;
  const kind = isWell === null ? 'unasked' : isWell ? 'well' : 'ill';
  const sign = terminal.colours ? `${COLOURS[kind]}${SIGNS[kind]}${PLAIN}` : SIGNS[kind];
  const [first = '', ...rest] = wrap(withoutControl(`${what}: ${found}`), terminal.columns - 2);
  const more = [...rest, ...(advice === '' ? [] : wrap(withoutControl(`→ ${advice}`), terminal.columns - 2))];
  return [`${sign} ${first}`, ...more.map((line) => `  ${line}`)].map((line) => `${line}\n`).join('');
}

/** The last line. */
export function summary(findings: readonly Finding[]): string {
  const ills = findings.filter(({ isWell }) => isWell === false).length;
  const unaskeds = findings.filter(({ isWell }) => isWell === null).length;
  if (ills === 0 && unaskeds === 0) return 'all is well';
  const parts = [...(ills === 0 ? [] : [`${ills} to be mended`]), ...(unaskeds === 0 ? [] : [`${unaskeds} not asked`])];
  return parts.join(', ');
}
