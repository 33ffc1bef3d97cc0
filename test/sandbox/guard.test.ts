import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '../support/processes.js';
import { Guarded } from './guarded.js';

/** For what hangs: a command writes its first line long before. */
const READY_MS = 120_000;
const FIXTURE = fileURLToPath(new URL('./guard-parent.fixture.js', import.meta.url));

/** Fields of /proc/<pid>/stat behind the name: state, parent, process group … Null where there is no such process. */
function statOf(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

/** A zombie runs no more; who reaps it depends on the machine. */
function runs(pid: number): boolean {
  const state = statOf(pid)?.[0];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

interface Started {
  readonly parent: ChildProcess;
  readonly directory: string;
  readonly pids: readonly number[];
}

async function startParent(...args: string[]): Promise<Started> {
  const parent = spawn(process.execPath, [FIXTURE, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
  return { parent, ...(JSON.parse(line) as { directory: string; pids: number[] }) };
}

/** /proc tells what still runs. */
const skip = process.platform === 'linux' ? false : 'needs /proc';

describe('the guard', { skip, timeout: 600_000 }, () => {
  it('leaves no process and no directory when its parent is killed', async () => {
    const { parent, directory, pids } = await startParent();
    assert.deepEqual(pids.map(runs), [true, true]);
    assert.ok(existsSync(directory));
    parent.kill('SIGKILL');
    await waitUntil(() => !pids.some(runs), 15_000, 'the end of all processes');
    await waitUntil(() => !existsSync(directory), 15_000, 'the removal of the directory');
  });

  it('cleans up after a parent that ended without stopping it', async () => {
    const { parent, directory, pids } = await startParent('leave');
    if (parent.exitCode === null) await once(parent, 'exit');
    await waitUntil(() => !pids.some(runs), 15_000, 'the end of all processes');
    await waitUntil(() => !existsSync(directory), 15_000, 'the removal of the directory');
  });

  it('has ended everything once stop() resolves', async () => {
    const guarded = await Guarded.start('atd-guard-test-');
    const command = guarded.run('sh', ['-c', 'echo pid $$; exec sleep 600']);
    const pid = await guarded.ready(command, READY_MS, (output) => Number(/pid (\d+)/.exec(output)?.[1] ?? 0) || null);
    assert.ok(runs(pid));
    await guarded.stop();
    assert.ok(!runs(pid));
    assert.ok(!existsSync(guarded.directory));
  });

  it('runs commands outside the process group that a terminal interrupts', async () => {
    const guarded = await Guarded.start('atd-guard-test-');
    const command = guarded.run('sh', ['-c', 'echo pid $$; exec sleep 600']);
    const pid = await guarded.ready(command, READY_MS, (output) => Number(/pid (\d+)/.exec(output)?.[1] ?? 0) || null);
    const group = (of: number) => Number(statOf(of)?.[2]);
    assert.equal(group(pid), pid);
    const guard = Number(statOf(pid)?.[1]);
    assert.equal(group(guard), guard);
    await guarded.stop();
  });

  it('tells what a failed command wrote, and which command is missing', async () => {
    const guarded = await Guarded.start('atd-guard-test-');
    await assert.rejects(guarded.complete('sh', ['-c', 'echo oops; exit 3']), /exit code 3.*oops/s);
    await assert.rejects(guarded.complete('atd-no-such-command', []), /ENOENT/);
    const ends = guarded.run('sh', ['-c', 'echo early; exit 4']);
    await assert.rejects(
      guarded.ready(ends, READY_MS, () => null),
      /exit code 4.*early/s,
    );
    await guarded.stop();
  });
});
