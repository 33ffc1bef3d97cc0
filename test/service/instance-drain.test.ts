/** `atd-ingestion drain` and `resume` of one instance, as a process: out of the group and up, until it is resumed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { produce } from '../sandbox/topics.js';
import { runCli } from '../support/cli.js';
import { Gate } from '../support/gate.js';
import { createPlace, type Place, readLedger, startService, writeScript } from '../support/service-process.js';

const DEADLINE_MS = 60_000;

async function membersOf({ kafka, group }: Place): Promise<number> {
  const admin = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const { groups } = await admin.describeGroups([group]);
    return groups[0]?.members.length ?? 0;
  } finally {
    await admin.disconnect();
  }
}

async function announce(place: Place, filename: string): Promise<void> {
  await produce(place.kafka.brokers, place.topic, [{ value: JSON.stringify({ filename }) }]);
}

describe('an instance that is drained', () => {
  it('finishes what runs, leaves the group to others, stays up, and joins again when it is resumed', async (t) => {
    const place = await createPlace(t);
    const token = writeScript(place, 'token', 'a-token-of-this-test');
    const service = await startService(t, place, { http: { token_file: token } });
    const change = (...args: readonly string[]) => runCli([...args, '--url', service.http, '--token-file', token]);
    const probe = async (path: string) => (await service.ask(path)).text();
    const gate = new Gate(place);
    await announce(place, writeScript(place, 'first', gate.after(0)));
    await service.seen('job.started', 1, DEADLINE_MS);

    const ordered = await change('drain', '--reason', 'a new disk');
    assert.deepEqual([ordered.code, ordered.stderr], [0, '']);
    assert.match(ordered.stdout, /^what runs is finished; then the instance leaves its group and stays up/);
    assert.match(await probe('/readyz'), /^being drained by \S+@\S+: a new disk$/m);
    await announce(place, writeScript(place, 'second', 'true'));
    const waited = change('drain', '--wait', '--json');
    await service.seen('act.done', 2, DEADLINE_MS);
    assert.equal(service.events('instance.drained').length, 0);
    gate.open();
    const { code, stdout } = await waited;
    assert.deepEqual([code, JSON.parse(stdout).state], [0, 'draining']);

    assert.deepEqual([await membersOf(place), service.events('job.started').length], [0, 1]);
    assert.match(await probe('/readyz'), /^drained by \S+@\S+$/m);
    assert.equal(await probe('/livez'), 'ok\n');
    const shown = await runCli(['status', '--url', service.http]);
    assert.match(shown.stdout, /^State +is drained: it has left the group, and reads nothing until somebody/m);

    const other = await startService(t, place);
    await other.seen('job.loaded', 1, DEADLINE_MS);
    assert.equal(await other.stop(), 0);
    await announce(place, writeScript(place, 'third', 'true'));
    const resumed = await change('resume');
    assert.deepEqual([resumed.code, resumed.stdout], [0, 'the instance joins its group again\n']);
    await service.seen('job.loaded', 2, DEADLINE_MS);
    assert.equal((await service.ask('/readyz')).status, 200);
    assert.match((await change('resume')).stdout, /^nothing was to be done: the instance is not drained/);

    const acts = (await service.seen('act.done', 3, DEADLINE_MS)).map(({ act, by, reason }) => [
      act,
      String(by).includes('@'),
      reason,
    ]);
    assert.deepEqual(acts, [
      ['drain', true, 'a new disk'],
      ['drain', true, ''],
      ['join', true, ''],
    ]);
    assert.equal(await service.stop(), 0);
    const starts = readLedger(place).filter(({ what }) => what === 'start');
    assert.equal(starts.length, 3);
  });

  it('leaves and joins with the topic of what was set aside, too, and stops in order out of the group', async (t) => {
    const place = await createPlace(t);
    const token = writeScript(place, 'token', 'a-token-of-this-test');
    const settings = { http: { token_file: token }, tenants: { set_aside: 'topic' } };
    const service = await startService(t, place, settings);
    const change = (...args: readonly string[]) => runCli([...args, '--url', service.http, '--token-file', token]);
    assert.equal((await change('drain', '--wait')).code, 0);
    assert.equal(await membersOf(place), 0);
    assert.equal((await change('resume')).code, 0);
    await announce(place, writeScript(place, 'first', 'true'));
    await service.seen('job.loaded', 1, DEADLINE_MS);
    const drain = () => change('drain', '--wait');
    const drained = await drain();
    assert.deepEqual([drained.code, drained.stderr], [0, '']);
    assert.match(drained.stdout, /\nthe instance has left its group; `atd-ingestion resume` ends that\n$/);
    assert.match((await drain()).stdout, /^the instance has left its group; .*\n$/);
    assert.equal(await service.stop(), 0);
  });
});
