import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Feed, statusWait, type Take } from '../../lib/feed/feed.js';
import type { LoadEntry } from '../../lib/feed/load-entries.js';
import { JOB, outcome } from '../support/engine.js';
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
      const job = { ...JOB, id: `files/0/${files}/0`, file: `/${files}` };
      const ended = { type: 'job-ended', job, attempt: 1, outcome: outcome('succeeded'), queuedMs: 1 } as const;
      one.observe({ type: 'tick' }, [ended], 1_000 + files);
    }
  };
  return { feed: one, made, load };
}

interface Loads {
  readonly first: number;
  readonly skipped: number;
  readonly loads: readonly LoadEntry[];
}

/** Somebody who watches; `takes` says whether what comes is taken. */
function watch(t: TestContext, { feed }: { readonly feed: Feed }, lastEventId: string | null = null) {
  const got: { event: string; id: string | null; data: Record<string, unknown> }[] = [];
  const watcher = { got, takes: true, end: (): void => undefined, loads: () => [] as Loads[] };
  const take: Take = (make) => {
    if (!watcher.takes) return false;
    const text = make().toString();
    assert.match(text, /^event: [a-z]+\n(id: \S+\n)?data: .*\n\n$/);
    const [, event = '', , id = null, data = ''] = /^event: (.*)\n(id: (.*)\n)?data: (.*)\n\n$/.exec(text) ?? [];
    got.push({ event, id: id ?? null, data: JSON.parse(data) });
    return true;
  };
  watcher.loads = () => got.filter(({ event }) => event === 'loads').map(({ data }) => data as unknown as Loads);
  watcher.end = feed.watch(take, lastEventId);
  t.after(watcher.end);
  return watcher;
}

function files(loads: readonly Loads[]): string[] {
  return loads.flatMap((piece) => piece.loads.map(({ file }) => file));
}

describe('the feed', () => {
  it('says at once how the service is, what was before, and the last loads; then what is new', async (t) => {
    const place = feed();
    place.load(2);
    const one = watch(t, place);
    assert.deepEqual(
      one.got.map(({ event }) => event),
      ['status', 'history', 'loads'],
    );
    assert.equal(one.got[0]?.data['state'], 'running');
    assert.deepEqual(files(one.loads()), ['/1', '/2']);
    place.load();
    await waitUntil(() => one.loads().length > 1, DEADLINE_MS, 'the third load');
    assert.deepEqual(files(one.loads()), ['/1', '/2', '/3']);
    await waitUntil(() => place.made.statuses > 1, DEADLINE_MS, 'another status');
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

  it('goes on for a client that was here before, and begins anew for one of another run', (t) => {
    const place = feed();
    place.load(5);
    const id = watch(t, place).got.at(-1)?.id ?? null;
    place.load(2);
    assert.deepEqual(files(watch(t, place, id).loads()), ['/6', '/7']);
    for (const other of ['otherrun.3', 'nonsense', '', `${id}9`]) {
      assert.equal(files(watch(t, place, other).loads()).length, 7, other);
    }
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
    const [{ first, skipped, loads } = { first: 0, skipped: 0, loads: [] }] = slow.loads();
    assert.deepEqual([first, skipped, loads.length, loads.at(-1)?.file], [801, 800, 200, '/1000']);
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

  it('remembers few loads, however many there are', (t) => {
    const place = feed();
    place.load(5_000);
    const [{ first, skipped, loads } = { first: 0, skipped: 1, loads: [] }] = watch(t, place).loads();
    assert.deepEqual([first, skipped, loads.length], [4_801, 0, 200]);
  });

  it('says how the service is less often where that costs more, and always as often as shows that it lives', () => {
    const waits = [0.5, 30, 400].map((cost) => statusWait(true, cost));
    assert.deepEqual([...waits, statusWait(false, 0), statusWait(false, 400)], [1_000, 3_000, 5_000, 5_000, 5_000]);
  });
});
