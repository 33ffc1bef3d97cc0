/** Who reads what: members that come and go, and members of two versions in one group. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withAdmin } from '../sandbox/kafka-admin.js';
import { waitUntil } from '../support/processes.js';
import { createPlace, type Place, type ServiceProcess, startService } from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { buildEarlier } from './earlier-build.js';
import { allCommitted, closeBooks, RunWatch } from './ledger.js';
import { crash, SETTLED_MS, settled } from './members.js';
import { createTables } from './rows.js';
import { skipOnMock } from './seed.js';

/** With the session that is the default: a member that a busy machine holds up is not to be taken for one that left. */
const SETTINGS = { thread_pool_size: 2 };
const ONE_AT_A_TIME = 'lets a second member wait until the session of the first one expires';

function assertWithin(inner: readonly number[] | undefined, outer: readonly number[] | undefined): void {
  assert.ok(
    inner?.every((partition) => outer?.includes(partition)),
    `${inner} is not within ${outer}`,
  );
}

test('row 51: a member that comes or goes moves only what it is to have, or had', async (t) => {
  if (skipOnMock(t, ONE_AT_A_TIME)) return;
  const place = await createPlace(t);
  const members = [await startService(t, place, SETTINGS)];
  let before = await settled(members);
  for (const sizes of [
    [2, 2],
    [1, 1, 2],
  ]) {
    members.push(await startService(t, place, SETTINGS));
    const now = await settled(members);
    assert.deepEqual(now.map(({ length }) => length).sort(), sizes);
    for (const [index, share] of before.entries()) assertWithin(now[index], share);
    before = now;
  }
  for (const leave of [(member: ServiceProcess) => member.stop(), (member: ServiceProcess) => crash(place, member)]) {
    await leave(members.shift() as ServiceProcess);
    const now = await settled(members);
    for (const [index, share] of before.slice(1).entries()) assertWithin(share, now[index]);
    before = now;
  }
  assert.equal(await members[0]?.stop(), 0);
});

/** The last commit whose members offer the client's round robin alone. */
const ROUND_ROBIN_ALONE = '4251fa9620fb18df6a45915a3c150fa3802f34da';
const FILES_PER_STEP = 16;

/** How the group shares out its partitions, once it does. */
async function protocolOf({ kafka, group }: Place): Promise<string> {
  const ask = async () => {
    const { groups } = await withAdmin(kafka.brokers, (admin) => admin.describeGroups([group]));
    return groups[0]?.protocol ?? '';
  };
  let protocol = '';
  const isKnown = async () => {
    protocol = await ask();
    return protocol !== '';
  };
  await waitUntil(isKnown, SETTLED_MS, 'the group has a protocol');
  return protocol;
}

test('row 52: an upgrade and a rollback of two instances, one at a time, lose nothing and double nothing', async (t) => {
  if (skipOnMock(t, ONE_AT_A_TIME)) return;
  const earlier = buildEarlier(t, ROUND_ROBIN_ALONE);
  if (earlier === null) return;
  const place = await createPlace(t);
  const tables = await createTables(t, place);
  const current = undefined;
  const steps = [
    { replacement: current, protocol: 'RoundRobinAssigner' },
    { replacement: current, protocol: 'atd-sticky-1' },
    { replacement: earlier, protocol: 'RoundRobinAssigner' },
    { replacement: earlier, protocol: 'RoundRobinAssigner' },
  ];
  const samples = tables.writeSamples(FILES_PER_STEP * (steps.length + 1));
  const announcements = new Announcements(place);
  const announce = () => announcements.files(samples.splice(0, FILES_PER_STEP), { tenant: 'rolling' });
  const loads = () => tables.loads('rolling', announcements.records);
  await announce();
  const watch = new RunWatch(t, place, loads);
  const start = (main: string | undefined) => startService(t, place, { ...SETTINGS, ...tables.settings }, {}, main);
  const all = [await start(earlier), await start(earlier)];
  for (const { replacement, protocol } of steps) {
    await announce();
    assert.equal(await all.at(-2)?.stop(), 0);
    all.push(await start(replacement));
    await settled(all.slice(-2));
    assert.equal(await protocolOf(place), protocol);
  }
  const { records } = announcements;
  await all.at(-1)?.until(async () => (await loads()).size >= records.length, 120_000, 'all files are loaded');
  await allCommitted(place, all.at(-1) as ServiceProcess);
  for (const member of all.slice(-2)) assert.equal(await member.stop(), 0);
  await watch.close();
  await closeBooks({ place, records, loads: await loads(), mayRepeat: false });
  const rows = records.length * tables.rowsPerFile;
  assert.deepEqual(await tables.counts('rolling'), [{ rows, ids: rows }]);
  const refusals = all.flatMap(({ log }) => log).filter((line) => /inconsistent/i.test(JSON.stringify(line)));
  assert.deepEqual(refusals, []);
});
