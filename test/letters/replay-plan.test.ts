import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { replayOf } from '../../lib/core/rules/replays.js';
import { type Letter, letterOf } from '../../lib/letters/letter.js';
import { meaningOf, planReplay, type Refused, type Replayable, sendingHeaders } from '../../lib/letters/replay-plan.js';
import type { KafkaRecord } from '../../lib/types.js';
import { type Given, letterRecord } from '../support/letters.js';

const RULES = { topic: 'files', partitions: 4, maxReplays: 3, maxMessageBytes: 100_000 };
const VALUE = { filename: ['/a', '/b', '/c'], tenant: 'acme', size: 300, more: { x: [1] } };

function letter(changes: Partial<Given> = {}): KafkaRecord {
  return letterRecord({ topic: 'files', partition: 2, offset: 7, value: VALUE, files: ['/b'], ...changes });
}

function plan(record: KafkaRecord, rules = RULES): Replayable | Refused {
  return planReplay(record, letterOf(record) as Letter, rules);
}

function planned(record: KafkaRecord): Replayable {
  const found = plan(record);
  assert.ok(found.kind === 'replayable', (found as Refused).why);
  return found;
}

function text(value: unknown): unknown {
  return JSON.parse(Buffer.from(value as Uint8Array).toString());
}

function sent(one: Replayable, agains: number | null = null): Record<string, string> {
  return Object.fromEntries(
    Object.entries(sendingHeaders(one, 'claim', agains)).map(([name, value]) => [name, String(value)]),
  );
}

describe('the replay of a dead letter', () => {
  it('announces the files that failed, by their numbers, with key, headers and partition of the message', () => {
    const one = planned(letter({ key: 'k', headers: { lane: 'live', odd: Buffer.from([1]) } }));
    assert.deepEqual(text(one.value), { ...VALUE, filename: ['/b'], size: 100 });
    assert.deepEqual([one.partition, String(one.key), one.files], [2, 'k', ['/b']]);
    assert.deepEqual(sent(one), {
      lane: 'live',
      odd: '\u0001',
      'atd.replay-of': 'files/2/7@1795842753456',
      'atd.replay-files': '1',
      'atd.replay-count': '1',
      'atd.replay-id': 'claim/1204',
    });
  });

  it('means the same by two letters of one message, and not by those of other files or a later generation', () => {
    const meaning = (changes: Partial<Given>, agains: number | null = null) => {
      const one = planned(letter(changes));
      return meaningOf(one, sendingHeaders(one, String(agains), agains));
    };
    const first = meaning({});
    assert.equal(meaning({ headers: { 'atd.replay-count': '1' } }), first);
    const others = [
      meaning({ files: ['/a'] }),
      meaning({ files: ['/a', '/b'] }),
      meaning({ files: ['/a', '/b', '/c'] }),
      meaning({ offset: 8 }),
      meaning({}, 0),
      meaning({}, 1),
    ];
    assert.equal(new Set([first, ...others]).size, 7);
  });

  it('sends the message as it was where all of its files failed, or it was refused as a whole', () => {
    const bytes = '{"file_path": "/a",\n "big": 12345678901234567890}';
    for (const files of [['/a'], []]) {
      const one = planned(letter({ value: bytes, files }));
      assert.equal(Buffer.from(one.value).toString(), bytes);
      assert.ok(!('atd.replay-files' in sent(one)));
    }
  });

  it('names the files by the other name of their field where the message does', () => {
    const one = planned(letter({ value: { file_path: ['/a', '/b', '/b'], filename: null } }));
    assert.deepEqual(text(one.value), { file_path: ['/b'], filename: null });
  });

  it('sends all files where the letter has no room to name all that failed', () => {
    const names = Array.from({ length: 200 }, (_, index) => `/${'x'.repeat(100)}/${index}`);
    const one = planned(letter({ value: { filename: names }, files: names.slice(1) }));
    assert.equal(one.files.length, 200);
  });

  it('keeps the first place and the first numbers, however often it is replayed', () => {
    const headers = { 'atd.replay-of': 'files/2/7@1795842753456', 'atd.replay-files': '4,6', 'atd.generation': '2' };
    const again = letter({ headers: { ...headers, 'atd.replay-count': '1' }, value: { filename: ['/a', '/b'] } });
    const one = planned(again);
    const { 'atd.replay-of': of, 'atd.replay-files': files, 'atd.generation': generation, ...others } = sent(one);
    assert.deepEqual([of, files, generation], ['files/2/7@1795842753456', '6', '2']);
    assert.equal(others['atd.replay-count'], '2');
    assert.equal(sent(one, 0)['atd.generation'], '3');
    assert.equal(sent(one, 2)['atd.generation'], '5');
    const forged = planned(letter({ headers: { ...headers, 'atd.replay-of': 'files/2/5@1' } }));
    assert.deepEqual([sent(forged)['atd.replay-files'], sent(forged)['atd.generation']], ['1', undefined]);
  });

  it('has no key where the letter got one because its message had none', () => {
    const record = letter({ key: 'files/2/7' });
    const one = planned({ ...record, headers: { ...record.headers, 'atd.key-bytes': Buffer.from('') } });
    assert.deepEqual([one.key, 'atd.key-bytes' in sent(one)], [null, false]);
  });

  it('is believed by the service', () => {
    const one = planned(letter());
    const record = { ...letter(), topic: 'files', partition: 2, offset: 8, headers: sendingHeaders(one, 'claim', 0) };
    assert.deepEqual(replayOf(record), {
      place: { topic: 'files', partition: 2, offset: 7, timestamp: 1_795_842_753_456 },
      numbers: [1],
      generation: 1,
    });
  });

  const REFUSALS: readonly (readonly [changes: Partial<Given>, why: RegExp])[] = [
    [{ topic: 'others' }, /stood in others, not in files$/],
    [{ partition: 4 }, /has no partition 4 any more$/],
    [{ headers: { 'atd.replay-count': '3' } }, /was replayed 3 times and failed each time \(--max-replays\)$/],
    [
      { headers: { 'atd.value-bytes': '9' } },
      /only a part of its message \(atd\.value-bytes\): announce its files by emit$/,
    ],
    [{ headers: { 'atd.key-bytes': '3000' } }, /only a part of its message \(atd\.key-bytes\)/],
    [{ value: 'no JSON' }, /would fail again: the message is not JSON/],
  ];
  for (const [changes, why] of REFUSALS) {
    it(`is refused: ${why.source}`, () => {
      // Headers of the letter's own name replace those of the message, so these are put in afterwards.
      const record = letter(changes);
      const found = plan({ ...record, headers: { ...record.headers, ...changes.headers } });
      assert.equal(found.kind, 'refused');
      assert.match((found as Refused).why, why);
    });
  }
});
