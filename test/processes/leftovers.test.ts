import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { isGroupLiving, killLeftoversOfTheDead, killMarked, supervisorId } from '../../lib/processes/leftovers.js';
import { pidNamespace, readStat } from '../../lib/processes/process-table.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { isAlive, waitUntil } from '../support/processes.js';

const children: ChildProcess[] = [];

async function sleeper(env: Readonly<Record<string, string>>): Promise<{ pid: number; ended: Promise<unknown> }> {
  const child = spawn('/bin/sleep', ['1000'], { env, stdio: 'ignore', detached: true });
  children.push(child);
  const ended = once(child, 'exit');
  await once(child, 'spawn');
  return { pid: child.pid ?? 0, ended };
}

/** Other tests that run at the same time leave things behind too. */
function among(sleepers: readonly { readonly pid: number }[], killed: readonly number[]): number[] {
  return killed.filter((pid) => sleepers.some((each) => each.pid === pid));
}

/** By us, or by a service of another test, which may find what the dead left behind before we do. */
async function endedByKill({ pid }: { readonly pid: number }): Promise<void> {
  await waitUntil(() => !isAlive(pid), 60_000, `${pid}, which was left behind, is dead`);
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

describe('leftovers', () => {
  it('kills the processes that carry the whole marker, and only those', async () => {
    const [jobId, supervisor] = [randomUUID(), randomUUID()];
    const marked = await sleeper({ ATD_JOB_ID: jobId, ATD_SUPERVISOR: supervisor });
    await sleeper({ ATD_JOB_ID: jobId, ATD_SUPERVISOR: 'another' });
    await sleeper({ ATD_JOB_ID: `${jobId}0`, ATD_SUPERVISOR: supervisor });
    assert.deepEqual(killMarked({ jobId, supervisor }), [marked.pid]);
    await marked.ended;
    assert.equal(killMarked({ jobId }).length, 1);
    assert.equal(killMarked({ supervisor }).length, 1);
  });

  it('matches nothing by an empty marker', async () => {
    await sleeper({});
    assert.deepEqual(killMarked({}), []);
  });

  it('finds a process that is just executing another program', async () => {
    const script = join(PACKAGE_ROOT, 'test/fixtures/exec-for-ever.sh');
    for (let time = 0; time < 50; time += 1) {
      const jobId = randomUUID();
      const child = spawn('/bin/sh', [script], { env: { ATD_JOB_ID: jobId }, stdio: 'ignore', detached: true });
      children.push(child);
      const ended = once(child, 'exit');
      await once(child, 'spawn');
      assert.deepEqual(killMarked({ jobId }), [child.pid], `time ${time}`);
      await ended;
    }
  });

  it('can look at younger processes only', async () => {
    const jobId = randomUUID();
    const older = await sleeper({ ATD_JOB_ID: jobId });
    const leader = await sleeper({});
    const younger = await sleeper({ ATD_JOB_ID: jobId });
    assert.deepEqual(killMarked({ jobId }, leader.pid), [younger.pid]);
    await younger.ended;
    assert.deepEqual(killMarked({ jobId }), [older.pid]);
  });

  it('kills what a dead primary left behind, and leaves alone what a living one runs', async () => {
    const primary = await sleeper({});
    const supervisor = `${pidNamespace()}-${primary.pid}-${readStat(primary.pid)?.startedAt}`;
    const child = await sleeper({ ATD_SUPERVISOR: supervisor });
    const ours = await sleeper({ ATD_SUPERVISOR: supervisorId() });
    const elsewhere = await sleeper({ ATD_SUPERVISOR: `0-${primary.pid}-1` });
    assert.deepEqual(among([child, ours, elsewhere], killLeftoversOfTheDead()), []);
    process.kill(primary.pid, 'SIGKILL');
    await primary.ended;
    const killed = among([child, ours, elsewhere], killLeftoversOfTheDead());
    await endedByKill(child);
    assert.deepEqual(
      killed.filter((pid) => pid !== child.pid),
      [],
    );
    assert.deepEqual(
      [ours, elsewhere].map(({ pid }) => isAlive(pid)),
      [true, true],
    );
  });

  it('is not deceived by a stranger that got the pid of a dead primary', async () => {
    const stranger = await sleeper({});
    const child = await sleeper({ ATD_SUPERVISOR: `${pidNamespace()}-${stranger.pid}-1` });
    assert.deepEqual(among([stranger], killLeftoversOfTheDead()), []);
    await endedByKill(child);
    assert.equal(isAlive(stranger.pid), true);
  });

  it('tells a living group from one that is gone', async () => {
    const leader = await sleeper({});
    assert.equal(isGroupLiving(leader.pid), true);
    process.kill(leader.pid, 'SIGKILL');
    await leader.ended;
    assert.equal(isGroupLiving(leader.pid), false);
  });
});
