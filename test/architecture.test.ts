import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { checkArchitecture, checkJourneys, importGraph, importsOf } from './support/architecture.js';
import { section } from './support/documents.js';
import { PACKAGE_ROOT } from './support/package-root.js';

function sourcesOfLib(): Map<string, string> {
  const names = readdirSync(join(PACKAGE_ROOT, 'lib'), { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => name.endsWith('.ts')).map((name) => join('lib', name));
  return new Map(files.sort().map((file) => [file, readFileSync(join(PACKAGE_ROOT, file), 'utf8')]));
}

function check(files: Readonly<Record<string, string>>): string[] {
  return checkArchitecture(new Map(Object.entries(files)));
}

describe('the architecture of lib', () => {
  it('is in order', () => {
    const sources = sourcesOfLib();
    assert.ok(sources.size > 40, `${sources.size} files were found`);
    assert.deepEqual(checkArchitecture(sources), []);
  });

  it('has files whose imports are found', () => {
    const imports = importsOf('lib/core/engine.ts', sourcesOfLib().get('lib/core/engine.ts') ?? '');
    assert.ok(imports.includes('lib/core/state/records.ts') && imports.includes('lib/types.ts'), imports.join(', '));
  });
});

describe('the journeys of docs/architecture.md', () => {
  const journeys = section('docs/architecture.md', 'Five journeys').split('\n### ').slice(1);
  const graph = importGraph(sourcesOfLib());

  it('are five', () => {
    assert.equal(journeys.length, 5);
  });

  for (const journey of journeys) {
    const [title = '', ...lines] = journey.split('\n');
    it(`can be followed: ${title}`, () => {
      assert.ok(lines.join('').split('→').length > 4, 'it has hardly any hops');
      assert.deepEqual(checkJourneys(lines.join('\n'), graph), []);
    });
  }

  it('fail on a hop back up, on a hop that is no import, and on a file that is gone', () => {
    const found = (text: string) => checkJourneys(text, graph);
    assert.deepEqual(found('`core/engine` → `core/state/jobs`'), []);
    assert.deepEqual(found('`core/state/jobs` → `core/engine`'), [
      'lib/core/state/jobs.ts does not import lib/core/engine.ts',
    ]);
    assert.equal(found('`core/engine` →\n   `core/state/jobs` → `kafka/consumer`').length, 1);
    assert.deepEqual(found('`core/gone` → `core/engine`'), ['lib/core/gone.ts does not exist']);
  });
});

const BREACHES: readonly (readonly [what: string, files: Readonly<Record<string, string>>, breach: RegExp])[] = [
  ['a module of Node in core', { 'lib/core/a.ts': "import { readFileSync } from 'node:fs';" }, /a\.ts imports node:fs/],
  ['a package in core', { 'lib/core/a.ts': "import type { Kafka } from 'kafkajs';" }, /a\.ts imports kafkajs/],
  ['a side effect of an import in core', { 'lib/core/a.ts': "import 'node:net';" }, /a\.ts imports node:net/],
  ['an import that is made at run time', { 'lib/core/a.ts': "await import('node:os');" }, /a\.ts imports node:os/],
  [
    'an import over several lines',
    { 'lib/core/a.ts': "import {\n  b,\n  c,\n} from '../kafka/b.js';", 'lib/kafka/b.ts': '' },
    /^lib\/core\/a\.ts must not import lib\/kafka\/b\.ts$/,
  ],
  [
    'a type of io in core',
    { 'lib/core/a.ts': "import type { B } from '../kafka/b.js';", 'lib/kafka/b.ts': '' },
    /^lib\/core\/a\.ts must not import lib\/kafka\/b\.ts$/,
  ],
  [
    'an export from io in core',
    { 'lib/core/a.ts': "export * from '../kafka/b.js';", 'lib/kafka/b.ts': '' },
    /must not import/,
  ],
  [
    'two files that import each other',
    { 'lib/core/a.ts': "import { b } from './b.js';", 'lib/core/b.ts': "import { a } from './a.js';" },
    /^import cycle: lib\/core\/a\.ts -> lib\/core\/b\.ts$/,
  ],
  [
    'a longer cycle',
    {
      'lib/core/c.ts': "import { a } from './a.js';",
      'lib/core/a.ts': "import { b } from './b.js';",
      'lib/core/b.ts': "import { c } from './c.js';",
    },
    /^import cycle: lib\/core\/a\.ts -> lib\/core\/b\.ts -> lib\/core\/c\.ts$/,
  ],
  [
    'jobs that know the records',
    { 'lib/core/state/jobs.ts': "import { R } from './records.js';", 'lib/core/state/records.ts': '' },
    /^lib\/core\/state\/jobs\.ts must not import lib\/core\/state\/records\.ts$/,
  ],
  [
    'records that know the jobs',
    { 'lib/core/state/records.ts': "import type { J } from './jobs.js';", 'lib/core/state/jobs.ts': '' },
    /^lib\/core\/state\/records\.ts must not import lib\/core\/state\/jobs\.ts$/,
  ],
  [
    'a room beside it',
    { 'lib/kafka/a.ts': "import { b } from '../http/b.js';", 'lib/http/b.ts': '' },
    /^lib\/kafka\/a\.ts must not import lib\/http\/b\.ts$/,
  ],
  [
    'the service in a room below it',
    { 'lib/kafka/a.ts': "import { S } from '../service/service.js';", 'lib/service/service.ts': '' },
    /must not import/,
  ],
  [
    'the configuration in core',
    { 'lib/core/a.ts': "import type { C } from '../config/load.js';", 'lib/config/load.ts': '' },
    /must not import/,
  ],
  [
    'the engine in a worker',
    { 'lib/worker/attempt/a.ts': "import { E } from '../../core/engine.js';", 'lib/core/engine.ts': '' },
    /must not import/,
  ],
  [
    'the books in a rule',
    { 'lib/core/rules/a.ts': "import { R } from '../state/records.js';", 'lib/core/state/records.ts': '' },
    /must not import/,
  ],
  [
    'the log in the loader',
    { 'lib/loader/a.ts': "import { l } from '../telemetry/logger.js';", 'lib/telemetry/logger.ts': '' },
    /must not import/,
  ],
  [
    'core in the types',
    { 'lib/types.ts': "import type { J } from './core/j.js';", 'lib/core/j.ts': '' },
    /must not import/,
  ],
  [
    'a file in no room',
    { 'lib/utils.ts': "import './types.js';", 'lib/types.ts': '' },
    /^lib\/utils\.ts is in no room$/,
  ],
  ['a folder that is no room', { 'lib/core/helpers/a.ts': '' }, /^lib\/core\/helpers\/a\.ts is in no room$/],
  [
    'two folders that import each other',
    {
      'lib/loader/a.ts': "import { b } from './commands/b.js';",
      'lib/loader/commands/b.ts': "import { d } from '../options/d.js';",
      'lib/loader/options/d.ts': '',
      'lib/loader/commands/c.ts': "import { e } from '../help.js';",
      'lib/loader/help.ts': "import { b } from './commands/b.js';",
    },
    /^import cycle: lib\/loader\/commands -> lib\/loader\/help\.ts$/,
  ],
  [
    'too many files in a folder',
    Object.fromEntries(Array.from({ length: 19 }, (_, index) => [`lib/http/f${index}.ts`, ''])),
    /^lib\/http\/ has 19 files side by side, more than 18$/,
  ],
  ['a file that does not exist', { 'lib/kafka/a.ts': "import { b } from '../core/gone.js';" }, /which does not exist/],
  ['a clock read in core', { 'lib/core/a.ts': 'const at = Date.now();' }, /a\.ts uses Date\.now: core is pure/],
  ['a date of now', { 'lib/core/a.ts': 'const at = new Date();' }, /uses new Date\(\)/],
  ['a date of now without parentheses', { 'lib/core/a.ts': 'const at = new Date;' }, /uses new Date\(\)/],
  ['a monotonic clock', { 'lib/core/a.ts': 'const at = performance.now();' }, /uses performance/],
  ['dice', { 'lib/core/a.ts': 'const dice = Math.random;' }, /uses Math\.random/],
  [
    'a clock behind an import of core',
    { 'lib/core/a.ts': "import { b } from '../util/b.js';", 'lib/util/b.ts': 'export const b = Date.now();' },
    /^lib\/util\/b\.ts uses Date\.now: core is pure$/,
  ],
  ['a timer', { 'lib/core/a.ts': 'setTimeout(tick, 1);' }, /uses a timer/],
  ['the environment', { 'lib/core/a.ts': "const path = process.env['PATH'];" }, /uses process/],
  ['a long file', { 'lib/core/a.ts': 'x;\n'.repeat(351) }, /has 351 lines, more than 350/],
];

describe('checkArchitecture', () => {
  for (const [what, files, breach] of BREACHES) {
    it(`finds ${what}`, () => {
      const breaches = check(files);
      assert.equal(breaches.length, 1, breaches.join('\n'));
      assert.match(breaches[0] as string, breach);
    });
  }

  it('lets through what only looks like a breach', () => {
    const innocent = [
      "/** Reads no clock: Date.now() is the caller's. */",
      "// import { readFileSync } from 'node:fs';",
      "import { b } from './b.js';",
      'const at = new Date(event.at).toISOString();',
      "const text = 'process.env is not read';",
      'const reprocess = { env: 1 };',
      'x;\n'.repeat(340),
    ];
    assert.deepEqual(check({ 'lib/core/a.ts': innocent.join('\n'), 'lib/core/b.ts': '' }), []);
  });

  it('lets a folder stand between the files of the folder around it', () => {
    const files = {
      'lib/core/engine.ts': "import { r } from './rules/r.js';",
      'lib/core/rules/r.ts': "import { e } from '../events.js';",
      'lib/core/events.ts': '',
      'lib/util/clock.ts': 'export const at = Date.now();',
      'lib/pool/pool.ts': "import { at } from '../util/clock.js';\nimport piscina from 'piscina';",
    };
    assert.deepEqual(check(files), []);
  });
});
