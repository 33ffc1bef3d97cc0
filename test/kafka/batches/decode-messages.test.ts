/** Batches that unpack to too much, as a consumer meets them. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { boundBatches } from '../../../lib/kafka/batches/decode-messages.js';
import { Unread } from '../../../lib/kafka/shapes.js';
import { COMPRESSIONS } from '../../sandbox/raw-records.js';
import { GroupMember, startBroker, TOPIC } from '../../support/group-member.js';
import type { GivenRecord } from '../../support/topic-store.js';

const KIB = 1024;
/** For all tests of this file, as the client has one decoder. */
const MOST = 100 * KIB;
const GZIP = { number: COMPRESSIONS.gzip, convert: (bytes: Buffer): Buffer => gzipSync(bytes) };

boundBatches(MOST);

interface Seen {
  readonly member: GroupMember;
  /** `5: text`, or `5! reason` of one that was not read. */
  readonly seen: string[];
}

async function consume(
  t: TestContext,
  partitions: number,
  batches: readonly (readonly GivenRecord[])[],
): Promise<Seen> {
  const broker = await startBroker(t, partitions);
  for (const [index, records] of batches.entries()) {
    broker.topics.append(TOPIC, index % partitions, records, GZIP);
  }
  const seen: string[] = [];
  const member = await GroupMember.join(t, broker, {
    on: {
      record: ({ offset, value }, defect) => {
        const text = Buffer.from(value ?? []).toString();
        seen.push(defect instanceof Unread ? `${offset}! ${defect.message}` : `${offset}: ${text.slice(0, 8)}`);
      },
    },
  });
  return { member, seen };
}

describe('a batch beyond the bound', () => {
  it('is not read, and each of its records says so; the batches around it are', async (t) => {
    const { member, seen } = await consume(t, 1, [['a'], ['b', { value: Buffer.alloc(MOST) }, 'c'], ['d']]);
    await member.reports('record', 5);
    assert.deepEqual([seen[0], seen[4]], ['0: a', '4: d']);
    const reason =
      /^(\d)! it is in a batch \(offsets 1 to 3, \d+ bytes of gzip\) that unpacks to more than may be taken in/;
    assert.deepEqual(
      seen.slice(1, 4).map((line) => reason.exec(line)?.[1]),
      ['1', '2', '3'],
    );
  });

  it('is not read where it is not compressed either', async (t) => {
    const broker = await startBroker(t, 1);
    broker.topics.append(TOPIC, 0, [{ value: Buffer.alloc(MOST) }]);
    broker.topics.append(TOPIC, 0, ['b']);
    const reasons: (string | undefined)[] = [];
    const on = { record: (_: unknown, defect: Error | null) => void reasons.push(defect?.message) };
    const member = await GroupMember.join(t, broker, { on });
    await member.reports('record', 2);
    assert.match(reasons[0] ?? '', /^it is in a batch \(offsets 0 to 0, \d+ bytes\) that unpacks to more/);
    assert.equal(reasons[1], undefined);
  });

  it('is not read where it has very many records, however small they are; one stands for all', async (t) => {
    const many: GivenRecord[] = Array.from({ length: 2_000 }, () => ({ value: null }));
    const { member, seen } = await consume(t, 1, [['a'], many, ['b']]);
    await member.reports('record', 3);
    assert.deepEqual([seen[0], seen[2]], ['0: a', '2001: b']);
    assert.match(seen[1] ?? '', /^2000! .*offsets 1 to 2000, .*has 2000 records, too many/);
  });

  it('is not read where its records have very many headers, however small they are', async (t) => {
    const headers = Array.from({ length: 900 }, (_, index) => [String(index), Buffer.of(1)] as const);
    const { member, seen } = await consume(t, 1, [
      [{ headers }],
      ['a'],
      ['b', 'c', { headers: headers.slice(0, 300) }],
    ]);
    await member.reports('record', 5);
    assert.match(seen[0] ?? '', /^0! .*unpacks to more/);
    assert.deepEqual(seen.slice(1), ['1: a', '2: b', '3: c', '4: ']);
  });

  it('is not read either where numbers are missing in it: nobody knows which', async (t) => {
    const { member, seen } = await consume(t, 1, [
      [
        { offset: 0, value: Buffer.alloc(MOST) },
        { offset: 7, value: Buffer.from('x') },
      ],
      ['b'],
    ]);
    await member.reports('record', 2);
    assert.match(seen[0] ?? '', /^7! .*offsets 0 to 7/);
    assert.equal(seen[1], '8: b');
  });
});

describe('batches that are beyond the bound together', () => {
  it('are read one after another, of one partition and of several', async (t) => {
    const large = (text: string): GivenRecord[] => [{ value: Buffer.from(text.padEnd(60 * KIB)) }];
    const { member, seen } = await consume(t, 2, ['a', 'b', 'c', 'd', 'e', 'f'].map(large));
    await member.reports('record', 6);
    assert.deepEqual(seen.map((line) => line.trim()).sort(), ['0: a', '0: b', '1: c', '1: d', '2: e', '2: f']);
  });
});
