/** Who may import whom in `lib`, as pure functions over the sources, so that a test can show that they find a breach. */

/** The layers: files by the beginning of their path, and what each may import beside itself. */
const LAYERS: readonly { readonly files: string; readonly mayImport: readonly string[] }[] = [
  { files: 'lib/types.ts', mayImport: [] },
  { files: 'lib/errors.ts', mayImport: ['lib/types.ts'] },
  { files: 'lib/heap.ts', mayImport: [] },
  { files: 'lib/core/', mayImport: ['lib/core/', 'lib/types.ts', 'lib/errors.ts'] },
  { files: 'lib/worker/', mayImport: ['lib/worker/', 'lib/types.ts', 'lib/errors.ts'] },
  { files: 'lib/loader/', mayImport: ['lib/loader/', 'lib/types.ts', 'lib/errors.ts'] },
  { files: 'lib/io/', mayImport: ['lib/core/', 'lib/types.ts', 'lib/errors.ts'] },
  { files: 'lib/config', mayImport: ['lib/config', 'lib/core/nearest.ts', 'lib/types.ts', 'lib/errors.ts'] },
  { files: 'lib/adapters.ts', mayImport: ['lib/config.ts', 'lib/core/', 'lib/io/', 'lib/types.ts', 'lib/errors.ts'] },
  {
    files: 'lib/service.ts',
    mayImport: ['lib/adapters.ts', 'lib/config.ts', 'lib/core/', 'lib/io/', 'lib/types.ts', 'lib/errors.ts'],
  },
  {
    files: 'lib/cli/',
    mayImport: [
      ...['lib/cli/', 'lib/service.ts', 'lib/adapters.ts', 'lib/config.ts'],
      ...['lib/core/', 'lib/io/', 'lib/types.ts', 'lib/errors.ts'],
    ],
  },
];

/** What of `core` the programs that stand beside the service share with it. */
const PURE_HELPERS = ['classify', 'deferred', 'head-tail', 'lines', 'nearest', 'routing'].map(
  (name) => `lib/core/${name}.ts`,
);

/** Files that may import more than their layer. */
const EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  'lib/io/pool.ts': ['lib/worker/'],
  'lib/io/metrics.ts': ['lib/io/metric-definitions.ts'],
  'lib/io/consumer.ts': ['lib/io/kafka-questions.ts'],
  'lib/io/dead-letter.ts': ['lib/io/kafka-questions.ts'],
  'lib/cli/run.ts': ['lib/heap.ts'],
  'lib/worker/thread.ts': ['lib/heap.ts'],
};

const MAX_LINES = 250;

const IMPORT =
  /^(?:import|export)\b[^;'"]*?\bfrom\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;

/** What makes an answer depend on more than the question. `new Date(number)` only converts. */
const IMPURE: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['Date.now', /\bDate\s*\.\s*now\b/],
  ['new Date()', /\bnew\s+Date\s*(?:\(\s*\)|(?!\s*\())/],
  ['Date()', /(?<!new\s+)(?<!\.)\bDate\s*\(/],
  ['performance', /\bperformance\s*\./],
  ['Math.random', /\bMath\s*\.\s*random\b/],
  ['crypto', /\bcrypto\s*\./],
  ['a timer', /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask)\s*\(/],
  ['process', /\bprocess\s*[.[]/],
  ['the console', /\bconsole\s*\./],
  ['the network', /\bfetch\s*\(/],
];

/**
 * @param files sources by their path from the package's root, `lib/core/engine.ts`
 * @returns one line per breach; empty when the house is in order
 */
export function checkArchitecture(files: ReadonlyMap<string, string>): string[] {
  const breaches: string[] = [];
  const graph = new Map<string, string[]>();
  for (const [file, source] of files) {
    const imports = importsOf(file, source);
    graph.set(
      file,
      imports.filter((target) => target.startsWith('lib/')),
    );
    for (const target of imports) breaches.push(...checkImport(file, target, files));
    if (file.startsWith('lib/core/')) breaches.push(...checkPurity(file, source));
    const lines = source.trimEnd().split('\n').length;
    if (lines > MAX_LINES) breaches.push(`${file} has ${lines} lines, more than ${MAX_LINES}`);
  }
  return [...breaches, ...findCycles(graph)];
}

/** Files of the house by their path, everything else as it is written. */
export function importsOf(file: string, source: string): string[] {
  return [...withoutComments(source).matchAll(IMPORT)].map((match) => {
    const specifier = (match[1] ?? match[2] ?? match[3]) as string;
    return specifier.startsWith('.') ? resolve(file, specifier) : specifier;
  });
}

function checkImport(file: string, target: string, files: ReadonlyMap<string, string>): string[] {
  if (!target.startsWith('lib/')) {
    return file.startsWith('lib/core/')
      ? [`${file} imports ${target}: core imports no package and no module of Node`]
      : [];
  }
  if (!files.has(target)) return [`${file} imports ${target}, which does not exist`];
  const layer = LAYERS.find(({ files: beginning }) => file.startsWith(beginning));
  if (layer === undefined) return [`${file} belongs to no layer`];
  const standsBeside = file.startsWith('lib/worker/') || file.startsWith('lib/loader/');
  const allowed = [...layer.mayImport, ...(EXCEPTIONS[file] ?? []), ...(standsBeside ? PURE_HELPERS : [])];
  return allowed.some((beginning) => target.startsWith(beginning)) ? [] : [`${file} must not import ${target}`];
}

function checkPurity(file: string, source: string): string[] {
  const code = withoutTexts(withoutComments(source));
  return IMPURE.filter(([, pattern]) => pattern.test(code)).map(([what]) => `${file} uses ${what}: core is pure`);
}

/** Each cycle once, from its first file in the order of the alphabet. */
function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const cycles = new Set<string>();
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start !== -1) {
      const cycle = path.slice(start);
      const first = cycle.indexOf([...cycle].sort()[0] as string);
      cycles.add([...cycle.slice(first), ...cycle.slice(0, first)].join(' -> '));
      return;
    }
    if (done.has(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return [...cycles].map((cycle) => `import cycle: ${cycle}`);
}

function resolve(file: string, specifier: string): string {
  const parts = file.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/').replace(/\.js$/, '.ts');
}

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

function withoutTexts(source: string): string {
  return source.replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''");
}
