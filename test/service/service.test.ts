/** The whole service as a process, against a broker that does what a test tells it: what it does needs no Kafka to be seen. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CODES } from '../support/kafka-requests.js';
import { isAlive, waitUntil } from '../support/processes.js';
import { announce, createScriptedPlace } from '../support/scripted-place.js';
import {
  readLedger,
  type ServiceProcess,
  spawnService,
  startService,
  writeScript,
} from '../support/service-process.js';

const DEADLINE_MS = 60_000;

async function ask(service: ServiceProcess, path: string): Promise<{ readonly status: number; readonly body: string }> {
  const answer = await service.ask(path);
  return { status: answer.status, body: await answer.text() };
}

describe('the service', () => {
  it('loads what is announced, shows what it does, commits it, and leaves in order', async (t) => {
    const place = await createScriptedPlace(t);
    const { broker } = place;
    announce(place, writeScript(place, 'load', 'echo loading; exit 0'));
    const service = await startService(t, place);
    await service.seen('job.loaded', 1, DEADLINE_MS);
    // The first commit may be that of the start.
    await waitUntil(() => broker.committed.get(0)?.offset === 1, DEADLINE_MS, 'the commit of the load');
    assert.deepEqual(
      service.events('child.line').map(({ stream, text }) => [stream, text]),
      [['stdout', 'loading']],
    );
    assert.deepEqual(await ask(service, '/livez'), { status: 200, body: 'ok\n' });
    assert.deepEqual(await ask(service, '/readyz'), { status: 200, body: 'ok\n' });
    const { version, launcher, state } = JSON.parse((await ask(service, '/api/status')).body);
    assert.deepEqual([typeof version, typeof launcher, state], ['string', 'string', 'running']);
    assert.match((await ask(service, '/metrics')).body, /^atd_jobs_total\{tenant="none",outcome="succeeded"\} 1$/m);
    assert.equal(await service.stop(), 0);
    assert.equal(broker.seen('LeaveGroup').length, 1);
  });

  it('is not ready before it has joined its group', async (t) => {
    const place = await createScriptedPlace(t);
    const release = place.broker.hold('JoinGroup');
    const service = spawnService(t, place);
    await service.seen('service.started', 1, DEADLINE_MS);
    await place.broker.until('JoinGroup', 1);
    assert.deepEqual(await ask(service, '/livez'), { status: 200, body: 'ok\n' });
    const { status, body } = await ask(service, '/readyz');
    assert.deepEqual([status, body.includes('the consumer has not joined its group yet\n')], [503, true]);
    release();
    await service.seen('partitions.assigned', 1, DEADLINE_MS);
    assert.equal(await service.stop(), 0);
  });

  it('begins where the setting says when its group has committed nothing', async (t) => {
    for (const [reset, loaded] of [
      ['earliest', 1],
      ['latest', 0],
    ] as const) {
      const place = await createScriptedPlace(t);
      announce(place, writeScript(place, 'load', 'exit 0'));
      const service = await startService(t, place, { kafka: { auto_offset_reset: reset } });
      if (loaded > 0) await service.seen('job.loaded', loaded, DEADLINE_MS);
      await waitUntil(() => place.broker.committed.get(0)?.offset === 1, DEADLINE_MS, 'the commit of where it is');
      assert.equal(service.events('job.loaded').length, loaded);
      assert.equal(await service.stop(), 0);
    }
  });

  it('takes the exit codes of the loader as the settings say', async (t) => {
    const place = await createScriptedPlace(t);
    const [away, broken] = [writeScript(place, 'away', 'exit 7'), writeScript(place, 'broken', 'exit 9')];
    announce(place, broken, away);
    const service = await startService(t, place, {
      service: { retry: { permanent_exit_codes: [9] }, circuit_breaker: { exit_codes: [7] } },
    });
    const results = () => new Map(service.events('job.ended').map(({ file, result }) => [file, result]));
    await service.until(() => results().size === 2, DEADLINE_MS, 'both have ended');
    assert.deepEqual([results().get(away), results().get(broken)], ['sink-unavailable', 'failed']);
    const [letter] = await service.seen('letter.sent', 1, DEADLINE_MS);
    assert.deepEqual([letter?.['record'], letter?.['disposition']], ['files/0/0', 'permanent-failure']);
    assert.equal(await service.stop(), 0);
  });
});

describe('a message that cannot be loaded', () => {
  for (const [where, settings, topic] of [
    ['the topic named after its own', {}, 'files.dlq'],
    ['the topic that is set', { topic: 'letters' }, 'letters'],
  ] as const) {
    it(`goes to ${where}, which is made, and is committed when that is acknowledged`, async (t) => {
      const place = await createScriptedPlace(t);
      const { broker } = place;
      broker.topics.append(place.topic, 0, ['no json']);
      const release = broker.hold('Produce');
      const service = await startService(t, place, { service: { dead_letter: settings } });
      await broker.until('Produce', 1);
      assert.equal(broker.committed.get(0)?.offset ?? 0, 0);
      release();
      await waitUntil(() => broker.committed.get(0)?.offset === 1, DEADLINE_MS, 'the commit');
      assert.deepEqual(
        broker.seen('Produce').map((letter) => letter.topic),
        [topic],
      );
      assert.deepEqual(
        broker.seen('CreateTopics').map((made) => made.topic),
        [topic],
      );
      assert.equal(await service.stop(), 0);
    });
  }

  it('is not passed where its topic is missing and not to be made', async (t) => {
    const place = await createScriptedPlace(t, { createsTopics: true });
    const { broker } = place;
    broker.topics.append(place.topic, 0, ['no json']);
    const service = await startService(t, place, { service: { dead_letter: { create_topic: false } } });
    await service.seen('letter.refused', 1, DEADLINE_MS);
    assert.deepEqual([broker.topics.names, broker.committed.get(0)?.offset ?? 0], [[place.topic], 0]);
    assert.equal(await service.stop(), 0);
  });
});

describe('the end of the service', () => {
  it('is not held up by a broker that does not say good-bye', async (t) => {
    const place = await createScriptedPlace(t);
    const service = await startService(t, place);
    place.broker.hold('LeaveGroup');
    assert.equal(await service.stop(), 0);
    assert.deepEqual(service.events('drain.overrun'), []);
  });

  it('asks to be tried again when the deadline of the stop passes and only a commit was not answered', async (t) => {
    const place = await createScriptedPlace(t);
    const gate = join(place.directory, 'gate');
    announce(place, writeScript(place, 'load', `until [ -e '${gate}' ]; do sleep 0.1; done`));
    const settings = { as_cli: { grace: 0.1 }, service: { shutdown: { deadline_seconds: 1 } } };
    const service = await startService(t, place, settings);
    await service.seen('child.started', 1, DEADLINE_MS);
    place.broker.hold('OffsetCommit');
    writeFileSync(gate, '');
    await service.seen('job.loaded', 1, DEADLINE_MS);
    assert.equal(await service.stop(), 75);
    assert.deepEqual([service.events('drain.overrun').length, service.events('drain.done').length], [1, 0]);
  });

  it('comes when the client gives its consumer up, and no child survives it', async (t) => {
    const place = await createScriptedPlace(t);
    announce(place, writeScript(place, 'long', 'sleep 600'));
    const service = await startService(t, place);
    const [started] = await service.seen('child.started', 1, DEADLINE_MS);
    place.broker.refuse('Fetch', [CODES.CLUSTER_AUTHORIZATION_FAILED]);
    assert.equal(await service.exited, 1);
    assert.equal(service.events('kafka.failed').length, 1);
    await waitUntil(() => !isAlive(started?.['pid'] as number), DEADLINE_MS, 'the child to be dead');
  });

  it('that was asked for is not undone by a client that wants to start again', async (t) => {
    const place = await createScriptedPlace(t);
    const { broker } = place;
    const service = await startService(t, place);
    // What the consumer is about to read is an error that the client would start again after.
    const release = broker.hold('Fetch');
    await broker.until('Fetch', broker.seen('Fetch').length + 1);
    broker.refuse('Fetch', Array(99).fill(CODES.CORRUPT_MESSAGE));
    const joins = broker.seen('JoinGroup').length;
    const stopped = service.stop();
    await service.seen('drain.done', 1, DEADLINE_MS);
    release();
    assert.equal(await stopped, 0);
    assert.equal(broker.seen('JoinGroup').length, joins);
    assert.deepEqual(service.events('kafka.restarting'), []);
  });

  it('is asked for once, however often the signal comes: the second one only ends what runs', async (t) => {
    const place = await createScriptedPlace(t);
    announce(place, writeScript(place, 'long', 'sleep 600'));
    const service = await startService(t, place);
    await service.seen('child.started', 1, DEADLINE_MS);
    service.signal('SIGTERM');
    await service.seen('drain.begun', 1, DEADLINE_MS);
    service.signal('SIGTERM');
    assert.equal(await service.exited, 0);
    assert.equal(service.events('service.stopping').length, 1);
    assert.deepEqual(
      readLedger(place).filter(({ what }) => what === 'end'),
      [],
      'the load was ended, and is left to whoever reads its message next',
    );
  });
});
