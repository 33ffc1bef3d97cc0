/** What commands write for programs and for terminals. A command that gets `--json` and no call here fails. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { COMMANDS } from '../../lib/cli/commands.js';
import { produce } from '../sandbox/topics.js';
import { runCli } from '../support/cli.js';
import { OnTerminal } from '../support/pty.js';
import { createPlace, startService, writeScript } from '../support/service-process.js';

const DEADLINE_MS = 60_000;

describe('--json', () => {
  it('is JSON, line by line, of each command that has it', async (t) => {
    const place = await createPlace(t);
    const token = writeScript(place, 'token', 'a-token-of-this-test');
    const [good, bad] = [writeScript(place, 'good', 'exit 0'), writeScript(place, 'bad', 'echo "row 3" >&2; exit 65')];
    const service = await startService(t, place, { http: { token_file: token } });
    const values = [good, bad].map((filename) => ({ value: JSON.stringify({ filename, tenant: 'acme' }) }));
    await produce(place.kafka.brokers, place.topic, values);
    await service.seen('job.loaded', 1, DEADLINE_MS);
    await service.seen('letter.sent', 1, DEADLINE_MS);
    const config = ['--config', join(place.directory, `${service.clientId}.yaml`)];
    const url = ['--url', service.http];
    const change = [...url, '--token-file', token];
    const calls: Readonly<
      Record<string, { readonly args: readonly string[]; readonly has: string; readonly code?: number }>
    > = {
      emit: { args: [good, '--dry-run', ...config], has: 'files' },
      reconcile: { args: [good, bad, ...config, ...url], has: 'summary', code: 1 },
      'dead-letters': { args: config, has: 'disposition' },
      status: { args: url, has: 'partitions' },
      loads: { args: url, has: 'loadId' },
      pause: { args: ['acme', ...change], has: 'until' },
      resume: { args: ['acme', ...change], has: 'paused' },
      reload: { args: change, has: 'needRestart' },
      scale: { args: ['2', ...change], has: 'configured' },
      drain: { args: change, has: 'drain' },
    };
    // These two judge the machine, so what they end with is not looked at.
    const judging = { 'check-config': ['--connect', ...config], doctor: config };
    const withJson = Object.keys(COMMANDS).filter((name) => COMMANDS[name]?.options['json'] !== undefined);
    assert.deepEqual([...Object.keys(calls), ...Object.keys(judging)].sort(), withJson.sort());
    for (const [name, { args, has, code = 0 }] of Object.entries(calls)) {
      const result = await runCli([name, ...args, '--json']);
      assert.equal(result.code, code, `${name}: ${result.stderr}`);
      const last = parsed(name, result.stdout).at(-1) as object;
      assert.ok(has in last, `${name}: ${JSON.stringify(last)}`);
    }
    for (const [name, args] of Object.entries(judging)) {
      const { stdout } = await runCli([name, ...args, '--json']);
      assert.equal(parsed(name, stdout).length, 1, name);
    }
    assert.equal(await service.stop(), 0);
  });
});

describe('the progress of emit', () => {
  for (const columns of [60, 120]) {
    it(`is a bar that fits ${columns} columns, and is gone at the end`, async (t) => {
      const place = await createPlace(t);
      const files = Array.from({ length: 4 }, (_, index) => writeScript(place, `f${index}`, 'exit 0'));
      const env = {
        ATD_KAFKA_BOOTSTRAP_SERVERS: place.kafka.brokers.join(','),
        ATD_KAFKA_TOPIC: place.topic,
        XDG_STATE_HOME: join(place.directory, 'state'),
        NO_COLOR: columns === 120 ? '' : '1',
      };
      const bars = new OnTerminal(
        t,
        ['emit', ...files, '--rate', '2/s', '--state', `${place.directory}/s`],
        [columns, 40],
        env,
      );
      assert.deepEqual(await bars.ended, { code: 0, signal: null, isCooked: true });
      const { terminal } = bars;
      assert.match(terminal.raw, / of 4 announced, /);
      assert.match(terminal.text, /4 announced on /);
      assert.doesNotMatch(terminal.text, / of 4 announced, /);
      // Paths go on in the next line, so that they can be copied; a bar must not.
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences of a terminal
      const drawn = terminal.raw.split('\r\u001b[K').map((text) => text.replaceAll(/\u001b\[\d+m/g, ''));
      const tooLong = drawn.filter((text) => text.includes(' of 4 announced') && text.length >= columns);
      assert.deepEqual(tooLong, []);
      assert.deepEqual([terminal.isTorn, terminal.isCursorShown], [false, true]);
      assert.equal(terminal.colours.size > 0, columns === 120);
    });
  }
});

function parsed(name: string, stdout: string): unknown[] {
  assert.ok(stdout.endsWith('\n'), `${name}: ${JSON.stringify(stdout)}`);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}
