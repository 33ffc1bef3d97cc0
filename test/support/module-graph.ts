/** What the compiled modules load, and which test files so need Kafka or ClickHouse: found in the code, listed nowhere. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { importedBy, withoutComments } from './architecture.js';

/** Modules that start Kafka or ClickHouse, or look for them, name these variables or load the engine. */
const SERVICES = /\b(?:KAFKA|CLICKHOUSE)_(?:BROKERS|URL)\b/;
const ENGINE = 'chdb';
/** What modules that start processes import. */
const STARTERS = ['node:child_process', 'execa'];

/** A program or a thread that a module starts: `new URL('./guard.js', import.meta.url)`. */
const STARTED = /\bnew URL\(\s*['"](\.[^'"]+\.js)['"],\s*import\.meta\.url\b/g;

interface Module {
  /** Absolute paths of what it imports or starts. */
  readonly loads: readonly string[];
  readonly needsServices: boolean;
  readonly startsProcesses: boolean;
}

/** Remembers what it has read; the files must not change meanwhile. */
export class ModuleGraph {
  readonly #modules = new Map<string, Module>();

  /** `file` and all that is loaded because of it, also by the programs that it starts; absolute paths. */
  reachedFrom(file: string): Set<string> {
    const reached = new Set([resolve(file)]);
    for (const each of reached) for (const next of this.#module(each).loads) reached.add(next);
    return reached;
  }

  /** Whether anything that `file` loads starts Kafka or ClickHouse, or asks where they are. */
  needsServices(file: string): boolean {
    return [...this.reachedFrom(file)].some((each) => this.#module(each).needsServices);
  }

  startsProcesses(file: string): boolean {
    return [...this.reachedFrom(file)].some((each) => this.#module(each).startsProcesses);
  }

  #module(file: string): Module {
    const known = this.#modules.get(file);
    if (known !== undefined) return known;
    const source = readFileSync(file, 'utf8');
    const code = withoutComments(source);
    const imported = importedBy(source);
    const started = [...code.matchAll(STARTED)].map(([, specifier]) => specifier as string);
    const module = {
      loads: [...imported.filter((specifier) => specifier.startsWith('.')), ...started]
        .map((specifier) => resolve(dirname(file), specifier))
        .filter((path) => existsSync(path)),
      needsServices: SERVICES.test(code) || imported.includes(ENGINE),
      startsProcesses: STARTERS.some((name) => imported.includes(name)),
    };
    this.#modules.set(file, module);
    return module;
  }
}

/** All `*.test.js` below a directory, in the order of the alphabet. */
export function testFilesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js'))
    .sort()
    .map((name) => join(directory, name));
}
