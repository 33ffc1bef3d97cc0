import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Command, Outcome } from '../../../lib/types.js';
import { compileSinkRules } from '../../../lib/worker/attempt/classify.js';
import { supervise } from '../../../lib/worker/attempt/supervise.js';
import type { Launcher } from '../../../lib/worker/launch/launcher.js';
import { FORWARDED_LINES } from '../../../lib/worker/output/capture.js';
import { KEPT_BYTES } from '../../../lib/worker/output/head-tail.js';
import { program, shell } from '../../support/commands.js';
import { allLaunchers, closeAll } from '../../support/launchers.js';
import { residentMemory } from '../../support/processes.js';

const MIB = 1024 * 1024;
const FLOOD_BYTES = 200 * MIB;

const launchers = await allLaunchers();
after(() => closeAll(launchers));

async function runBy(
  launcher: Launcher,
  wanted: Command,
  forward: boolean,
): Promise<{ outcome: Outcome; lines: string[] }> {
  const lines: string[] = [];
  const outcome = await supervise(wanted, {
    launcher,
    sink: compileSinkRules({ exitCodes: [], patterns: [] }),
    onStarted: () => {},
    onSignalled: () => {},
    onLine: forward ? (stream, text) => lines.push(`${stream}: ${text}`) : null,
    onRequest: () => {},
  });
  return { outcome, lines };
}

for (const launcher of launchers) {
  describe(`supervise by ${launcher.name}: output`, () => {
    const run = (wanted: Command, forward = true) => runBy(launcher, wanted, forward);

    it('forwards lines of both streams, the last half line included', async () => {
      const { lines } = await run(shell('printf "one\\r\\ntwo\\nhalf"; echo oh >&2'));
      assert.deepEqual(lines.toSorted(), ['stderr: oh', 'stdout: half', 'stdout: one', 'stdout: two']);
    });

    it('takes binary, invalid UTF-8 and ANSI output without harm', async () => {
      const script = `printf '\\377\\376\\000\\033[31mred\\033[0m\\a\\n' >&2; head -c 100000 /dev/urandom; exit 5`;
      const { outcome, lines } = await run(shell(script));
      assert.equal(outcome.exitCode, 5);
      assert.equal(outcome.stderrTail, '\ufffd\ufffdred');
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      for (const line of lines) assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f]/);
    });

    it('keeps a character whole that is torn between two writes', async () => {
      const script = `printf '\\342\\202' >&2; sleep 0.1; printf '\\254 5\\n' >&2; exit 1`;
      const { outcome, lines } = await run(shell(script));
      assert.deepEqual(lines, ['stderr: € 5']);
      assert.equal(outcome.stderrTail, '€ 5');
    });

    it('forwards so many lines and counts the rest', async () => {
      const { lines } = await run(shell('i=0; while [ $i -lt 300 ]; do echo $i; i=$((i+1)); done'));
      assert.equal(lines.length, FORWARDED_LINES + 1);
      assert.equal(lines[FORWARDED_LINES - 1], `stdout: ${FORWARDED_LINES - 1}`);
      assert.equal(lines[FORWARDED_LINES], `stdout: [${300 - FORWARDED_LINES} more lines not shown]`);
    });

    for (const [what, lineBytes, forward] of [
      ['without a line end', 0, true],
      ['in lines of 64 bytes', 64, true],
      ['in lines of 64 bytes that nobody wants', 64, false],
    ] as const) {
      it(`reads 200 MiB ${what} in bounded memory and gets the outcome right`, async () => {
        await run(shell('exit 0'));
        const before = residentMemory().now;
        let peak = 0;
        const watch = setInterval(() => {
          peak = Math.max(peak, residentMemory().now);
        }, 5);
        const { outcome } = await run(program('flood.mjs', [String(FLOOD_BYTES), String(lineBytes)]), forward);
        clearInterval(watch);
        assert.deepEqual([outcome.result, outcome.rows, outcome.bytes], ['succeeded', 1, 2], outcome.reason);
        assert.equal(outcome.droppedOutputBytes, FLOOD_BYTES + '\n{"rows": 1, "bytes": 2}'.length - 2 * KEPT_BYTES);
        assert.ok(peak > 0);
        // Of which garbage, before V8 looks for it, is up to 64 MiB.
        assert.ok(peak - before < 128 * MIB, `memory grew by ${Math.round((peak - before) / MIB)} MiB`);
      });
    }
  });
}
