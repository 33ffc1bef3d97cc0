/** Which places of a module a test file executes, as V8's block coverage of its process and its threads has it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface Script {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly Range[] }[];
}

/** The ranges of each module by its path: one list for each thread that loaded it. */
export type Reach = ReadonlyMap<string, readonly (readonly Range[])[]>;

/** @param directory what NODE_V8_COVERAGE named; `pid` the process that counts, without those that it started */
export function readReach(directory: string, pid: number): Reach {
  const reach = new Map<string, Range[][]>();
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(`coverage-${pid}-`)) continue;
    const { result } = JSON.parse(readFileSync(join(directory, name), 'utf8')) as { result: readonly Script[] };
    for (const { url, functions } of result) {
      if (!url.startsWith('file:')) continue;
      const path = fileURLToPath(url);
      const lists = reach.get(path) ?? [];
      reach.set(path, [...lists, functions.flatMap(({ ranges }) => ranges)]);
    }
  }
  return reach;
}

/** Whether the innermost range around the offset was entered in any of the threads. */
export function isReached(reach: Reach, path: string, offset: number): boolean {
  return (reach.get(path) ?? []).some((ranges) => {
    let innermost: Range | null = null;
    for (const range of ranges) {
      if (offset < range.startOffset || offset >= range.endOffset) continue;
      if (innermost === null || sizeOf(range) <= sizeOf(innermost)) innermost = range;
    }
    return innermost !== null && innermost.count > 0;
  });
}

function sizeOf({ startOffset, endOffset }: Range): number {
  return endOffset - startOffset;
}
