/** Mutants: the changes of a module, as people find them again, and whether one that survives is accepted. */
import { SourceMap, type SourceMapPayload } from 'node:module';
import { type Mutation, mutationsOf } from './mutations.js';

export interface Mutant extends Mutation {
  /** The source that people know, `lib/core/engine.ts`; its line, from 1, and the column there, from 0. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** What is replaced. */
  readonly original: string;
  /** The compiled line or lines, before and after, with single spaces. */
  readonly from: string;
  readonly to: string;
}

/** A survivor that no test can or should find, by its place and its text: lines move. */
export interface Accepted {
  readonly file: string;
  readonly within: string;
  readonly from: string;
  readonly to: string;
  readonly why: string;
}

const MAX_SHOWN = 160;
const SHORT = 24;

/** @param file the source, `lib/core/engine.ts`; `compiled` what the compiler made of it, with its source map */
export function mutantsOf(file: string, compiled: string, sourceMap: string): Mutant[] {
  const map = new SourceMap(JSON.parse(sourceMap) as SourceMapPayload);
  return mutationsOf(compiled).map((mutation) => {
    const { start, end, replacement } = mutation;
    const lineStart = startOfLine(compiled, start);
    const lineEnd = indexOr(compiled.indexOf('\n', end), compiled.length);
    // Many a line says `return;`: the line before tells which it is.
    const isShort = compiled.slice(lineStart, lineEnd).trim().length < SHORT;
    const shownFrom = isShort && lineStart > 0 ? startOfLine(compiled, lineStart - 1) : lineStart;
    const before = compiled.slice(shownFrom, start);
    const lineNumber = compiled.slice(0, lineStart).split('\n').length - 1;
    const entry = map.findEntry(lineNumber, start - lineStart);
    if (!('originalLine' in entry)) throw new Error(`${file} has no source map for line ${lineNumber + 1}`);
    return {
      ...mutation,
      file,
      line: entry.originalLine + 1,
      column: entry.originalColumn,
      original: compiled.slice(start, end),
      from: shown(compiled.slice(shownFrom, lineEnd)),
      to: shown(before + replacement + compiled.slice(end, lineEnd)),
    };
  });
}

export function applied(compiled: string, { start, end, replacement }: Mutation): string {
  return compiled.slice(0, start) + replacement + compiled.slice(end);
}

/**
 * The same change in the source with its types; null where the source says it in other words than the compiler's output.
 * White space may differ.
 */
export function appliedToSource(source: string, { line, column, original, replacement }: Mutant): string | null {
  const start =
    source
      .split('\n')
      .slice(0, line - 1)
      .join('\n').length +
    (line > 1 ? 1 : 0) +
    column;
  const words = original.split(/\s+/).map((word) => word.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  const found = new RegExp(words.join('\\s+'), 'y');
  found.lastIndex = start;
  return found.test(source) ? source.slice(0, start) + replacement + source.slice(found.lastIndex) : null;
}

/** A shorter text could not be told from another one: what is left out is in the middle. */
function shown(lines: string): string {
  const line = lines.replace(/\s+/g, ' ').trim();
  return line.length <= MAX_SHOWN ? line : `${line.slice(0, MAX_SHOWN / 2)} … ${line.slice(-MAX_SHOWN / 2)}`;
}

function startOfLine(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

function indexOr(index: number, otherwise: number): number {
  return index === -1 ? otherwise : index;
}

export function isAccepted(accepted: readonly Accepted[], { file, within, from, to }: Mutant): boolean {
  return accepted.some((each) => each.file === file && each.within === within && each.from === from && each.to === to);
}
