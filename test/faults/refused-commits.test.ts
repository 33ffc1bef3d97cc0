/** Commits that the broker refuses for a reason that stays, or that nobody answers, and members that leave in a join. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withAdmin } from '../sandbox/kafka-admin.js';
import { waitUntil } from '../support/processes.js';
import {
  createPlace,
  type ServiceProcess,
  spawnService,
  startService,
  writeScript,
} from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { AnswerErrors, REFUSED_COMMIT } from './answer-errors.js';
import { allCommitted, closeBooks, fixtureLoads } from './ledger.js';
import { crash } from './members.js';
import { SESSION_MS, setScene, startOwnKafka } from './scene.js';
import { ONLY_FULL, skipOnMock } from './seed.js';

const UNKNOWN_SERVER_ERROR = -1;
const MEMBER = { thread_pool_size: 2, kafka: { session_timeout_ms: SESSION_MS } };

async function probe(
  service: ServiceProcess,
  name: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await service.ask(`/${name}`);
  return { status: answer.status, text: await answer.text() };
}

test('row 8: a broker that takes little metadata gets less, at once, and starts after a crash do not wait for ever', async (t) => {
  const own = await startOwnKafka(t);
  if (own === null) return;
  const { place, broker } = own;
  const announcements = new Announcements(place);
  // Every third fails for as long as this is missing, however long that takes.
  const mended = join(place.directory, 'mended');
  const scripts = Array.from({ length: 60 }, (_, n) =>
    writeScript(place, `load-${n}`, n % 3 === 0 ? `[ -e '${mended}' ]` : 'true'),
  );
  // In one partition, so that there is much to say beyond its offset.
  await announcements.files(scripts, {}, 0);
  await broker.configure({ 'offset.metadata.max.bytes': 64 });
  const settings = {
    ...MEMBER,
    service: { retry: { max_attempts: 1_000, backoff_seconds: 3, max_backoff_seconds: 3 } },
  };
  const first = await startService(t, place, settings);
  await first.until(() => fixtureLoads(place).size === 40, 60_000, 'what does not fail is loaded');
  await first.seen('commit.done', 1, 30_000);
  const isRefused = () => first.events('commit.metadata').some(({ problem }) => problem === 'refused');
  await first.until(isRefused, 60_000, 'a commit is refused for its metadata');
  await crash(place, first);
  writeFileSync(mended, '');
  const second = await startService(t, place, settings);
  await second.until(() => fixtureLoads(place).size >= scripts.length, 120_000, 'all files are loaded');
  await allCommitted(place, second);
  assert.equal(await second.stop(), 0);
  for (const service of [first, second]) {
    const refusals = service.events('commit.failed').filter(({ error }) => /metadata/i.test(String(error)));
    // From 4,096 characters by halves to none.
    assert.ok(refusals.length <= 12, `${refusals.length} refusals`);
  }
  await closeBooks({ place, records: announcements.records, loads: fixtureLoads(place), mayRepeat: true });
});

test('row 5: without a broker no load is started after a session, probes say why, and nothing is repeated', async (t) => {
  const scene = await setScene(t);
  if (scene === null) return;
  const { broker, service, place } = scene;
  await broker.kill();
  scene.goOn();
  await service.seen('commit.overdue', 1, 60_000);
  const isHeld = () => service.log.findIndex(({ message }) => message === 'commit.overdue');
  await service.until(
    async () => (await probe(service, 'readyz')).text.includes('no broker answers'),
    SESSION_MS * 5,
    'readiness names the cause',
  );
  const ready = await probe(service, 'readyz');
  assert.equal(ready.status, 503);
  assert.match(ready.text, /no load is started, for no commit has been acknowledged/);
  assert.equal((await probe(service, 'livez')).status, 200, 'a restart would not help');
  const started = service.log.slice(isHeld()).filter(({ message }) => message === 'job.started');
  assert.deepEqual(started, []);
  const before = fixtureLoads(place).size;
  await broker.start();
  await service.seen('commit.recovered', 1, 60_000);
  await service.until(() => fixtureLoads(place).size > before, 60_000, 'loads go on');
  await scene.end();
});

test(
  'row 8: commits that are refused while heartbeats are answered fail liveness, and are made up for',
  ONLY_FULL,
  async (t) => {
    const errors = new AnswerErrors(REFUSED_COMMIT);
    const scene = await setScene(t, () => errors.filter());
    if (scene === null) return;
    const { service } = scene;
    errors.answerWith(Array(10_000).fill(UNKNOWN_SERVER_ERROR));
    scene.goOn();
    await service.until(
      async () => (await probe(service, 'livez')).text.includes('no commit has been acknowledged'),
      SESSION_MS * 10,
      'liveness fails',
    );
    errors.answerWith([]);
    await service.until(async () => (await probe(service, 'livez')).status === 200, 60_000, 'liveness is back');
    await scene.end();
  },
);

test('row 8: a stop that cannot commit says how much is lost, and ends with 75', ONLY_FULL, async (t) => {
  const scene = await setScene(t);
  if (scene === null) return;
  const { broker, service } = scene;
  await broker.kill();
  scene.goOn();
  await service.seen('commit.failed', 1, 30_000);
  assert.equal(await service.stop(), 75);
  const [line] = service.events('drain.uncommitted');
  assert.ok(Number(line?.['records']) > 0, JSON.stringify(line));
});

test('row 48: a member that is stopped while it joins leaves the group', async (t) => {
  if (skipOnMock(t, 'knows no members that join')) return;
  const place = await createPlace(t);
  const first = await startService(t, place, { kafka: { session_timeout_ms: 300_000 } });
  first.signal('SIGSTOP');
  const members = () =>
    withAdmin(place.kafka.brokers, async (admin) => {
      const { groups } = await admin.describeGroups([place.group]);
      return groups[0]?.members.map(({ clientId }) => clientId) ?? [];
    });
  // The join waits for the first member until its session is over.
  const second = spawnService(t, place, { kafka: { session_timeout_ms: 600_000 } });
  await waitUntil(async () => (await members()).includes(second.clientId), 120_000, 'the second member joins');
  assert.equal(await second.stop(), 0);
  assert.ok(!(await members()).includes(second.clientId), 'it has left');
  first.signal('SIGCONT');
  assert.equal(await first.stop(), 0);
});
