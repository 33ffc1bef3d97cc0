/** The journal is told from another output by its number, so a file serves as one here. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { patience } from '../support/processes.js';

const LOGGER = new URL('../../lib/telemetry/logger.js', import.meta.url).href;
const SERVICE = fileURLToPath(new URL('../../../bin/atd-ingestion', import.meta.url));
const LINES = `import { createLogger } from ${JSON.stringify(LOGGER)};
const log = createLogger({ level: 'debug', format: 'json', file: process.argv[1] ?? null });
for (const level of ['error', 'warn', 'info', 'debug']) log.write({ level, event: 'x', fields: { text: 'a\\nb' } });
await log.close();`;

interface Output {
  readonly lines: readonly string[];
  readonly directory: string;
}

/** Runs Node with both outputs to one file, which the environment calls the journal, or does not. */
function run(t: TestContext, args: readonly string[], isJournal: boolean): Output {
  const directory = mkdtempSync(join(tmpdir(), 'atd-journal-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'output');
  const output = openSync(file, 'w');
  const { dev, ino } = fstatSync(output);
  const env = { ...process.env, JOURNAL_STREAM: isJournal ? `${dev}:${ino}` : `${dev}:${ino + 1}` };
  spawnSync(process.execPath, args, {
    env,
    cwd: directory,
    stdio: ['ignore', output, output],
    timeout: patience(60_000),
  });
  closeSync(output);
  return { lines: readFileSync(file, 'utf8').trimEnd().split('\n'), directory };
}

describe('lines for the journal', () => {
  const script = ['--input-type=module', '-e', LINES];

  it('begin with their priority, and are JSON behind it', (t) => {
    const { lines } = run(t, script, true);
    assert.deepEqual(
      lines.map((line) => line.slice(0, 4)),
      ['<3>{', '<4>{', '<6>{', '<7>{'],
    );
    for (const line of lines) assert.equal((JSON.parse(line.slice(3)) as { text: string }).text, 'a\nb');
  });

  it('are the same without it in any other output, and in the file beside', (t) => {
    for (const line of run(t, script, false).lines) JSON.parse(line);
    const { directory } = run(t, [...script, 'also.log'], true);
    for (const line of readFileSync(join(directory, 'also.log'), 'utf8').trimEnd().split('\n')) JSON.parse(line);
  });

  it('are errors, each of them, where the service cannot start', (t) => {
    const { lines } = run(t, [SERVICE, 'run', '--config', '/nowhere/atd.yaml'], true);
    assert.ok(lines.length > 0 && lines.every((line) => line.startsWith('<3>')), lines.join('\n'));
    assert.match(run(t, [SERVICE, 'run', '--config', '/nowhere/atd.yaml'], false).lines[0] ?? '', /^atd-ingestion: /);
  });
});
