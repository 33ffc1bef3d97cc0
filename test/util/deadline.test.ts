import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { withinTime } from '../../lib/util/deadline.js';
import { stateOf } from '../support/processes.js';

describe('withinTime', () => {
  it('ends in time although what is waited for does not come', async () => {
    await withinTime(new Promise(() => undefined), 1);
  });

  it('does not miss what came while the loop stood still past the time', async () => {
    // From here on the loop looks at its timers before anything else.
    await new Promise(setImmediate);
    const child = spawn('/bin/true', { stdio: 'ignore' });
    let hasExited = false;
    const exited = once(child, 'exit').then(() => {
      hasExited = true;
    });
    const waited = withinTime(exited, 1);
    // Holds the loop until the time is over and the child has ended, which nothing but the loop can notice.
    const from = performance.now();
    while (stateOf(child.pid as number) !== 'Z' || performance.now() - from < 20);
    await waited;
    assert.ok(hasExited);
  });
});
