/** The group's coordinator moves or loads, and members find it again; brokers are away, and nothing is repeated. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gate } from '../support/gate.js';
import { PARTITIONS, type ServiceProcess, startService, writeScript } from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { AnswerErrors, both, HEARTBEAT, JOIN_GROUP } from './answer-errors.js';
import { allCommitted, closeBooks, fixtureLoads, RunWatch } from './ledger.js';
import { startCluster } from './own-cluster.js';
import { setScene, startOwnKafka } from './scene.js';
import { ONLY_FULL } from './seed.js';

/** What a broker may answer, by the names of Kafka's protocol. */
const COORDINATOR_LOAD_IN_PROGRESS = 14;
const COORDINATOR_NOT_AVAILABLE = 15;
const NOT_COORDINATOR = 16;
const UNKNOWN_MEMBER_ID = 25;
const REBALANCE_IN_PROGRESS = 27;
const MEMBER = { thread_pool_size: 2 };

for (const [what, codes] of [
  ['is loading', [COORDINATOR_LOAD_IN_PROGRESS]],
  ['is loading for long', Array<number>(5).fill(COORDINATOR_LOAD_IN_PROGRESS)],
  ['is not available', [COORDINATOR_NOT_AVAILABLE]],
  ['is another broker', [NOT_COORDINATOR]],
  ['does not know the member', [UNKNOWN_MEMBER_ID]],
] as const) {
  const name = `row 47: a join that meets a coordinator that ${what} is repeated, and commits come back`;
  test(name, what === 'is loading' ? {} : ONLY_FULL, async (t) => {
    const [heartbeats, joins] = [new AnswerErrors(HEARTBEAT), new AnswerErrors(JOIN_GROUP)];
    const scene = await setScene(t, () => both(heartbeats.filter(), joins.filter()));
    if (scene === null) return;
    const { service } = scene;
    const assigned = service.events('partitions.assigned').length;
    joins.answerWith(codes);
    heartbeats.answerWith([REBALANCE_IN_PROGRESS]);
    await service.until(() => joins.given.length === codes.length, 120_000, 'joins are refused');
    const before = performance.now();
    await service.seen('partitions.assigned', assigned + 1, 120_000);
    const committed = service.events('commit.done').length;
    // What is loaded from now on is to be committed.
    scene.goOn();
    await service.seen('commit.done', committed + 1, 120_000);
    t.diagnostic(`a commit ${Math.round(performance.now() - before)} ms after the last refusal`);
    await scene.end();
  });
}

test(
  'row 47: with two members, a join that is refused once repeats nothing that stays with its member',
  ONLY_FULL,
  async (t) => {
    const [heartbeats, joins] = [new AnswerErrors(HEARTBEAT), new AnswerErrors(JOIN_GROUP)];
    const own = await startOwnKafka(t, () => both(heartbeats.filter(), joins.filter()));
    if (own === null) return;
    const { place } = own;
    const gate = new Gate(place);
    const script = writeScript(place, 'load', `sleep 0.2; ${gate.after(60)}`);
    const announcements = new Announcements(place);
    const records = await announcements.files(Array(160).fill(script));
    const watch = new RunWatch(t, place, async () => fixtureLoads(place));
    const [first, second] = [await startService(t, place, MEMBER), await startService(t, place, MEMBER)] as const;
    await second.seen('job.loaded', 5, 60_000);
    gate.open();
    joins.answerWith([COORDINATOR_LOAD_IN_PROGRESS]);
    heartbeats.answerWith([REBALANCE_IN_PROGRESS]);
    await first.until(() => joins.given.length === 1, 120_000, 'a join is refused');
    await first.until(() => fixtureLoads(place).size >= records.length, 120_000, 'all files are loaded');
    await allCommitted(place, first);
    for (const member of [first, second]) assert.equal(await member.stop(), 0);
    await watch.close();
    const loads = fixtureLoads(place);
    const { repeated } = await closeBooks({ place, records, loads, mayRepeat: true });
    t.diagnostic(`${repeated} loads were repeated`);
    // What the second member got at its start ran on the first one: that alone is loaded by both.
    const startedBy = (member: ServiceProcess, record: string) =>
      member.events('job.started').some(({ job }) => String(job).startsWith(`${record}/`));
    const twice = [...loads].filter(([, count]) => count > 1).map(([record]) => record);
    assert.deepEqual(
      twice.filter((record) => !startedBy(first, record) || !startedBy(second, record)),
      [],
    );
  },
);

test('row 47: members follow the coordinator of their group from broker to broker', async (t) => {
  const cluster = await startCluster(t);
  if (cluster === null) return;
  const { place } = cluster;
  const script = writeScript(place, 'load', 'sleep 0.2');
  const announcements = new Announcements(place);
  await announcements.files(Array(60).fill(script));
  const watch = new RunWatch(t, place, async () => fixtureLoads(place));
  const members = [await startService(t, place, MEMBER), await startService(t, place, MEMBER)];
  for (let move = 1; move <= 3; move += 1) {
    await announcements.files(Array(40).fill(script));
    await cluster.moveCoordinator();
    const moved = performance.now();
    const before = members.map((member) => member.events('commit.done').length);
    // All else may be loaded and committed by now.
    await announcements.files(Array(PARTITIONS).fill(script));
    await Promise.all(
      members.map(async (member, index) => {
        await member.seen('commit.done', (before[index] as number) + 1, 60_000);
        t.diagnostic(`move ${move}: a commit after ${Math.round(performance.now() - moved)} ms`);
      }),
    );
  }
  const { records } = announcements;
  const [first] = members as [(typeof members)[0]];
  await first.until(() => fixtureLoads(place).size >= records.length, 120_000, 'all files are loaded');
  await allCommitted(place, first);
  for (const member of members) assert.equal(await member.stop(), 0);
  await watch.close();
  await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: true });
});
