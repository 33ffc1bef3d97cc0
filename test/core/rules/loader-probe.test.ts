import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDoubtful, judgeProbe } from '../../../lib/core/rules/loader-probe.js';
import type { ProbeResult } from '../../../lib/types.js';
import { outcome } from '../../support/engine.js';

const TRACE = [
  'Traceback (most recent call last):',
  '  File "as_cli.py", line 9, in <module>',
  "    home = Path.home() / '.as-cli'",
];

/** How the probe of a loader ended, and what it is accused of. */
const ACCUSED: Readonly<Record<string, readonly [exitCode: number | null, lines: readonly string[], reason: RegExp]>> =
  {
    'has no plugin': [
      2,
      ["as-cli: error: argument command: invalid choice: 'ingest' (choose from 'auth')"],
      /no command/,
    ],
    'is a script that starts a program which is missing': [
      127,
      ['as-cli: 2: exec: /opt/as-cli: not found'],
      /executed/,
    ],
    'is a script whose interpreter env does not find': [127, ["env: 'python3.9': No such file"], /executed/],
    'is a script that starts what may not be executed': [126, ['as-cli: 2: exec: Permission denied'], /executed/],
    'finds no HOME': [1, [...TRACE, 'RuntimeError: Could not determine home directory.'], /HOME/],
    'has a full disk for a HOME': [1, [...TRACE, "OSError: [Errno 28] No space left: '/h/.as-cli'"], /HOME/],
  };
const BELIEVED: Readonly<Record<string, readonly [exitCode: number | null, lines: readonly string[]]>> = {
  'knows no --help': [64, ['unknown option --help']],
  'takes the probe for a wrong command line': [2, ['usage: load FILE']],
  'raises something else': [1, [...TRACE, 'ValueError: .as-cli']],
  'is killed': [null, []],
  'says what a missing program would make a shell say': [1, ['as-cli: not found']],
};

function judge(exitCode: number | null, lines: readonly string[]) {
  const probe: ProbeResult = { notStarted: null, exitCode, reason: `exit code ${exitCode}`, isOther: false, lines };
  return judgeProbe(probe);
}

describe('the probe of a loader', () => {
  for (const [what, [exitCode, lines, reason]] of Object.entries(ACCUSED)) {
    it(`accuses one that ${what}`, () => {
      const verdict = judge(exitCode, lines);
      assert.equal(verdict.kind, 'accused');
      assert.match(verdict.kind === 'accused' ? verdict.reason : '', reason);
    });
  }

  for (const [what, [exitCode, lines]] of Object.entries(BELIEVED)) {
    it(`takes one that ${what} for one that works, with a warning`, () => {
      const verdict = judge(exitCode, lines);
      assert.ok(verdict.kind === 'works' && verdict.warning !== null, JSON.stringify(verdict));
    });
  }

  it('is asked for where a load ends as a loader does that does not work', () => {
    const doubtful = [0, 1, 2, 3, 65, 125, 126, 127, 128, 137].filter((exitCode) =>
      isDoubtful(outcome('failed', { exitCode })),
    );
    assert.deepEqual(doubtful, [2, 126, 127]);
    assert.equal(isDoubtful(outcome('timed-out', { exitCode: 127 })), false);
  });
});
