/** Who may import whom in `lib`, as pure functions over the sources, so that a test can show that they find a breach. */

/** What every folder may use: plain data, coded errors, and the small tools of `util`. */
const GROUND = ['lib/types.ts', 'lib/errors.ts', 'lib/util/'];

/**
 * The rooms, from the top of the house to its ground, and what each may import beside itself and the ground. A folder that is
 * not listed is no room; of a room that is listed below another one, the longer name counts.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  'lib/cli/': [
    ...['lib/service/', 'lib/config/', 'lib/kafka/', 'lib/telemetry/', 'lib/http/', 'lib/pool/', 'lib/core/'],
    ...['lib/ledger/', 'lib/letters/', 'lib/sending/', 'lib/processes/', 'lib/cli/loads/', 'lib/v8-flags.ts'],
  ],
  'lib/cli/letters/': [
    ...['lib/cli/', 'lib/service/', 'lib/config/', 'lib/letters/', 'lib/sending/', 'lib/kafka/', 'lib/core/'],
  ],
  'lib/cli/completion/': ['lib/cli/'],
  'lib/cli/doctor/': [
    ...['lib/cli/', 'lib/service/', 'lib/config/', 'lib/sending/', 'lib/kafka/', 'lib/pool/', 'lib/core/'],
    // It asks ClickHouse as the bundled loader does.
    ...['lib/loader/clickhouse/', 'lib/loader/options/', 'lib/loader/failures.ts'],
  ],
  'lib/cli/emit/': [
    ...['lib/cli/', 'lib/service/', 'lib/config/', 'lib/letters/', 'lib/sending/', 'lib/kafka/', 'lib/processes/'],
    'lib/core/',
  ],
  'lib/cli/reconcile/': [
    ...['lib/cli/', 'lib/service/', 'lib/config/', 'lib/letters/', 'lib/sending/', 'lib/kafka/', 'lib/ledger/'],
    'lib/core/',
  ],
  'lib/cli/progress/': ['lib/cli/'],
  'lib/cli/top/': ['lib/cli/'],
  'lib/cli/loads/': [
    ...['lib/cli/', 'lib/service/', 'lib/config/', 'lib/letters/', 'lib/sending/', 'lib/kafka/', 'lib/ledger/'],
    'lib/core/',
  ],
  'lib/cli/undone/': ['lib/cli/', 'lib/service/', 'lib/config/', 'lib/ledger/'],
  'lib/letters/': ['lib/sending/', 'lib/kafka/', 'lib/ledger/', 'lib/processes/', 'lib/core/'],
  'lib/sending/': ['lib/kafka/'],
  'lib/service/': [
    'lib/config/',
    'lib/notify/',
    'lib/control/',
    'lib/waiting/',
    'lib/kafka/',
    'lib/feed/',
    'lib/http/',
    'lib/ledger/',
    'lib/telemetry/',
    'lib/pool/',
    'lib/core/',
  ],
  'lib/service/acts/': [
    ...['lib/service/', 'lib/config/', 'lib/control/', 'lib/http/', 'lib/ledger/', 'lib/letters/', 'lib/sending/'],
    ...['lib/kafka/', 'lib/telemetry/', 'lib/core/'],
  ],
  'lib/service/reload/': ['lib/service/', 'lib/config/', 'lib/telemetry/', 'lib/core/'],
  'lib/config/': [],
  'lib/pool/': ['lib/worker/', 'lib/processes/'],
  'lib/kafka/': ['lib/kafka/group/', 'lib/kafka/batches/', 'lib/core/'],
  'lib/kafka/batches/': [],
  'lib/kafka/group/': [],
  'lib/control/': ['lib/kafka/', 'lib/core/'],
  'lib/waiting/': ['lib/kafka/', 'lib/core/'],
  'lib/feed/': ['lib/core/', 'lib/ledger/'],
  'lib/http/': ['lib/core/'],
  'lib/ledger/': ['lib/core/'],
  'lib/page/view/': ['lib/config/', 'lib/core/', 'lib/feed/', 'lib/http/', 'lib/ledger/', 'lib/telemetry/'],
  'lib/page/browser/': ['lib/page/view/'],
  'lib/notify/': ['lib/core/'],
  'lib/telemetry/': ['lib/core/'],
  'lib/worker/': ['lib/worker/attempt/', 'lib/worker/launch/', 'lib/worker/output/', 'lib/v8-flags.ts'],
  'lib/worker/attempt/': ['lib/worker/launch/', 'lib/worker/output/', 'lib/processes/', 'lib/core/rules/'],
  'lib/worker/launch/': ['lib/worker/launch/prefork/', 'lib/worker/output/', 'lib/processes/'],
  'lib/worker/launch/prefork/': ['lib/worker/launch/'],
  'lib/worker/output/': [],
  'lib/processes/': [],
  'lib/loader/': ['lib/loader/'],
  'lib/loader/commands/': ['lib/loader/'],
  'lib/loader/blocks/': ['lib/loader/failures.ts', 'lib/loader/file/'],
  'lib/loader/clickhouse/': ['lib/loader/failures.ts', 'lib/loader/options/', 'lib/loader/file/'],
  'lib/loader/file/': ['lib/loader/failures.ts'],
  'lib/loader/options/': ['lib/loader/file/', 'lib/core/rules/'],
  'lib/core/': ['lib/core/'],
  'lib/core/state/': [
    ...['lib/core/events.ts', 'lib/core/settings.ts', 'lib/core/rules/', 'lib/core/offsets/'],
    'lib/core/state/intake/',
  ],
  'lib/core/state/intake/': ['lib/core/events.ts', 'lib/core/rules/'],
  'lib/core/rules/': ['lib/core/events.ts', 'lib/core/offsets/', 'lib/core/rules/turns/'],
  'lib/core/rules/turns/': [],
  'lib/core/offsets/': ['lib/core/events.ts'],
  'lib/util/': [],
  'lib/errors.ts': ['lib/types.ts'],
  'lib/types.ts': [],
  'lib/v8-flags.ts': [],
};

/** Files that are conducted by the engine and do not know each other. */
const STRANGERS: readonly (readonly [string, string])[] = [['lib/core/state/jobs.ts', 'lib/core/state/records.ts']];

const MAX_LINES = 350;
const MAX_FILES = 18;

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
  const graph = importGraph(files);
  for (const [file, source] of files) {
    const room = roomOf(file);
    if (room === null) breaches.push(`${file} is in no room`);
    else for (const target of importsOf(file, source)) breaches.push(...checkImport(file, room, target, files));
    const lines = source.trimEnd().split('\n').length;
    if (lines > MAX_LINES) breaches.push(`${file} has ${lines} lines, more than ${MAX_LINES}`);
  }
  return [
    ...breaches,
    ...checkPurity(files, graph),
    ...checkStrangers(graph),
    ...checkFolders([...files.keys()]),
    ...findCycles(graph),
    ...findFolderCycles(graph),
  ];
}

/** The files of the house that each file imports. */
export function importGraph(files: ReadonlyMap<string, string>): Map<string, string[]> {
  return new Map(
    [...files].map(([file, source]) => [file, importsOf(file, source).filter((target) => target.startsWith('lib/'))]),
  );
}

/** The room of a file: its folder, or the file itself where it stands in none. */
function roomOf(file: string): string | null {
  const folder = file.slice(0, file.lastIndexOf('/') + 1);
  return [file, folder].find((room) => Object.hasOwn(ROOMS, room)) ?? null;
}

/** Files of the house by their path, everything else as it is written. */
export function importsOf(file: string, source: string): string[] {
  return importedBy(source).map((specifier) => (specifier.startsWith('.') ? resolve(file, specifier) : specifier));
}

/** What a source imports, as it is written. */
export function importedBy(source: string): string[] {
  return [...withoutComments(source).matchAll(IMPORT)].map((match) => (match[1] ?? match[2] ?? match[3]) as string);
}

function checkImport(file: string, room: string, target: string, files: ReadonlyMap<string, string>): string[] {
  if (!target.startsWith('lib/')) return [];
  if (!files.has(target)) return [`${file} imports ${target}, which does not exist`];
  const allowed = [room, ...(ROOMS[room] as readonly string[]), ...(room.endsWith('/') ? GROUND : [])];
  const isAllowed = (place: string): boolean => (place.endsWith('/') ? target.startsWith(place) : target === place);
  return allowed.some(isAllowed) ? [] : [`${file} must not import ${target}`];
}

/** Whatever `core` imports, through however many files, is as pure as `core` itself. */
function checkPurity(files: ReadonlyMap<string, string>, graph: ReadonlyMap<string, readonly string[]>): string[] {
  const reached = new Set([...files.keys()].filter((file) => file.startsWith('lib/core/')));
  for (const file of reached) for (const target of graph.get(file) ?? []) if (files.has(target)) reached.add(target);
  return [...reached].flatMap((file) => {
    const source = files.get(file) as string;
    const foreign = importsOf(file, source).filter((target) => !target.startsWith('lib/'));
    const code = withoutTexts(withoutComments(source));
    return [
      ...foreign.map((target) => `${file} imports ${target}: core imports no package and no module of Node`),
      ...IMPURE.filter(([, pattern]) => pattern.test(code)).map(([what]) => `${file} uses ${what}: core is pure`),
    ];
  });
}

function checkStrangers(graph: ReadonlyMap<string, readonly string[]>): string[] {
  return STRANGERS.flatMap(([a, b]) => [
    ...(graph.get(a)?.includes(b) ? [`${a} must not import ${b}`] : []),
    ...(graph.get(b)?.includes(a) ? [`${b} must not import ${a}`] : []),
  ]);
}

function checkFolders(files: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const file of files) {
    const folder = file.slice(0, file.lastIndexOf('/') + 1);
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count > MAX_FILES)
    .map(([folder, count]) => `${folder} has ${count} files side by side, more than ${MAX_FILES}`);
}

/**
 * In each folder, the entries (files, and folders with all that is below them) import each other in one direction only. So
 * `core/engine.ts` may stand above `core/rules/`, and `core/events.ts` below it.
 */
function findFolderCycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const levels = new Map<string, Map<string, Set<string>>>();
  for (const [file, targets] of graph) {
    for (const target of targets) {
      const [from, to] = [file.split('/'), target.split('/')];
      const depth = from.findIndex((part, index) => part !== to[index]);
      if (depth < 1) continue;
      const parent = from.slice(0, depth).join('/');
      const level = levels.get(parent) ?? levels.set(parent, new Map()).get(parent);
      const entry = from.slice(0, depth + 1).join('/');
      const entries = level?.get(entry) ?? level?.set(entry, new Set()).get(entry);
      entries?.add(to.slice(0, depth + 1).join('/'));
    }
  }
  return [...levels.values()].flatMap((level) => {
    const cycles = findCycles(new Map([...level].map(([entry, targets]) => [entry, [...targets]])));
    // Of files alone the check of files speaks already.
    return cycles.filter((cycle) => !/^import cycle: (?:\S+\.ts(?: -> )?)+$/.test(cycle));
  });
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

export function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

function withoutTexts(source: string): string {
  return source.replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''");
}

/**
 * Follows the hops of journeys, written as `a/b` → `c/d` for files of `lib`.
 *
 * @returns one line per hop that is no import, as one back up is; empty when all of them can be followed
 */
export function checkJourneys(text: string, graph: ReadonlyMap<string, readonly string[]>): string[] {
  const chains = [...text.matchAll(/`[a-z0-9/-]+`(?:\s+→\s+`[a-z0-9/-]+`)+/g)].map(([chain]) =>
    [...chain.matchAll(/`([a-z0-9/-]+)`/g)].map(([, name]) => `lib/${name}.ts`),
  );
  return chains.flatMap((chain) =>
    chain.slice(1).flatMap((target, index) => {
      const from = chain[index] as string;
      const imports = graph.get(from);
      if (imports === undefined) return [`${from} does not exist`];
      return imports.includes(target) ? [] : [`${from} does not import ${target}`];
    }),
  );
}
