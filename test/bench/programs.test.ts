import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DecisionsAnswer, DecisionsQuestion } from './programs/decisions.js';
import type { EngineAnswer, EngineQuestion } from './programs/engine.js';
import type { LaunchAnswer, LaunchQuestion } from './programs/launching.js';
import { startProgram } from './programs/program.js';

const ENGINE: EngineQuestion = {
  window: 100,
  slots: 4,
  records: 2_000,
  laps: 2,
  warmUpLaps: 1,
  stuckHead: true,
  seed: 1,
};

test('the engine gets through every record, also behind a stuck head', async (t) => {
  const program = startProgram<EngineQuestion, EngineAnswer>(t, 'engine');
  for (const stuckHead of [true, false]) {
    // A stuck head lets no more than its window pass.
    const window = stuckHead ? 4_000 : ENGINE.window;
    const { seconds } = await program.ask({ ...ENGINE, window, stuckHead });
    assert.ok(seconds > 0);
  }
});

test('the scheduler finds a job of every tenant', async (t) => {
  const program = startProgram<DecisionsQuestion, DecisionsAnswer>(t, 'decisions');
  assert.ok((await program.ask({ tenants: 1_000, decisions: 2_000 })).seconds > 0);
});

test('the pool starts children that do nothing, and says what they cost', async (t) => {
  const program = startProgram<LaunchQuestion, LaunchAnswer>(t, 'pool');
  const { seconds, cpuMs } = await program.ask({ children: 8, slots: 4, file: '/bin/true' });
  assert.ok(seconds > 0 && cpuMs > 0);
});

test('a program that cannot answer says why', async (t) => {
  const program = startProgram<LaunchQuestion, LaunchAnswer>(t, 'pool');
  await assert.rejects(program.ask({ children: 1, slots: 1, file: '/bin/false' }), /\/bin\/false: .*code 1/);
});
