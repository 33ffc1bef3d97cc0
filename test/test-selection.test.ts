import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ModuleGraph } from './support/module-graph.js';
import { selectLocalTests, selectUnitTests } from './test-selection.js';

const TESTS = fileURLToPath(new URL('.', import.meta.url));
/** In two parts, for who writes them in one needs a Kafka or a ClickHouse. */
const [BROKERS, URL_OF_CLICKHOUSE] = [`KAFKA_${'BROKERS'}`, `CLICKHOUSE_${'URL'}`];

describe('tests without services', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'atd-selection-'));
  });
  after(() => rmSync(directory, { recursive: true }));

  function selected(files: Readonly<Record<string, string>>, select = selectLocalTests): string[] {
    const root = mkdtempSync(join(directory, 'tests-'));
    for (const [name, source] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), source);
    }
    return select([], root).files.map((file) => relative(root, file));
  }

  const PURE = { 'pure.test.js': "import './lib.js';", 'lib.js': "import { readFileSync } from 'node:fs';" };

  for (const [what, files] of [
    ['asks for the brokers', { 'a.test.js': `const brokers = process.env['${BROKERS}'];` }],
    ['asks for the ClickHouse', { 'a.test.js': `const { ${URL_OF_CLICKHOUSE}: url } = process.env;` }],
    ['loads the engine', { 'a.test.js': "import { query } from 'chdb';" }],
    [
      'imports what asks for them, through other files',
      {
        'a/a.test.js': "import {\n  startBench,\n} from '../b/bench.js';",
        'b/bench.js': "export * from './sandbox.js';",
        'b/sandbox.js': `const brokers = process.env.${BROKERS};`,
      },
    ],
    [
      'imports it when it runs',
      { 'a.test.js': "await import('./kafka.js');", 'kafka.js': `process.env['${BROKERS}']` },
    ],
    [
      'starts a program or a thread that needs them',
      {
        'a.test.js': "const RUNNER = fileURLToPath(new URL('./program.js', import.meta.url));",
        'program.js': `const url = process.env['${URL_OF_CLICKHOUSE}'];`,
      },
    ],
  ] as const) {
    it(`leave out a file that ${what}`, () => {
      assert.deepEqual(selected({ ...PURE, ...files }), ['pure.test.js']);
    });
  }

  it('take a file that only mentions them in a comment, or imports what does not exist', () => {
    const files = {
      'a.test.js': `// Without ${BROKERS}.\n/* And without ${URL_OF_CLICKHOUSE}. */\nimport './gone.js';`,
    };
    assert.deepEqual(selected(files), ['a.test.js']);
  });

  it('are unit tests where they start no process either', () => {
    const files = { 'a.test.js': "import { spawn } from 'node:child_process';" };
    assert.deepEqual(selected({ ...PURE, ...files }), ['a.test.js', 'pure.test.js']);
    assert.deepEqual(selected({ ...PURE, ...files }, selectUnitTests), ['pure.test.js']);
  });

  it('are most of this suite, and have none that starts a service', () => {
    const { files } = selectLocalTests([], TESTS);
    const names = files.map((file) => relative(TESTS, file));
    for (const name of ['core/engine.test.js', 'cli/main.test.js', 'pool/pool.test.js', 'test-selection.test.js']) {
      assert.ok(names.includes(name), name);
    }
    for (const name of ['service/delivery.test.js', 'loader/round-trip.test.js', 'sandbox/kafka.test.js']) {
      assert.ok(!names.includes(name), name);
    }
  });

  it('that are asked for by name run only if they are such', () => {
    const named = ['test/core/engine.test.ts', 'test/service/delivery.test.ts', '--test-name-pattern=x'];
    const { files, flags } = selectUnitTests(named, TESTS);
    assert.deepEqual([files.map((file) => relative(TESTS, file)), flags], [['core/engine.test.js'], named.slice(2)]);
  });
});

describe('a module graph', () => {
  const graph = new ModuleGraph();

  it('knows a test that starts processes from one that does not', () => {
    assert.equal(graph.startsProcesses(join(TESTS, 'cli/main.test.js')), true);
    assert.equal(graph.startsProcesses(join(TESTS, 'core/engine.test.js')), false);
  });

  it('goes from a test through its threads', () => {
    const reached = graph.reachedFrom(join(TESTS, 'core/engine.model.test.js'));
    assert.ok(reached.has(join(TESTS, '../lib/core/state/jobs.js')));
  });
});
