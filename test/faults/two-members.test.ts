/** Brokers that are away or refuse while two members share the work: what each of them has loaded meanwhile stays loaded once. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Gate } from '../support/gate.js';
import {
  type Place,
  type ServiceProcess,
  spawnService,
  startService,
  writeScript,
} from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { AnswerErrors, REFUSED_COMMIT } from './answer-errors.js';
import { loadsAtRiskInRebalances } from './at-risk.js';
import { allCommitted, closeBooks, fixtureLoads, RunWatch } from './ledger.js';
import { settled } from './members.js';
import type { OwnBroker } from './own-broker.js';
import { SESSION_MS, startOwnKafka } from './scene.js';
import { ONLY_FULL } from './seed.js';
import type { Filter } from './tcp-proxy.js';

const FILES = 160;
/** So many at most are loaded before the fault is there. */
const BEFORE = 40;
const MEMBER = memberWith(SESSION_MS);
/** Longer than a client waits between two tries to connect: the group still knows who comes back. */
const PATIENT = memberWith(20_000);
const NOT_COORDINATOR = 16;

function memberWith(sessionMs: number) {
  return { thread_pool_size: 2, kafka: { session_timeout_ms: sessionMs } };
}

interface Two {
  readonly place: Place;
  readonly broker: OwnBroker;
  readonly members: readonly ServiceProcess[];
  /** To be called when the fault is there. */
  readonly goOn: () => void;
  /** Waits for all files: nothing is lost, and loaded again is only what no commit could have told of. */
  readonly end: (more?: readonly ServiceProcess[]) => Promise<void>;
}

async function startTwo(t: TestContext, settings = MEMBER, filter?: () => Filter): Promise<Two | null> {
  const own = await startOwnKafka(t, filter);
  if (own === null) return null;
  const { place, broker } = own;
  const gate = new Gate(place);
  const script = writeScript(place, 'load', `sleep 0.3; ${gate.after(BEFORE)}`);
  const announcements = new Announcements(place);
  await announcements.files(Array(FILES).fill(script));
  const watch = new RunWatch(t, place, async () => fixtureLoads(place));
  const members = [await startService(t, place, settings), await startService(t, place, settings)];
  await settled(members);
  const [first] = members as [ServiceProcess, ServiceProcess];
  await first.until(() => fixtureLoads(place).size >= 10, 60_000, 'some loads');
  const end = async (more: readonly ServiceProcess[] = []): Promise<void> => {
    gate.open();
    await announcements.files(Array(20).fill(script));
    const { records } = announcements;
    await first.until(() => fixtureLoads(place).size >= records.length, 240_000, 'all files are loaded');
    await allCommitted(place, first);
    const all = [...members, ...more];
    for (const member of all) assert.equal(await member.stop(), 0);
    await watch.close();
    const { repeated } = await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: true });
    const atRisk = all.reduce((sum, member) => sum + loadsAtRiskInRebalances(member), 0);
    t.diagnostic(`${repeated} of ${records.length} loaded again; at risk were ${atRisk}`);
    assert.ok(repeated <= atRisk, `${repeated} loaded again, ${atRisk} at risk`);
  };
  return { place, broker, members, goOn: () => gate.open(), end };
}

/** Until the broker has been away for longer than a session: whoever has something to commit begins no load any more. */
function overdue(members: readonly ServiceProcess[]): Promise<void> {
  const isOverdue = () => members.some((member) => member.events('commit.overdue').length > 0);
  return (members[0] as ServiceProcess).until(isOverdue, 120_000, 'a commit is overdue');
}

test(
  'row 5: with two members, a broker that is away for longer than a session repeats no more than what runs',
  ONLY_FULL,
  async (t) => {
    const two = await startTwo(t);
    if (two === null) return;
    await two.broker.kill();
    two.goOn();
    await overdue(two.members);
    await two.broker.start();
    await two.end();
  },
);

test(
  'row 5: with two members, a broker that is restarted again and again repeats no more than what runs',
  ONLY_FULL,
  async (t) => {
    const two = await startTwo(t);
    if (two === null) return;
    for (let restart = 0; restart < 3; restart += 1) {
      await two.broker.stop();
      two.goOn();
      await two.broker.start();
      await settled(two.members);
    }
    await two.end();
  },
);

test(
  'row 8: with two members, commits that are refused while a third one joins repeat no more than what runs',
  ONLY_FULL,
  async (t) => {
    const errors = new AnswerErrors(REFUSED_COMMIT);
    const two = await startTwo(t, MEMBER, () => errors.filter());
    if (two === null) return;
    errors.answerWith(Array(10_000).fill(NOT_COORDINATOR));
    two.goOn();
    await overdue(two.members);
    const third = spawnService(t, two.place, MEMBER);
    await third.seen('partitions.assigned', 1, 120_000);
    errors.answerWith([]);
    await two.end([third]);
  },
);

test(
  'row 5: what two members have loaded without a broker is committed before a third joins when it is back',
  ONLY_FULL,
  async (t) => {
    const two = await startTwo(t, PATIENT);
    if (two === null) return;
    const third = spawnService(t, two.place, PATIENT);
    await third.seen('service.started', 1, 60_000);
    await two.broker.kill();
    two.goOn();
    await overdue(two.members);
    await two.broker.start();
    await third.seen('partitions.assigned', 1, 240_000);
    await two.end([third]);
    for (const { log } of two.members) {
      const recovered = log.findIndex(({ message }) => message === 'commit.recovered');
      const joined = log.findLastIndex(({ message }) => message === 'partitions.assigned');
      assert.ok(recovered !== -1 && recovered < joined, `line ${recovered} of the commits, line ${joined} of the join`);
    }
  },
);
