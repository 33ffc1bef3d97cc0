/** What signals and defects do to the process, shown by processes that do nothing else. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { waitUntil } from '../support/processes.js';

const MODULE = new URL('../../lib/cli/shutdown.js', import.meta.url).href;
const DEADLINE_MS = 30_000;

/** Says which handler is called, and lives until it is ended. */
const WITH_HANDLERS = `
  import { writeSync } from 'node:fs';
  import { installShutdown } from '${MODULE}';
  const say = (text) => writeSync(1, text + '\\n');
  const over = installShutdown({
    drain: (signal) => say('drain ' + signal),
    forceStop: (signal) => say('force-stop ' + signal),
    killAllNow: () => say('kill'),
  });
  setInterval(() => undefined, 1_000);
`;

class Watched {
  readonly #child: ChildProcess;
  /** Exit code and signal. */
  readonly ended: Promise<readonly [number | null, string | null]>;
  #stdout = '';
  stderr = '';

  constructor(t: TestContext, script: string) {
    const args = ['--input-type=module', '--eval', `${WITH_HANDLERS}${script}`];
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(() => this.#child.kill('SIGKILL'));
    this.#child.stdout?.on('data', (text) => {
      this.#stdout += String(text);
    });
    this.#child.stderr?.on('data', (text) => {
      this.stderr += String(text);
    });
    this.ended = once(this.#child, 'close') as Promise<[number | null, string | null]>;
  }

  get lines(): string[] {
    return this.#stdout.split('\n').filter((line) => line !== '');
  }

  async said(line: string): Promise<void> {
    await waitUntil(() => this.lines.includes(line), DEADLINE_MS, `'${line}' among '${this.#stdout}${this.stderr}'`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

describe('signals', () => {
  it('begin the stop, force it, and end the process at once with its children, in whatever mixture', async (t) => {
    const watched = new Watched(t, "say('ready')");
    await watched.said('ready');
    watched.signal('SIGTERM');
    await watched.said('drain SIGTERM');
    watched.signal('SIGINT');
    await watched.said('force-stop SIGINT');
    watched.signal('SIGTERM');
    assert.deepEqual(await watched.ended, [1, null]);
    assert.deepEqual(watched.lines, ['ready', 'drain SIGTERM', 'force-stop SIGINT', 'kill']);
  });

  it('change nothing once the service has ended', async (t) => {
    const watched = new Watched(t, "over(); process.on('SIGINT', () => process.exit(3)); say('ready')");
    await watched.said('ready');
    watched.signal('SIGTERM');
    watched.signal('SIGINT');
    assert.deepEqual(await watched.ended, [3, null]);
    assert.deepEqual(watched.lines, ['ready']);
  });
});

const DEFECTS: readonly (readonly [what: string, script: string, error: RegExp])[] = [
  ['is thrown', "setImmediate(() => { throw new Error('a defect'); })", /^Error: a defect\n +at /],
  ['is a rejection that nobody takes', "void Promise.reject(new Error('a defect'))", /^Error: a defect\n +at /],
  ['is no error at all', "setImmediate(() => { throw 'a defect'; })", /^a defect$/],
];

describe('a defect', () => {
  for (const [what, script, error] of DEFECTS) {
    it(`that ${what} is written down, and ends the process and its children with 70`, async (t) => {
      const watched = new Watched(t, script);
      assert.deepEqual(await watched.ended, [70, null]);
      assert.deepEqual(watched.lines, ['kill']);
      const line = JSON.parse(watched.stderr) as Record<string, string>;
      assert.deepEqual([line['level'], line['message']], ['error', 'service.defect']);
      assert.match(line['error'] ?? '', error);
    });
  }

  it('changes nothing once the service has ended', async (t) => {
    const late = "setImmediate(() => { setImmediate(() => process.exit(3)); throw new Error('a defect'); })";
    const watched = new Watched(t, `over(); ${late}`);
    assert.deepEqual(await watched.ended, [3, null]);
    assert.deepEqual(watched.lines, []);
  });
});
