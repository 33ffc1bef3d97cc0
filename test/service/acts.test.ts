/** What people change in a service as a process: who may, what it comes to, and that it is noted in log and ledger. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runCli } from '../support/cli.js';
import { createLedgerPlace } from '../support/ledger.js';
import { createScriptedPlace } from '../support/scripted-place.js';
import {
  createPlace,
  type Question,
  type ServiceProcess,
  startService,
  writeScript,
} from '../support/service-process.js';

const DEADLINE_MS = 60_000;
const TOKEN = 'a-token-of-this-test';
const ROUTES: readonly (readonly [path: string, body: object])[] = [
  ['/api/v1/tenants/acme/pause', {}],
  ['/api/v1/tenants/acme/resume', {}],
  ['/api/v1/reload', {}],
  ['/api/v1/scale', { slots: 3 }],
  ['/api/v1/drain', {}],
  ['/api/v1/resume', {}],
  // There are none, and so none is noted.
  ['/api/v1/dead-letters/replay', { file: '*' }],
  ['/api/v1/dead-letters/discard', { file: '*' }],
];

async function statusOf(service: ServiceProcess): Promise<Readonly<Record<string, unknown>>> {
  return (await (await service.ask('/api/v1/status')).json()) as Readonly<Record<string, unknown>>;
}

/** All that anybody can change, and nothing that changes by itself: where the run is, and what brokers say of partitions. */
async function stateOf(service: ServiceProcess): Promise<object> {
  const status = await statusOf(service);
  const { drain, slots, pauses, settings, tenants } = status;
  return { drain, slots, pauses, settings, tenants, acts: service.events('act.done') };
}

describe('what people may change', () => {
  it('stays as it is without the token, with a wrong one, for a page of another site, and by GET', async (t) => {
    const place = await createPlace(t);
    const file = writeScript(place, 'token', TOKEN);
    const service = await startService(t, place, { http: { token_file: file } });
    const authorization = { Authorization: `Bearer ${TOKEN}` };
    const wrong: readonly (readonly [what: string, question: Question, status: number])[] = [
      ['no token', {}, 401],
      ['a wrong token', { headers: { Authorization: 'Bearer another' } }, 401],
      ['a page of another site', { headers: { ...authorization, Origin: 'http://elsewhere.example' } }, 403],
      ['GET', { method: 'GET', headers: authorization }, 405],
      ['a field that is not known', { headers: authorization, body: '{"for":"ever"}' }, 400],
    ];
    const isRead = async () => (await statusOf(service))['state'] === 'running';
    await service.until(isRead, DEADLINE_MS, 'the service reads its partitions');
    const before = await stateOf(service);
    for (const [path, body] of ROUTES) {
      for (const [what, question, status] of wrong) {
        const text = question.method === 'GET' ? {} : { body: JSON.stringify(body) };
        const answer = await service.ask(path, { method: 'POST', ...text, ...question });
        assert.equal(answer.status, status, `${path}: ${what}`);
      }
    }
    assert.deepEqual(await stateOf(service), before);

    for (const [path, body] of ROUTES) {
      const answer = await service.ask(path, { method: 'POST', headers: authorization, body: JSON.stringify(body) });
      assert.equal(answer.status, 200, path);
    }
    await service.seen('act.done', 6, DEADLINE_MS);
    assert.deepEqual(
      service.events('act.done').map(({ act }) => act),
      ['pause', 'resume', 'reload', 'scale', 'drain', 'join'],
    );
    assert.equal(await service.stop(), 0);
  });

  it('is nothing where there is no token', async (t) => {
    const service = await startService(t, await createScriptedPlace(t));
    const before = await stateOf(service);
    for (const [path, body] of ROUTES) {
      const headers = { Authorization: `Bearer ${TOKEN}` };
      const answer = await service.ask(path, { method: 'POST', headers, body: JSON.stringify(body) });
      assert.equal(answer.status, 403, path);
    }
    assert.deepEqual(await stateOf(service), before);
    assert.equal(await service.stop(), 0);
  });

  it('is the number of slots, as the status says, and stands in the ledger with who and why', async (t) => {
    const ledger = await createLedgerPlace(t);
    const place = await createScriptedPlace(t);
    const token = writeScript(place, 'token', TOKEN);
    const { user, password, port } = ledger.clickHouse;
    const service = await startService(t, place, {
      clickhouse: { host: '127.0.0.1', port, user, password, database: ledger.table.database },
      ledger: { enabled: true },
      http: { token_file: token },
      thread_pool_size: 2,
    });
    const change = (...args: readonly string[]) => runCli([...args, '--url', service.http, '--token-file', token]);
    const slots = async () => ((await (await service.ask('/api/v1/status')).json()) as { slots: number }).slots;

    const scaled = await change('scale', '5', '--reason', 'a backlog');
    const words = '5 slots, 2 before; thread_pool_size (2) holds again after a restart\n';
    assert.deepEqual([scaled.code, scaled.stdout, await slots()], [0, words, 5]);
    assert.match(
      (await runCli(['status', '--url', service.http])).stdout,
      /^Slots +0 of 5 busy, nothing waits\n +\S+@\S+ set 5 instead of 2, .* ago: a backlog$/m,
    );
    const refused = await change('scale', '300');
    assert.deepEqual([refused.code, refused.stdout, await slots()], [78, '', 5]);
    assert.match(refused.stderr, /nothing was changed: slots must be a whole number from 1 to 256/);

    const settings = join(place.directory, `${service.clientId}.yaml`);
    writeFileSync(settings, readFileSync(settings, 'utf8').replace(/^thread_pool_size: 2$/m, 'thread_pool_size: 3'));
    assert.equal((await change('reload', '--reason', 'as agreed')).code, 0);
    assert.equal(await slots(), 3);
    assert.equal(await service.stop(), 0);

    const acts = `SELECT act, result, reason, by LIKE '%@%' AS signed FROM ${ledger.table.database}.atd__loads_acts ORDER BY at`;
    assert.deepEqual(await ledger.rows(acts), [
      { act: 'scale', result: '2 -> 5 slots', reason: 'a backlog', signed: 1 },
      { act: 'reload', result: 'changed thread_pool_size', reason: 'as agreed', signed: 1 },
    ]);
  });
});
