/** Transcripts of an engine that is given other settings while jobs wait and run. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EngineSettings } from '../../lib/core/settings.js';
import { COMMAND, outcome, Play, SETTINGS } from '../support/engine.js';

/** Gives the engine these settings, and tells what it then does. */
function follow(play: Play, changes: Partial<EngineSettings>): string[] {
  play.engine.follow({ ...SETTINGS, ...changes });
  return play.wait(0);
}

function playing(jobs: number, settings: Partial<EngineSettings> = {}): Play {
  const play = new Play(settings);
  play.assign(0);
  for (let offset = 0; offset < jobs; offset += 1) play.deliver(offset);
  return play;
}

describe('an engine that follows other settings', () => {
  it('starts what more slots have room for, at once', () => {
    const play = playing(5, { slots: 1 });
    assert.equal(play.status.running.length, 1);
    const started = follow(play, { slots: 3 }).filter((line) => line.startsWith('run'));
    assert.deepEqual(started, ['run 0/1/0 attempt 1', 'run 0/2/0 attempt 1']);
    assert.deepEqual([play.status.slots, play.status.running.length], [3, 3]);
  });

  it('with fewer slots ends no job, and starts none until the rest fits', () => {
    const play = playing(6, { slots: 4 });
    assert.ok(!follow(play, { slots: 2 }).some((line) => line.startsWith('stop')));
    const started = [0, 1, 2].map((offset) => play.end(offset).filter((line) => line.startsWith('run')));
    assert.deepEqual(started, [[], [], ['run 0/4/0 attempt 1']]);
  });

  it('adapts its slots from then on, or no more', () => {
    const play = playing(0, { slots: 2 });
    follow(play, { slots: 8, adaptiveSlots: true });
    assert.deepEqual([play.status.slots, play.status.adaptiveSlots?.max], [4, 8]);
    follow(play, { slots: 6 });
    assert.deepEqual([play.status.slots, play.status.adaptiveSlots], [6, null]);
  });

  it('keeps what it has found out where the slots stay the same', () => {
    const play = playing(5, { slots: 8, adaptiveSlots: true });
    play.tell({ type: 'machine', load: { perProcessor: 9, freeMemory: 1 } });
    follow(play, { slots: 8, adaptiveSlots: true, retry: { ...SETTINGS.retry, maxAttempts: 9 } });
    assert.equal(play.status.slots, 3);
  });

  it('judges each end by the retries of now', () => {
    const play = playing(1, { retry: { ...SETTINGS.retry, maxAttempts: 1_000 } });
    play.end(0, 'failed');
    follow(play, { retry: { ...SETTINGS.retry, maxAttempts: 2, backoffMs: 10 } });
    play.wait(60_000);
    assert.ok(play.end(0, 'failed').some((line) => line.includes('attempts-exhausted')));
  });

  it('opens its breaker by the bounds of now, and lets a wait that has begun end as it is', () => {
    const play = playing(3, { slots: 1, breaker: { threshold: 50, openMs: 1_000, maxOpenMs: 4_000 } });
    play.end(0, 'sink-unavailable');
    assert.equal(play.status.breaker.state, 'closed');
    follow(play, { slots: 1, breaker: { threshold: 2, openMs: 700, maxOpenMs: 4_000 } });
    play.end(1, 'sink-unavailable');
    assert.deepEqual([play.status.breaker.state, play.wakesIn], ['open', 700]);
    follow(play, { slots: 1, breaker: { threshold: 2, openMs: 9, maxOpenMs: 9 } });
    assert.equal(play.wakesIn, 700);
  });

  it('holds a table after as many dead letters as are permitted now', () => {
    const play = playing(3, { slots: 1 });
    assert.ok(play.end(0, outcome('failed', { exitCode: 65 })).some((line) => line.includes('permanent-failure')));
    follow(play, { slots: 1, maxDeadLettersInRow: 1 });
    play.end(1, outcome('failed', { exitCode: 65 }));
    assert.deepEqual(
      play.status.heldTables.map(({ cause }) => cause),
      ['dead-letters'],
    );
  });

  it('starts the next load with the password and the roots of now, and no other with them', () => {
    const play = playing(2, { slots: 1 });
    play.engine.follow({
      ...SETTINGS,
      slots: 1,
      command: { ...COMMAND, allowedRoots: ['/in'], clickhouse: { ...COMMAND.clickhouse, password: 'new' } },
    });
    const effects = play.engine.handle(
      { type: 'finished', jobId: 'files/0/0/0', outcome: outcome('succeeded') },
      play.now,
    );
    const commands = effects.flatMap((effect) => (effect.type === 'run' ? [effect.command] : []));
    assert.deepEqual(
      commands.map(({ env, input }) => [env['CLICKHOUSE_PASSWORD'], input.allowedRoots]),
      [['new', ['/in']]],
    );
  });
});

describe('the turns under other settings', () => {
  const tenants = (play: Play) =>
    play.status.running.map(({ job }) => job.tenant).toSorted((a, b) => String(a).localeCompare(String(b)));

  function flooded(settings: Partial<EngineSettings>): Play {
    const play = new Play(settings);
    play.assign(0);
    for (let offset = 0; offset < 40; offset += 1) {
      play.deliver(offset, { filename: `/in/${offset}`, tenant: offset % 2 === 0 ? 'acme' : 'globex' });
    }
    return play;
  }

  it('are shared by the weights of now, for tenants that are known already', () => {
    const play = flooded({ slots: 1 });
    follow(play, { slots: 1, fairness: { ...SETTINGS.fairness, weights: new Map([['acme', 3]]) } });
    const turns: (string | null)[] = [];
    for (let turn = 0; turn < 16; turn += 1) {
      const [running] = play.status.running;
      turns.push(running?.job.tenant ?? null);
      play.end(running?.job.offset ?? 0);
    }
    // The first turns make up for what was given by the weights from before.
    assert.equal(turns.slice(4).filter((tenant) => tenant === 'acme').length, 9);
  });

  it('are bounded by the loads of one tenant that are permitted now', () => {
    const play = flooded({ slots: 6, fairness: { ...SETTINGS.fairness, maxRunning: 1 } });
    assert.deepEqual(tenants(play), ['acme', 'globex']);
    follow(play, { slots: 6, fairness: { ...SETTINGS.fairness, maxRunning: 2 } });
    assert.deepEqual(tenants(play), ['acme', 'acme', 'globex', 'globex']);
    follow(play, { slots: 6, fairness: { ...SETTINGS.fairness, maxRunning: 1 } });
    for (const offset of [0, 1]) assert.ok(!play.end(offset).some((line) => line.startsWith('run')));
    assert.deepEqual(tenants(play), ['acme', 'globex']);
  });

  it('count as ready what the share of now lets through', () => {
    const load = { jobs: 20, waiting: 1_000, bytes: 1_000_000 };
    const play = flooded({ slots: 1, load, fairness: { ...SETTINGS.fairness, share: 5 } });
    assert.equal(play.status.state, 'running');
    follow(play, { slots: 1, load, fairness: { ...SETTINGS.fairness, share: 1_000 } });
    assert.equal(play.status.state, 'paused');
    follow(play, { slots: 1, load, fairness: { ...SETTINGS.fairness, share: 2 } });
    assert.equal(play.status.state, 'running');
  });
});
