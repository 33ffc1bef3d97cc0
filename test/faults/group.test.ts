import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Gate } from '../support/gate.js';
import type { Random } from '../support/random.js';
import {
  createPlace,
  PARTITIONS,
  type Place,
  type ServiceProcess,
  type Settings,
  spawnService,
  startService,
  writeScript,
} from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { AnswerErrors, SYNC_GROUP } from './answer-errors.js';
import { loadsAtRisk, loadsAtRiskInRebalances } from './at-risk.js';
import { allCommitted, closeBooks, fixtureLoads, RunWatch } from './ledger.js';
import { crash } from './members.js';
import { SESSION_MS, startOwnKafka } from './scene.js';
import { FULL, ONLY_FULL, seeded, skipOnMock } from './seed.js';

const SLOTS = 2;
/** Whoever was killed while it joined is waited for as long; and no busy machine holds a member up for so long. */
const CHURN: Settings = { thread_pool_size: SLOTS, kafka: { session_timeout_ms: 15_000 } };
const STEADY: Settings = { thread_pool_size: SLOTS };
const ONE_AT_A_TIME = 'lets a second member wait until the session of the first one expires';

interface Churn {
  readonly members: number;
  readonly durationMs: number;
}

/** Members join, leave and are killed at seeded moments; one at least stays. Returns those that are left, and all. */
async function churn(t: TestContext, place: Place, random: Random, { members, durationMs }: Churn) {
  const all: ServiceProcess[] = [];
  const killed: ServiceProcess[] = [];
  const spawn = (): ServiceProcess => {
    const member = spawnService(t, place, CHURN);
    all.push(member);
    return member;
  };
  const living: ServiceProcess[] = [spawn()];
  const changes = { joined: 1, left: 0, killed: 0 };
  const until = performance.now() + durationMs;
  while (performance.now() < until) {
    await delay(300 + random.below(2_000));
    if (living.length < 2 || (living.length < members && random.chance(0.6))) {
      living.push(spawn());
      changes.joined += 1;
      continue;
    }
    const [member] = living.splice(random.below(living.length), 1) as [ServiceProcess];
    if (random.chance(0.5)) {
      await crash(place, member);
      killed.push(member);
      changes.killed += 1;
    } else {
      await member.until(() => member.events('service.started').length > 0, 30_000, 'it takes signals');
      assert.equal(await member.stop(), 0);
      changes.left += 1;
    }
  }
  return { living, killed, all, changes };
}

test('row 6: members that join, leave and are killed lose nothing and repeat only what ran', async (t) => {
  if (skipOnMock(t, ONE_AT_A_TIME)) return;
  const random = seeded(t);
  const place = await createPlace(t);
  const plan = FULL
    ? { members: 10, durationMs: 60_000, files: 3_000 }
    : { members: 3, durationMs: 15_000, files: 400 };
  const script = writeScript(place, 'load', 'sleep 0.1');
  const announcements = new Announcements(place);
  const records = await announcements.files(Array(plan.files).fill(script));
  const watch = new RunWatch(t, place, async () => fixtureLoads(place));
  const { living, killed, all, changes } = await churn(t, place, random, plan);
  const [last] = living as [ServiceProcess];
  await last.until(() => fixtureLoads(place).size >= plan.files, 240_000, 'all files are loaded');
  await allCommitted(place, last);
  for (const member of living) assert.equal(await member.stop(), 0);
  await watch.close();
  const { repeated } = await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: true });
  const atRisk =
    killed.reduce((sum, { log }) => sum + loadsAtRisk(log), 0) +
    all.reduce((sum, member) => sum + loadsAtRiskInRebalances(member), 0);
  t.diagnostic(`${JSON.stringify(changes)}; ${repeated} of ${plan.files} loads were repeated; at risk were ${atRisk}`);
  assert.ok(repeated <= atRisk, `${repeated} loads were repeated, and only ${atRisk} were at risk`);
});

test('row 7: a service that stood still past its session goes on, and commits nothing that is no longer its own', async (t) => {
  if (skipOnMock(t, ONE_AT_A_TIME)) return;
  const place = await createPlace(t);
  const gate = new Gate(place);
  const script = writeScript(place, 'load', `sleep 0.2; ${gate.after(20)}`);
  const announcements = new Announcements(place);
  const records = await announcements.files(Array(60).fill(script));
  const watch = new RunWatch(t, place, async () => fixtureLoads(place));
  const frozen = await startService(t, place, { ...STEADY, kafka: { session_timeout_ms: SESSION_MS } });
  await frozen.until(() => fixtureLoads(place).size >= 6, 30_000, 'some loads');
  frozen.signal('SIGSTOP');
  gate.open();
  // It gets its partitions when the session of the frozen one is over.
  const other = await startService(t, place, STEADY);
  await other.until(() => fixtureLoads(place).size >= 60, 60_000, 'the other member loads the rest');
  const assigned = frozen.events('partitions.assigned').length;
  const before = frozen.log.length;
  frozen.signal('SIGCONT');
  await frozen.seen('partitions.assigned', assigned + 1, 60_000);
  records.push(...(await announcements.files(Array(20).fill(script))));
  await other.until(() => fixtureLoads(place).size >= 80, 60_000, 'what came later is loaded');
  await allCommitted(place, other);
  assert.equal(await frozen.stop(), 0);
  assert.equal(await other.stop(), 0);
  await watch.close();
  const { repeated } = await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: true });
  const afterwards = frozen.log.slice(before);
  const joined = afterwards.findIndex((line) => line.message === 'partitions.assigned');
  const unaware = afterwards.slice(0, joined).filter((line) => line.message === 'job.started').length;
  t.diagnostic(`${repeated} loads were repeated; ${unaware} were started before it knew that its session was over`);
  // What ran when it was frozen or was not committed yet, what it began then, and the same of the other when it came back.
  const atRisk = loadsAtRiskInRebalances(frozen) + loadsAtRiskInRebalances(other);
  assert.ok(repeated <= atRisk, `${repeated} loads were repeated, and only ${atRisk} were at risk`);
});

test('row 6: what a member loads while its join waits for another one is committed meanwhile', async (t) => {
  if (skipOnMock(t, ONE_AT_A_TIME)) return;
  const place = await createPlace(t);
  const gate = new Gate(place);
  const script = writeScript(place, 'load', `sleep 0.2; ${gate.after(8)}`);
  const announcements = new Announcements(place);
  const records = await announcements.files(Array(200).fill(script));
  const watch = new RunWatch(t, place, async () => fixtureLoads(place));
  const patient = { ...STEADY, kafka: { session_timeout_ms: 1_800_000 } };
  const [member, frozen] = [await startService(t, place, patient), await startService(t, place, patient)] as const;
  await frozen.seen('job.started', 1, 60_000);
  const [assigned, rebalancing] = ['partitions.assigned', 'group.rebalancing'].map(
    (name) => member.events(name).length,
  );
  frozen.signal('SIGSTOP');
  const third = spawnService(t, place, patient);
  await member.seen('group.rebalancing', (rebalancing ?? 0) + 1, 60_000);
  const committed = member.events('commit.done').length;
  gate.open();
  // The first one may have gone out before the join.
  await member.seen('commit.done', committed + 5, 30_000);
  assert.equal(member.events('partitions.assigned').length, assigned, 'the join still waits');
  frozen.signal('SIGCONT');
  await third.seen('partitions.assigned', 1, 60_000);
  await third.until(() => fixtureLoads(place).size >= records.length, 120_000, 'all files are loaded');
  await allCommitted(place, third);
  for (const each of [member, frozen, third]) assert.equal(await each.stop(), 0);
  await watch.close();
  const { repeated } = await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: true });
  t.diagnostic(`${repeated} loads were repeated`);
});

/** An error that says nothing about the assignment, which the broker has made all the same. */
const COORDINATOR_LOAD_IN_PROGRESS = 14;

test('row 6: a member that is not told what it is to read asks again, and reads that', ONLY_FULL, async (t) => {
  const errors = new AnswerErrors(SYNC_GROUP);
  const own = await startOwnKafka(t, () => errors.filter());
  if (own === null) return;
  const { place } = own;
  const script = writeScript(place, 'load', 'exit 0');
  const announcements = new Announcements(place);
  const watch = new RunWatch(t, place, async () => fixtureLoads(place));
  const service = await startService(t, place, STEADY);
  await service.seen('partitions.assigned', 1, 30_000);
  const other = await startService(t, place, STEADY);
  await other.seen('partitions.assigned', 1, 30_000);
  await service.seen('partitions.assigned', 2, 30_000);
  errors.answerWith([COORDINATOR_LOAD_IN_PROGRESS]);
  assert.equal(await other.stop(), 0);
  await service.until(() => errors.given.length === 1, 30_000, 'the member is not told its assignment');
  const records = await announcements.files(Array(PARTITIONS * 2).fill(script));
  await service.until(() => fixtureLoads(place).size >= records.length, 60_000, 'all partitions are read');
  await allCommitted(place, service);
  assert.equal(await service.stop(), 0);
  await watch.close();
  await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: true });
});
