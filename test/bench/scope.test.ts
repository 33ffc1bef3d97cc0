import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Scope } from './scope.js';

test('a scope ends what was started last first, and all of it even if one end fails', async () => {
  const ended: string[] = [];
  const scope = new Scope();
  scope.after(() => ended.push('first'));
  scope.after(() => Promise.reject(new Error('the second does not end')));
  scope.after(async () => {
    await Promise.resolve();
    ended.push('third');
  });
  await assert.rejects(scope.close(), /the second does not end/);
  assert.deepEqual(ended, ['third', 'first']);
  await scope.close();
  assert.deepEqual(ended, ['third', 'first'], 'nothing is ended twice');
});
