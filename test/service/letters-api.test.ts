/** Dead letters over HTTP, of a service as a process: listed, replayed once, discarded, and noted. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { produce } from '../sandbox/topics.js';
import { runCli } from '../support/cli.js';
import { createPlace, startService, writeScript } from '../support/service-process.js';

const DEADLINE_MS = 60_000;

interface Listed {
  readonly partition: number;
  readonly offset: number;
  readonly files: readonly string[];
  readonly handled: { readonly act: string; readonly by: string } | null;
}

describe('the dead letters over HTTP', () => {
  it('are listed, replayed once, discarded, and stand in the log and on the command line as that', async (t) => {
    const place = await createPlace(t);
    const token = writeScript(place, 'token', 'a-token-of-this-test');
    const service = await startService(t, place, { http: { token_file: token } });
    const ask = async (path: string, body?: object) => {
      const headers = { Authorization: 'Bearer a-token-of-this-test' };
      const question = body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) };
      const answer = await service.ask(`/api/v1/dead-letters${path}`, question);
      return { status: answer.status, body: (await answer.json()) as Readonly<Record<string, unknown>> };
    };
    const list = async (query = '') => (await ask(`?${query}`)).body['letters'] as readonly Listed[];
    assert.deepEqual(await list(), []);

    const [bad, worse] = ['bad', 'worse'].map((name) => writeScript(place, name, 'exit 65')) as [string, string];
    const values = [bad, worse].map((filename) => ({ value: JSON.stringify({ filename, tenant: 'acme' }) }));
    await produce(place.kafka.brokers, place.topic, values);
    await service.seen('letter.sent', 2, DEADLINE_MS);
    await service.until(async () => (await list('tenant=acme')).length === 2, DEADLINE_MS, 'both letters are listed');
    const placed = new Map((await list()).map(({ partition, offset, files }) => [files[0], `${partition}/${offset}`]));
    assert.deepEqual([await list('tenant=other'), (await list('limit=1')).length], [[], 1]);
    assert.equal((await ask('?limit=0')).status, 400);

    writeScript(place, 'bad', 'true');
    const by = { by: 'maria', reason: 'it is mended' };
    const replayed = await ask('/replay', { ...by, letters: [placed.get(bad)] });
    assert.deepEqual(replayed, { status: 200, body: { done: [placed.get(bad)], refused: [], handledBefore: 0 } });
    const [loaded] = await service.seen('job.loaded', 1, DEADLINE_MS);
    assert.equal(loaded?.['file'], bad);
    const again = await ask('/replay', { file: bad });
    assert.deepEqual(again.body, { done: [], refused: [], handledBefore: 1 });
    const discarded = await ask('/discard', { ...by, tenant: 'acme' });
    assert.deepEqual(discarded.body, { done: [placed.get(worse)], refused: [], handledBefore: 1 });

    assert.deepEqual(await list(), []);
    const handled = (await list('all=true')).map(({ files, handled: how }) => [files[0], how?.act, how?.by]);
    assert.deepEqual(handled.sort(), [
      [bad, 'replayed', 'maria'],
      [worse, 'discarded', 'maria'],
    ]);
    const acts = (await service.seen('act.done', 2, DEADLINE_MS)).map(({ act, subject, result }) => [
      act,
      subject,
      result,
    ]);
    assert.deepEqual(acts, [
      ['replay', placed.get(bad), '1 of 1'],
      ['discard', placed.get(worse), '1 of 2'],
    ]);
    const shown = await runCli(['dead-letters', '--all', '--json'], {
      ATD_KAFKA_BOOTSTRAP_SERVERS: place.kafka.brokers.join(','),
      ATD_KAFKA_TOPIC: place.topic,
    });
    assert.deepEqual([shown.code, shown.stdout.trim().split('\n').length], [0, 2]);
    assert.equal(await service.stop(), 0);
    assert.equal(service.events('job.loaded').length, 1);
  });
});
