import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Feed, statusWait, type Take } from '../../lib/feed/feed.js';
import type { Load } from '../../lib/ledger/load.js';
import { LOAD } from '../support/ledger.js';
import { waitUntil } from '../support/processes.js';

const DEADLINE_MS = 60_000;

function feed(): { readonly feed: Feed; readonly made: { statuses: number }; load(count?: number): void } {
  const made = { statuses: 0 };
  let files = 0;
  const one = new Feed({
    status: () => ({ state: 'running', number: ++made.statuses }),
    speeds: () => [],
    lag: () => 3,
    now: () => performance.timeOrigin + performance.now(),
  });
  const load = (count = 1) => {
    for (let left = count; left > 0; left -= 1) {
      files += 1;
      one.observe({ type: 'tick' }, [], 1_000 + files);
      one.take([{ ...LOAD, loadId: String(files), path: `/${files}` }]);
    }
  };
  return { feed: one, made, load };
}

interface Loads {
  readonly skipped: number;
  readonly loads: readonly Load[];
}

/** Somebody who watches; `takes` says whether what comes is taken. */
function watch(t: TestContext, { feed }: { readonly feed: Feed }) {
  const got: { event: string; data: Record<string, unknown> }[] = [];
  const watcher = { got, takes: true, end: (): void => undefined, loads: () => [] as Loads[] };
  const take: Take = (make) => {
    if (!watcher.takes) return false;
    const text = make().toString();
    assert.match(text, /^event: [a-z]+\ndata: .*\n\n$/);
    const [, event = '', data = ''] = /^event: (.*)\ndata: (.*)\n\n$/.exec(text) ?? [];
    got.push({ event, data: JSON.parse(data) });
    return true;
  };
  watcher.loads = () => got.filter(({ event }) => event === 'loads').map(({ data }) => data as unknown as Loads);
  watcher.end = feed.watch(take);
  t.after(watcher.end);
  return watcher;
}

function files(loads: readonly Loads[]): string[] {
  return loads.flatMap((piece) => piece.loads.map(({ path }) => path));
}

describe('the feed', () => {
  it('says at once how the service is and what was before; then what is new, and not what has ended before', async (t) => {
    const place = feed();
    place.load(2);
    const one = watch(t, place);
    assert.deepEqual(
      one.got.map(({ event }) => event),
      ['status', 'history'],
    );
    assert.equal(one.got[0]?.data['state'], 'running');
    place.load();
    await waitUntil(() => one.loads().length > 0, DEADLINE_MS, 'the third load');
    assert.deepEqual(files(one.loads()), ['/3']);
    await waitUntil(() => place.made.statuses > 1, DEADLINE_MS, 'another status');
    // What ends while nobody watches is not kept for who comes next.
    one.end();
    place.load();
    const next = watch(t, place);
    place.load();
    await waitUntil(() => next.loads().length > 0, DEADLINE_MS, 'the fifth load');
    assert.deepEqual(files(next.loads()), ['/5']);
  });

  it('makes nothing while nobody watches, and what it makes once for all', async (t) => {
    const place = feed();
    place.load(10);
    assert.equal(place.made.statuses, 0);
    const several = [watch(t, place), watch(t, place), watch(t, place)];
    const before = place.made.statuses;
    place.load();
    await waitUntil(
      () => several.every(({ got }) => got.at(-1)?.event === 'status' && got.length > 4),
      DEADLINE_MS,
      'all',
    );
    // Each was told at once when it came, and then all together.
    const numbers = several.map(({ got }) => got.at(-1)?.data['number']);
    assert.equal(new Set(numbers).size, 1, `${before}: ${numbers}`);
    for (const one of several) one.end();
    const { statuses } = place.made;
    place.load();
    const other = feed();
    watch(t, other);
    await waitUntil(() => other.load() ?? other.made.statuses > 2, DEADLINE_MS, 'what would have been made meanwhile');
    assert.equal(place.made.statuses, statuses);
  });

  it('leaves out for a client that does not read, and says how much', async (t) => {
    const place = feed();
    const [slow, quick] = [watch(t, place), watch(t, place)];
    slow.takes = false;
    place.load(100);
    await waitUntil(() => files(quick.loads()).length === 100, DEADLINE_MS, 'what the other one reads');
    place.load(900);
    slow.takes = true;
    await waitUntil(() => slow.loads().length > 0, DEADLINE_MS, 'what is left');
    const [{ skipped, loads } = { skipped: 0, loads: [] }] = slow.loads();
    assert.deepEqual([skipped, loads.length, loads.at(-1)?.path], [800, 200, '/1000']);
    // And who takes again when there is nothing new is told that there was something.
    slow.takes = false;
    place.load(3);
    await waitUntil(() => files(quick.loads()).at(-1) === '/1003', DEADLINE_MS, 'what the other one reads');
    slow.takes = true;
    await waitUntil(() => slow.loads().length > 1, DEADLINE_MS, 'how many were missed');
    assert.deepEqual(slow.loads()[1], { skipped: 3, loads: [] });
  });

  it('makes nothing for a client that does not read', async (t) => {
    const place = feed();
    const slow = watch(t, place);
    slow.takes = false;
    const { statuses } = place.made;
    const other = feed();
    watch(t, other);
    const isDue = () => place.load() ?? other.load() ?? other.made.statuses > 2;
    await waitUntil(isDue, DEADLINE_MS, 'what would have been made meanwhile');
    assert.equal(place.made.statuses, statuses);
  });

  it('sends few loads at once, however many there are', async (t) => {
    const place = feed();
    const one = watch(t, place);
    place.load(5_000);
    await waitUntil(() => one.loads().length > 0, DEADLINE_MS, 'the loads');
    const [{ skipped, loads } = { skipped: 0, loads: [] }] = one.loads();
    assert.deepEqual([skipped, loads.length, loads.at(-1)?.path], [4_800, 200, '/5000']);
  });

  it('says how the service is less often where that costs more, and always as often as shows that it lives', () => {
    const waits = [0.5, 30, 400].map((cost) => statusWait(true, cost));
    assert.deepEqual([...waits, statusWait(false, 0), statusWait(false, 400)], [1_000, 3_000, 5_000, 5_000, 5_000]);
  });
});
