import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OneByOne } from '../../lib/letters/one-by-one.js';

test('work is done one after the other, and what fails holds up nothing', async () => {
  const line = new OneByOne(3);
  const seen: string[] = [];
  const work = (name: string) => async () => {
    seen.push(`${name} begins`);
    await null;
    seen.push(`${name} ends`);
    if (name === 'a') throw new Error('a');
    return name;
  };
  const results = await Promise.allSettled(['a', 'b'].map((name) => line.run('look', work(name))));
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'fulfilled'],
  );
  assert.deepEqual(seen, ['a begins', 'a ends', 'b begins', 'b ends']);
});

test('who comes when the line is full is sent away, and those of another kind are not', async () => {
  const line = new OneByOne(2);
  let release: (answer: string) => void = () => undefined;
  const held = new Promise<string>((resolve) => {
    release = resolve;
  });
  const first = line.run('look', () => held);
  const second = line.run('look', async () => 'second');
  await assert.rejects(
    line.run('look', async () => 'third'),
    /^Error: 2 others ask for it already; try again in a moment$/,
  );
  const act = line.run('act', async () => 'act');
  release('first');
  assert.deepEqual(await Promise.all([first, second, act]), ['first', 'second', 'act']);
  assert.equal(await line.run('look', async () => 'later'), 'later');
});
