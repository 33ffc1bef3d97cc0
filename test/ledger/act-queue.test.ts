/** Acts of people on their way into the ledger. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ActQueue } from '../../lib/ledger/act-queue.js';

interface Try {
  readonly acts: readonly number[];
  readonly token: string;
  readonly end: (error: Error | null) => void;
}

/** Each try ends when the test says so. */
function createQueue() {
  const [tries, troubles]: [Try[], string[]] = [[], []];
  const queue = new ActQueue({
    run: 'run',
    onTrouble: (reason) => void troubles.push(reason),
    write: (lines, token) =>
      new Promise((resolve, reject) => {
        const acts = lines.map((line) => (JSON.parse(line) as { act: number }).act);
        tries.push({ acts, token, end: (error) => (error === null ? resolve() : reject(error)) });
      }),
  });
  return { queue, tries, troubles };
}

/** Lets all that is ready to go on do so. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('acts on their way into the ledger', () => {
  it('go out one batch after the other, what comes meanwhile with the next', async () => {
    const { queue, tries } = createQueue();
    for (const act of [1, 2, 3]) {
      queue.add({ act });
      await settled();
    }
    assert.equal(tries.length, 1);
    tries[0]?.end(null);
    await settled();
    tries[1]?.end(null);
    await settled();
    queue.add({ act: 4 });
    await settled();
    assert.deepEqual(
      tries.map(({ acts, token }) => [acts, token]),
      [
        [[1], 'run-act-1'],
        [[2, 3], 'run-act-2'],
        [[4], 'run-act-3'],
      ],
    );
    tries[2]?.end(null);
    await queue.close();
  });

  it('wait once a try has failed, however many came while it was under way', async () => {
    const { queue, tries, troubles } = createQueue();
    for (const act of [1, 2, 3]) {
      queue.add({ act });
      await settled();
    }
    tries[0]?.end(new Error('ClickHouse is away'));
    await settled();
    queue.add({ act: 4 });
    await settled();
    assert.deepEqual([tries.length, troubles], [1, ['ClickHouse is away']]);
    await queue.close();
  });

  it('are written at the end of the service as far as that goes at once', async () => {
    const { queue, tries } = createQueue();
    for (const act of [1, 2]) {
      queue.add({ act });
      await settled();
    }
    const closed = queue.close();
    tries[0]?.end(null);
    await settled();
    tries[1]?.end(null);
    await closed;
    assert.deepEqual(
      tries.map(({ acts }) => acts),
      [[1], [2]],
    );
  });
});
