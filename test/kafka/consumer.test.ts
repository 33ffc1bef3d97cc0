/** What the consumer adapter makes of the client's events: the real client, against a broker that does what it is told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GroupMember, partition, position, startBroker, TOPIC } from '../support/group-member.js';
import { CODES } from '../support/kafka-requests.js';
import { waitUntil } from '../support/processes.js';
import { ScriptedBroker } from '../support/scripted-broker.js';

const DEADLINE_MS = 60_000;

describe('the consumer: start and stop', () => {
  it('waits for brokers, says why, and joins when there are some', async (t) => {
    const broker = await startBroker(t, 1);
    await broker.close();
    const member = GroupMember.create(t, broker);
    const started = member.adapter.start();
    await member.reports('waiting: Kafka cannot be reached: ');
    assert.equal(member.adapter.health().silentMs, null);
    assert.match(member.adapter.health().obstacle ?? '', /^Kafka cannot be reached: /);
    await broker.open();
    await started;
    await member.reports('assigned 1: 0');
  });

  it('waits for its topic, says so, and does not have a broker create it by asking for it', async (t) => {
    const broker = await ScriptedBroker.start(t, { createsTopics: true });
    const member = GroupMember.create(t, broker);
    const started = member.adapter.start();
    await member.reports(`waiting: topic ${TOPIC} does not exist yet`);
    broker.topics.create(TOPIC, 1);
    broker.assignment = [0];
    await started;
    await member.reports('assigned 1: 0');
    assert.ok(broker.seen('Metadata').every(({ mayCreate }) => !mayCreate));
  });

  it('is ended while it waits: start and stop both come to their end, and nothing more is tried', async (t) => {
    const broker = await ScriptedBroker.start(t);
    const member = GroupMember.create(t, broker);
    const started = member.adapter.start();
    await member.reports('waiting');
    await Promise.all([started, member.adapter.stop()]);
    assert.equal(broker.seen('JoinGroup').length, 0);
    assert.equal(member.found('waiting').length, 1);
  });

  it('is ended before it was started', async (t) => {
    const broker = await startBroker(t, 1);
    const member = GroupMember.create(t, broker);
    await member.adapter.stop();
    await member.adapter.start();
    assert.deepEqual([member.lines, broker.requests], [[], []]);
  });

  it('leaves the group that it is just joining when it is ended, and does not ask what is committed', async (t) => {
    const broker = await startBroker(t, 1);
    const release = broker.hold('JoinGroup');
    const member = GroupMember.create(t, broker);
    const started = member.adapter.start();
    await broker.until('JoinGroup', 1);
    const stopped = member.adapter.stop();
    release();
    await Promise.all([started, stopped]);
    assert.equal(broker.seen('LeaveGroup').length, 1);
    assert.deepEqual(member.found('restored'), []);
    await broker.allClosed();
  });

  it('leaves the group when it is ended', async (t) => {
    const broker = await startBroker(t, 1);
    const member = await GroupMember.join(t, broker);
    await member.adapter.stop();
    assert.equal(broker.seen('LeaveGroup').length, 1);
    await broker.allClosed();
  });

  it('joins with the times of its session, and only once however often it is started', async (t) => {
    const broker = await startBroker(t, 1);
    const member = GroupMember.create(t, broker);
    await Promise.all([member.adapter.start(), member.adapter.start()]);
    await member.reports('restored 1');
    await member.adapter.start();
    const times = broker.seen('JoinGroup').map(({ sessionMs, rebalanceMs }) => [sessionMs, rebalanceMs]);
    assert.deepEqual(times, [[500, 60_000]]);
  });

  it('shows life when it joins, and goes on to while there is nothing to read', async (t) => {
    const broker = await startBroker(t, 1);
    const before = performance.now();
    const member = await GroupMember.join(t, broker);
    const silent = () => member.adapter.health().silentMs ?? Number.POSITIVE_INFINITY;
    assert.ok(silent() <= performance.now() - before);
    member.adapter.pause([partition(0)]);
    const paused = performance.now();
    await broker.until('Heartbeat', broker.seen('Heartbeat').length + 2);
    await waitUntil(() => silent() < performance.now() - paused, DEADLINE_MS, 'a later beat');
    assert.equal(member.adapter.health().obstacle, null);
  });
});

describe('the consumer: what was committed', () => {
  it('is reported after the assignment, with its metadata', async (t) => {
    const broker = await startBroker(t, 2);
    broker.topics.append(TOPIC, 1, Array(7).fill('x'));
    broker.committed.set(1, { partition: 1, offset: 7, metadata: 'AQI=' });
    const restored: unknown[] = [];
    const on = { restored: (_epoch: number, positions: readonly unknown[]) => void restored.push(...positions) };
    const member = await GroupMember.join(t, broker, { on });
    assert.deepEqual(member.lines, ['assigned 1: 0 1', 'restored 1: 0@none 1@7']);
    assert.deepEqual(restored, [
      { ...partition(0), offset: null, metadata: '' },
      { ...partition(1), offset: 7, metadata: 'AQI=' },
    ]);
  });

  it('is asked for again until it is answered', async (t) => {
    const broker = await startBroker(t, 1);
    broker.refuse('OffsetFetch', Array(2).fill(CODES.GROUP_AUTHORIZATION_FAILED), 'others');
    const member = await GroupMember.join(t, broker);
    const asked = broker.seen('OffsetFetch').length;
    assert.ok(asked >= 3, `it was asked for ${asked} times`);
    assert.equal(member.found('waiting: this user may not read with the group').length, 1);
    assert.equal(member.found('restored').length, 1);
  });

  it('is not asked for any more when the consumer has ended', async (t) => {
    const broker = await startBroker(t, 1);
    broker.refuse('OffsetFetch', Array(9).fill(CODES.GROUP_AUTHORIZATION_FAILED), 'others');
    const member = GroupMember.create(t, broker);
    await member.adapter.start();
    await member.reports('waiting');
    await member.adapter.stop();
    await broker.allClosed();
    assert.deepEqual([member.found('waiting').length, member.found('restored')], [1, []]);
  });

  it('is not asked for any more when the assignment is over', async (t) => {
    const broker = await startBroker(t, 1);
    const questions = () => broker.seen('OffsetFetch').filter(({ from }) => !from.isMember).length;
    const release = broker.hold('OffsetFetch', 'others');
    const member = GroupMember.create(t, broker);
    await member.adapter.start();
    await waitUntil(() => questions() === 1, DEADLINE_MS, 'the question of the first assignment');
    broker.rebalance([0]);
    await waitUntil(() => questions() === 2, DEADLINE_MS, 'the question of the second assignment');
    // Both fail, the first one earlier, so that its repetition would come before that of the second.
    broker.refuse('OffsetFetch', Array(2).fill(CODES.GROUP_AUTHORIZATION_FAILED), 'others');
    release();
    await member.reports('restored 2');
    assert.deepEqual([questions(), member.found('restored 1')], [3, []]);
  });

  it('is where each partition begins before anything is read, though a group without commits is told of as such', async (t) => {
    const broker = await startBroker(t, 2);
    broker.topics.append(TOPIC, 0, ['a']);
    const restored: [number, number | undefined][] = [];
    const on = { restored: () => void restored.push([broker.committed.size, broker.committed.get(0)?.offset]) };
    const member = await GroupMember.join(t, broker, { on });
    assert.deepEqual(member.found('restored'), ['restored 1: 0@none 1@none']);
    assert.deepEqual(restored, [[2, 0]]);
  });

  it('begins without metadata where the broker takes none', async (t) => {
    const broker = await startBroker(t, 1);
    broker.refuse('OffsetCommit', [CODES.OFFSET_METADATA_TOO_LARGE]);
    await GroupMember.join(t, broker);
    assert.deepEqual(broker.committed.get(0), { partition: 0, offset: 0, metadata: '' });
  });

  it('is nothing for a member that gets no partition', async (t) => {
    const broker = await startBroker(t, 1);
    broker.assignment = [];
    const member = await GroupMember.join(t, broker);
    assert.deepEqual(member.lines, ['assigned 1: ', 'restored 1: ']);
  });
});

describe('the consumer: records', () => {
  it('come in order, with all that they have', async (t) => {
    const broker = await startBroker(t, 1);
    const headers = [
      ['trace', Buffer.from('a')],
      ['twice', Buffer.from('b')],
      ['twice', Buffer.from('c')],
    ] as const;
    const full = { key: Buffer.from('k'), value: Buffer.from('{}'), headers, timestamp: 1_700_000_000_123 };
    broker.topics.append(TOPIC, 0, [full, { offset: 4 }]);
    const member = await GroupMember.join(t, broker);
    await member.reports('record', 2);
    const bytes = (text: string) => Buffer.from(text);
    // Headers have no prototype, so that none is found that is not there.
    const withoutPrototype = (own: object): object => Object.assign(Object.create(null), own);
    assert.deepEqual(member.records, [
      {
        ...partition(0),
        offset: 0,
        key: bytes('k'),
        value: bytes('{}'),
        headers: withoutPrototype({ trace: bytes('a'), twice: [bytes('b'), bytes('c')] }),
        timestamp: 1_700_000_000_123,
      },
      {
        ...partition(0),
        offset: 4,
        key: null,
        value: null,
        headers: withoutPrototype({}),
        timestamp: 1_700_000_000_000,
      },
    ]);
  });

  it('come from the committed offset on, and in a partition that was added later from the first', async (t) => {
    for (const fromBeginning of [true, false]) {
      const broker = await startBroker(t, 2);
      for (const number of [0, 1]) broker.topics.append(TOPIC, number, ['a', 'b', 'c']);
      broker.committed.set(1, { partition: 1, offset: 2, metadata: '' });
      const member = await GroupMember.join(t, broker, { fromBeginning });
      await member.reports('record 1@2');
      await waitUntil(
        () => broker.seen('Fetch').some(({ partitions }) => partitions.length === 2),
        DEADLINE_MS,
        'both',
      );
      broker.topics.append(TOPIC, 0, ['d']);
      await member.reports('record 0@3');
      const all = ['record 0@0', 'record 0@1', 'record 0@2', 'record 0@3'];
      assert.deepEqual(member.found('record 0'), all);
      assert.deepEqual(member.found('record 1'), ['record 1@2']);
    }
  });

  it('come from the first or from what comes next in a group without commits', async (t) => {
    for (const fromBeginning of [true, false]) {
      const broker = await startBroker(t, 1);
      broker.topics.append(TOPIC, 0, ['a', 'b', 'c']);
      const member = await GroupMember.join(t, broker, { fromBeginning });
      await broker.until('Fetch', 1);
      broker.topics.append(TOPIC, 0, ['d']);
      await member.reports('record 0@3');
      const expected = fromBeginning ? ['0@0', '0@1', '0@2', '0@3'] : ['0@3'];
      assert.deepEqual(
        member.found('record 0'),
        expected.map((where) => `record ${where}`),
      );
    }
  });

  it('behind the one at which their partition is paused are left, and come when it is resumed', async (t) => {
    const broker = await startBroker(t, 1);
    broker.topics.append(TOPIC, 0, ['a', 'b', 'c']);
    const member: GroupMember = GroupMember.create(t, broker, {
      on: { record: ({ offset }) => offset === 0 && member.adapter.pause([partition(0)]) },
    });
    await member.adapter.start();
    await member.reports('record');
    const fetches = broker.seen('Fetch').length;
    await broker.until('Heartbeat', broker.seen('Heartbeat').length + 2);
    assert.deepEqual([member.found('record'), broker.seen('Fetch').length], [['record 0@0'], fetches]);
    member.adapter.resume([partition(0)]);
    await member.reports('record', 3);
    assert.deepEqual(member.found('record'), ['record 0@0', 'record 0@1', 'record 0@2']);
  });

  it('that were fetched before their partition was paused are fetched again when it is resumed', async (t) => {
    const broker = await startBroker(t, 2);
    for (const number of [0, 1]) broker.topics.append(TOPIC, number, ['a', 'b']);
    // Both batches come in one answer; when the first record of either is there, the other's partition is paused.
    let paused: number | null = null;
    const member: GroupMember = GroupMember.create(t, broker, {
      on: {
        record(record) {
          if (paused !== null) return;
          paused = 1 - record.partition;
          member.adapter.pause([partition(paused)]);
        },
      },
    });
    await member.adapter.start();
    await member.reports('record', 2);
    assert.ok(broker.seen('Fetch').some(({ partitions }) => partitions.length === 2));
    const fetches = broker.seen('Fetch').length;
    await broker.until('Fetch', fetches + 3);
    const asked = broker.seen('Fetch').slice(fetches + 1);
    assert.ok(
      asked.every(({ partitions }) => partitions.every((each) => each.partition !== paused)),
      'a paused partition is not asked for',
    );
    assert.deepEqual(member.found(`record ${paused}`), []);
    member.adapter.resume([partition(paused ?? 0)]);
    await member.reports(`record ${paused}`, 2);
    assert.deepEqual(member.found(`record ${paused}`), [`record ${paused}@0`, `record ${paused}@1`]);
  });

  it('of a partition may be paused and resumed while there is no consumer that could be told', async (t) => {
    const broker = await startBroker(t, 1);
    const member = GroupMember.create(t, broker);
    member.adapter.pause([partition(0)]);
    member.adapter.resume([partition(0)]);
  });
});

describe('the consumer: crashes', () => {
  /** More failures than the client tries again. */
  const crash = (broker: ScriptedBroker): void => broker.refuse('Fetch', Array(6).fill(CODES.CORRUPT_MESSAGE));

  it('that may pass are followed by a new start, in which pauses are stated anew', async (t) => {
    const broker = await startBroker(t, 2);
    for (const number of [0, 1]) broker.topics.append(TOPIC, number, ['a']);
    crash(broker);
    const member: GroupMember = GroupMember.create(t, broker, {
      on: { assigned: () => member.adapter.pause([partition(1)]) },
    });
    await member.adapter.start();
    await member.reports('record 0@0');
    // The crash may come between its assignment and what is committed there: then it waits for that, and says so.
    const since = member.lines.filter((line) => !/^(restored|waiting)/.test(line));
    // On a busy machine the new start may itself come too late for the broker, and be followed by another one.
    assert.deepEqual([...new Set(since)], ['assigned 1: 0 1', 'restarting', 'assigned 2: 0 1', 'record 0@0']);
    await member.reports('restored 2');
    assert.ok(broker.seen('Fetch').every(({ partitions }) => partitions.every((each) => each.partition === 0)));
  });

  it('end the pauses that were in force, unless they are stated anew', async (t) => {
    const broker = await startBroker(t, 1);
    broker.topics.append(TOPIC, 0, ['a']);
    const member: GroupMember = GroupMember.create(t, broker, {
      on: { assigned: (epoch) => epoch === 1 && member.adapter.pause([partition(0)]) },
    });
    await member.adapter.start();
    await member.reports('restored 1');
    // It is told to join anew, which fails more often than the client tries it again.
    broker.refuse('SyncGroup', Array(7).fill(CODES.COORDINATOR_LOAD_IN_PROGRESS));
    broker.rebalance([0]);
    await member.reports('restarting');
    await member.reports('record 0@0');
  });

  it('that will not pass are the end', async (t) => {
    const broker = await startBroker(t, 1);
    broker.refuse('Fetch', [CODES.CLUSTER_AUTHORIZATION_FAILED]);
    const member = GroupMember.create(t, broker);
    await member.adapter.start();
    await member.reports('failed');
    assert.deepEqual(member.found('restarting'), []);
  });

  it('after which the consumer may not start again are the end', async (t) => {
    const broker = await startBroker(t, 1);
    crash(broker);
    broker.topics.append(TOPIC, 0, ['a']);
    const member = GroupMember.create(t, broker, { mayRestart: () => false });
    await member.adapter.start();
    await member.reports('failed');
    assert.deepEqual(member.found('restarting'), []);
  });

  it('of a consumer that is being ended are no news', async (t) => {
    const broker = await startBroker(t, 1);
    const release = broker.hold('Fetch');
    const member = await GroupMember.join(t, broker);
    await broker.until('Fetch', 1);
    const stopped = member.adapter.stop();
    broker.refuse('Fetch', [CODES.TOPIC_AUTHORIZATION_FAILED]);
    release();
    await stopped;
    assert.deepEqual([member.found('failed'), member.found('restarting')], [[], []]);
  });

  it('leave commits to the membership that the group knows until the next one begins, in its own name', async (t) => {
    const broker = await startBroker(t, 1);
    broker.committed.set(0, { partition: 0, offset: 0, metadata: '' });
    broker.topics.append(TOPIC, 0, ['a']);
    let committed: Promise<unknown> = Promise.resolve();
    const member: GroupMember = GroupMember.create(t, broker, {
      on: {
        assigned: (epoch) => epoch === 2 && member.adapter.pause([partition(0)]),
        record: () => crash(broker),
        restarting() {
          member.adapter.pause([partition(0)]);
          // However slow the commit is, the next membership begins after it.
          const letJoin = broker.hold('JoinGroup');
          committed = member.adapter.commit([position(0, 1)]).finally(letJoin);
        },
      },
    });
    await member.adapter.start();
    await member.reports('assigned 2');
    await committed;
    // The next life has not got a batch yet, and commits for its own generation.
    await member.adapter.commit([position(0, 1)]);
    assert.deepEqual(
      broker.seen('OffsetCommit').map(({ generation }) => generation),
      [1, 2],
    );
  });
});

describe('the consumer: commits', () => {
  it('go to the broker with their metadata, in the name of the member', async (t) => {
    const broker = await startBroker(t, 2);
    const member = await GroupMember.join(t, broker);
    await member.adapter.commit([position(0, 5, 'AQI='), position(1, 2 ** 40)]);
    const { from: _from, ...request } = broker.seen('OffsetCommit').at(-1) ?? { from: null };
    const positions = [
      { partition: 0, offset: 5, metadata: 'AQI=' },
      { partition: 1, offset: 2 ** 40, metadata: '' },
    ];
    assert.deepEqual(request, { api: 'OffsetCommit', generation: 1, member: 'member', positions });
  });

  it('are a single request each, which is not repeated for the generation that comes next', async (t) => {
    const broker = await startBroker(t, 1);
    broker.topics.append(TOPIC, 0, ['a']);
    const member = await GroupMember.join(t, broker);
    await member.reports('record');
    for (const code of [CODES.COORDINATOR_LOAD_IN_PROGRESS, CODES.REBALANCE_IN_PROGRESS, CODES.ILLEGAL_GENERATION]) {
      const before = broker.seen('OffsetCommit').length;
      broker.refuse('OffsetCommit', [code]);
      await assert.rejects(member.adapter.commit([position(0, 1)]));
      assert.equal(broker.seen('OffsetCommit').length, before + 1, `after error ${code}`);
    }
    await member.adapter.commit([position(0, 1)]);
    assert.equal(broker.committed.get(0)?.offset, 1);
    // Refusals that say that the membership is over have the member join anew.
    await member.reports('assigned', 2);
  });

  it('go beside while the member waits in a join, for the generation before', async (t) => {
    const broker = await startBroker(t, 1);
    broker.topics.append(TOPIC, 0, ['a']);
    const member = await GroupMember.join(t, broker);
    await member.reports('record');
    const release = broker.hold('JoinGroup');
    broker.rebalance([0]);
    await broker.until('JoinGroup', 2);
    await member.adapter.commit([position(0, 1)]);
    const { from, generation, positions } = broker.seen('OffsetCommit').at(-1) ?? {};
    assert.deepEqual([from?.isMember, generation, positions?.[0]?.offset], [false, 1, 1]);
    assert.equal(broker.committed.get(0)?.offset, 1);
    assert.deepEqual(member.found('assigned 2'), []);
    release();
    await member.reports('restored 2: 0@1');
  });

  it('that are refused after a join, but were sent before it, have nobody join again', async (t) => {
    const broker = await startBroker(t, 1);
    broker.topics.append(TOPIC, 0, ['a']);
    const member = await GroupMember.join(t, broker);
    await member.reports('record');
    const release = broker.hold('OffsetCommit', 'member');
    const before = broker.seen('OffsetCommit').length;
    const committed = member.adapter.commit([position(0, 1)]).catch((error: unknown) => error);
    await broker.until('OffsetCommit', before + 1);
    broker.rebalance([0]);
    await member.reports('assigned 2');
    release();
    assert.ok((await committed) instanceof Error);
    await broker.until('Heartbeat', broker.seen('Heartbeat').length + 3);
    assert.deepEqual(member.found('assigned'), ['assigned 1: 0', 'assigned 2: 0']);
  });

  it('that the client did not send are not taken for acknowledged', async (t) => {
    const broker = await startBroker(t, 1);
    broker.committed.set(0, { partition: 0, offset: 0, metadata: '' });
    const release = broker.hold('JoinGroup');
    const member = GroupMember.create(t, broker);
    const started = member.adapter.start();
    await broker.until('JoinGroup', 1);
    await assert.rejects(member.adapter.commit([position(0, 1)]), { code: 'ATD_KAFKA_CONSUMER' });
    release();
    await started;
    assert.deepEqual(broker.seen('OffsetCommit'), []);
  });

  it('before there is any consumer are refused', async (t) => {
    const member = GroupMember.create(t, await startBroker(t, 1));
    await assert.rejects(member.adapter.commit([position(0, 1)]));
  });
});
