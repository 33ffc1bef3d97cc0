import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startService } from '../support/service-process.js';
import { AnswerErrors, CLUSTER_AUTHORIZATION_FAILED, FETCH, OFFSET_COMMIT } from './answer-errors.js';
import { fixtureLoads } from './ledger.js';
import { SESSION_MS, setScene } from './scene.js';
import { ONLY_FULL, seeded } from './seed.js';

/** As long as the service is promised to live without a broker. */
const OUTAGE_MS = 300_000;
const CLOCK_TICKS_PER_SECOND = 100;

/** Seconds of a processor that a process has used. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
}

test(
  'row 2: a broker that stands still longer than the session costs no load and no repetition',
  ONLY_FULL,
  async (t) => {
    const scene = await setScene(t);
    if (scene === null) return;
    const { broker, place, service } = scene;
    broker.freeze();
    const before = fixtureLoads(place).size;
    scene.goOn();
    // There is nothing to wait for: that nobody answers for so long is the fault.
    await delay(SESSION_MS * 2);
    await service.until(() => fixtureLoads(place).size > before, 60_000, 'what had been read is loaded meanwhile');
    broker.thaw();
    await scene.end();
  },
);

test(
  'rows 1 and 5: five minutes without any broker cost little of a processor, no load and no repetition',
  ONLY_FULL,
  async (t) => {
    const scene = await setScene(t);
    if (scene === null) return;
    const { broker, service } = scene;
    await broker.kill();
    scene.goOn();
    await delay(SESSION_MS);
    const [cpuBefore, before] = [cpuSeconds(service.pid), performance.now()];
    await delay(OUTAGE_MS);
    const share = (cpuSeconds(service.pid) - cpuBefore) / ((performance.now() - before) / 1000);
    t.diagnostic(`without a broker: ${(share * 100).toFixed(1)} % of a processor`);
    assert.ok(share < 0.1, `it took ${(share * 100).toFixed(1)} % of a processor`);
    assert.equal((await service.ask('/api/status')).status, 200, 'the service lives without a broker');
    await broker.start();
    await scene.end();
  },
);

test(
  'row 3: connections that are reset, refused and half-open cost no load and no repetition',
  ONLY_FULL,
  async (t) => {
    const random = seeded(t);
    const scene = await setScene(t);
    if (scene === null) return;
    const { network } = scene;
    for (let fault = 0; fault < 5; fault += 1) {
      if (random.chance(0.5)) await network.refuse();
      else network.silence();
      scene.goOn();
      await delay(200 + random.below(SESSION_MS * 1.5));
      await network.open();
      await delay(random.below(2_000));
    }
    await scene.end();
  },
);

test('row 3: connections that lead nowhere any more are given up when a request has run out of its time', async (t) => {
  const scene = await setScene(t);
  if (scene === null) return;
  scene.network.strand();
  await scene.end();
});

test('row 4: a line with 250 ms in each direction slows the service down and nothing else', ONLY_FULL, async (t) => {
  const scene = await setScene(t);
  if (scene === null) return;
  scene.network.delay(250);
  await scene.end();
  const { service } = scene;
  assert.equal(service.events('kafka.failed').length, 0);
  assert.equal(service.events('partitions.assigned').length, 1, 'heartbeats keep the membership alive');
});

/** What a broker may answer, by the names of Kafka's protocol. */
const COMMIT_ERRORS: Readonly<Record<string, number>> = {
  REQUEST_TIMED_OUT: 7,
  OFFSET_METADATA_TOO_LARGE: 12,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  ILLEGAL_GENERATION: 22,
  UNKNOWN_MEMBER_ID: 25,
  REBALANCE_IN_PROGRESS: 27,
  INVALID_COMMIT_OFFSET_SIZE: 28,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  UNKNOWN_SERVER_ERROR: -1,
};

test('row 8: commits that are refused, whatever for, cost no load and no repetition', ONLY_FULL, async (t) => {
  const errors = new AnswerErrors(OFFSET_COMMIT);
  const scene = await setScene(t, () => errors.filter());
  if (scene === null) return;
  for (const [name, code] of Object.entries(COMMIT_ERRORS)) {
    const given = errors.given.length;
    const committed = scene.service.events('commit.done').length;
    errors.answerWith([code]);
    scene.goOn();
    // What ends is committed: for each code there is something.
    await scene.announce(1);
    await scene.service.until(() => errors.given.length > given, 60_000, `a commit is answered with ${name}`);
    await scene.service.seen('commit.done', committed + 1, 60_000);
  }
  assert.deepEqual(errors.given, Object.values(COMMIT_ERRORS));
  assert.equal(scene.service.events('kafka.failed').length, 0);
  await scene.end();
});

test('a consumer that its client gives up ends the service, whose supervisor starts it again', ONLY_FULL, async (t) => {
  const errors = new AnswerErrors(FETCH);
  const scene = await setScene(t, () => errors.filter());
  if (scene === null) return;
  const { place, service } = scene;
  let code: number | string | null = null;
  void service.exited.then((exited) => {
    code = exited;
  });
  errors.answerWith([CLUSTER_AUTHORIZATION_FAILED]);
  await service.until(() => code !== null, 60_000, 'the service ends');
  assert.equal(code, 1);
  assert.equal(service.events('kafka.failed').length, 1);
  scene.goOn();
  const before = fixtureLoads(place).size;
  const next = await startService(t, place);
  await next.until(() => fixtureLoads(place).size > before, 30_000, 'the next one goes on');
  assert.equal(await next.stop(), 0);
});
