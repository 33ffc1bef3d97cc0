import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { selectTests } from '../test-selection.js';

const RUNNER = fileURLToPath(new URL('../run.js', import.meta.url));
const TESTS = fileURLToPath(new URL('..', import.meta.url));

describe('the test runner', { timeout: 600_000 }, () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'atd-runner-test-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  /** Runs the runner over one file with that source; the addresses are only handed on. */
  async function run(source: string, ...flags: string[]): Promise<{ code: number; output: string }> {
    const file = join(directory, 'some.test.mjs');
    await writeFile(file, `import { test } from 'node:test';\n${source}`);
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const addresses = { KAFKA_BROKERS: 'kafka.invalid:1', CLICKHOUSE_URL: 'http://u:p@clickhouse.invalid:2/d' };
    const child = spawn(process.execPath, [RUNNER, ...flags, file], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...env, ...addresses },
    });
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    return { code: code as number, output };
  }

  it('tells the tests where Kafka and ClickHouse are', async () => {
    const { code, output } = await run(
      `test('x', () => console.log(process.env.KAFKA_BROKERS, process.env.CLICKHOUSE_URL))`,
    );
    assert.match(output, /kafka\.invalid:1 http:\/\/u:p@clickhouse\.invalid:2\/d/);
    assert.match(output, /^Kafka: the Kafka at kafka\.invalid:1/m);
    assert.equal(code, 0);
  });

  it('fails where a test fails', async () => {
    assert.equal((await run(`test('x', () => { throw new Error('no'); })`)).code, 1);
  });

  it('fails where no test ran', async () => {
    assert.equal((await run('')).code, 1);
    assert.equal((await run(`test('x', { skip: true }, () => {})`)).code, 1);
    assert.equal((await run(`test('x', () => {})`, '--test-name-pattern=other')).code, 1);
  });
});

describe('selectTests()', () => {
  it('runs every compiled test file by default', () => {
    const { files, flags } = selectTests([], TESTS);
    assert.ok(files.includes(fileURLToPath(import.meta.url)));
    assert.deepEqual(flags, []);
  });

  it('maps directories and sources to what was compiled, and hands on the rest', () => {
    const { files, flags } = selectTests(['test/sandbox/runner.test.ts', '--test-name-pattern', 'a name'], TESTS);
    assert.deepEqual(files, [fileURLToPath(import.meta.url)]);
    assert.deepEqual(flags, ['--test-name-pattern', 'a name']);
    assert.ok(selectTests(['test/sandbox'], TESTS).files.length > 3);
  });
});
