/** What a probe of a loader tells of its cost, and what the log makes of that. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { LoaderProbe } from '../../lib/pool/loader-probe.js';
import type { LogLine } from '../../lib/telemetry/log-lines.js';
import { preforkAdvice } from '../../lib/telemetry/prefork-lines.js';
import type { LaunchSetting, ProbeResult } from '../../lib/types.js';
import { PYTHON } from '../support/prefork.js';

const directory = mkdtempSync(join(tmpdir(), 'atd-probe-'));
after(() => rmSync(directory, { recursive: true }));

async function probe(name: string, text: string): Promise<ProbeResult> {
  const file = join(directory, name);
  writeFileSync(file, text, { mode: 0o755 });
  const asked = new LoaderProbe({ file, args: [], env: () => ({ PATH: process.env['PATH'] ?? '' }) });
  try {
    return await asked.run();
  } finally {
    asked.stop();
  }
}

describe('a probe of a loader', () => {
  it('tells the CPU time of a Python program', { skip: PYTHON === null ? 'there is no Python' : false }, async () => {
    const busy = 'import time\nwhile time.process_time() < 0.3: pass\n';
    const { pythonCpuMs, exitCode } = await probe('python', `#!${PYTHON}\n${busy}`);
    assert.equal(exitCode, 0);
    assert.ok((pythonCpuMs ?? 0) >= 300 && (pythonCpuMs ?? 0) < 30_000, `${pythonCpuMs} ms`);
  });

  it('tells nothing of the kind of another one', async () => {
    assert.equal((await probe('shell', '#!/bin/sh\nexit 0\n')).pythonCpuMs, undefined);
  });
});

describe('the advice to fork a loader', () => {
  const PROBE: ProbeResult = {
    notStarted: null,
    exitCode: 0,
    reason: '',
    isOther: false,
    lines: [],
    pythonCpuMs: 1_234,
  };

  function advised(probes: readonly Partial<ProbeResult>[], launch: LaunchSetting = 'launcher'): LogLine[] {
    const lines: LogLine[] = [];
    const advice = preforkAdvice(
      () => launch,
      (line) => lines.push(line),
    );
    for (const changes of probes) advice.observe({ type: 'probed', probe: { ...PROBE, ...changes } });
    return lines;
  }

  it('is given once, with what it saves', () => {
    const text = 'as-cli spends 1.2 s of CPU before it begins; as_cli.launch: prefork saves it';
    for (const launch of ['launcher', 'auto'] as const) {
      const line = { level: 'info', event: 'prefork.advised', fields: { advice: text } };
      assert.deepEqual(advised([{}, {}], launch), [line], launch);
    }
  });

  it('is not given where it would be of no use', () => {
    assert.deepEqual(advised([{}], 'prefork'), []);
    assert.deepEqual(advised([{}], 'direct'), []);
    assert.deepEqual(advised([{ pythonCpuMs: 100 }, { exitCode: 2 }]), []);
    const { pythonCpuMs: _, ...other } = PROBE;
    const lines: LogLine[] = [];
    preforkAdvice(
      () => 'launcher',
      (line) => lines.push(line),
    ).observe({ type: 'probed', probe: other });
    assert.deepEqual(lines, []);
  });
});
