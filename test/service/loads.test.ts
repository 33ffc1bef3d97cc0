/** What a service tells of its loads without a ledger: the last ones, by HTTP. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Load } from '../../lib/ledger/load.js';
import { runCli } from '../support/cli.js';
import { announce, createScriptedPlace } from '../support/scripted-place.js';
import { startService, writeScript } from '../support/service-process.js';

const DEADLINE_MS = 60_000;

describe('GET /api/v1/loads', () => {
  it('has what was loaded, given up and skipped, by what is asked for, and one of them with its attempts', async (t) => {
    const place = await createScriptedPlace(t);
    const good = writeScript(place, 'good', 'exit 0');
    const bad = writeScript(place, 'bad', 'echo "row 3 is no number" >&2; exit 1');
    announce(place, good, bad, 'no-absolute-path');
    const service = await startService(t, place);
    const get = async (path: string) => {
      const answer = await service.ask(`/api/v1/loads${path}`);
      return { status: answer.status, body: (await answer.json()) as { loads: Load[]; rows: Load[]; error: string } };
    };
    await service.seen('letter.sent', 2, DEADLINE_MS);
    await service.seen('job.loaded', 1, DEADLINE_MS);
    const { loads } = (await get('')).body;
    const found = loads.map(({ path, status, disposition }) => [path, status, disposition]);
    assert.deepEqual(
      found.sort(),
      [
        [bad, 'given-up', 'attempts-exhausted'],
        [good, 'loaded', null],
        ['no-absolute-path', 'skipped', 'path-denied'],
      ].sort(),
    );
    const given = loads.find(({ status }) => status === 'given-up') as Load;
    assert.match(given.reason, /row 3 is no number/);
    assert.deepEqual((await get(`?file=*/good&status=loaded&since=${given.takenAt - 60_000}`)).body.loads.length, 1);
    const { rows } = (await get(`/${given.loadId}`)).body;
    assert.deepEqual(
      rows.map(({ status, attempt }) => [status, attempt]),
      [
        ['failed', 1],
        ['failed', 2],
        ['given-up', 2],
      ],
    );
    assert.deepEqual(await get('?status=loded'), {
      status: 400,
      body: { error: 'status loded is not known; did you mean loaded?' },
    });
    const unknown = '00000000-0000-8000-8000-000000000000';
    assert.equal((await get(`/${unknown}`)).status, 404);

    const ask = (...args: readonly string[]) => runCli(['loads', ...args, '--url', service.http]);
    const list = await ask('--status', 'given-up', '--since', '1h');
    assert.deepEqual([list.code, list.stderr], [0, '']);
    assert.match(list.stdout, /^given-up .*attempts-exhausted, .*attempt 2/);
    assert.match(list.stdout, /\n1 load in the last 1,000 that http:\S+ knows\n$/);
    const groups = await ask('--status', 'failed', '--group-by', 'reason', '--json');
    assert.deepEqual([JSON.parse(groups.stdout).loads, groups.code], [2, 0]);
    const shown = await ask('show', given.loadId, '--json');
    assert.deepEqual(
      shown.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
      rows,
    );
    assert.equal((await ask('--tenant', 'nobody')).stdout, `0 loads in the last 1,000 that ${service.http} knows\n`);
    const missing = await ask('show', unknown);
    assert.deepEqual([missing.code, missing.stdout], [64, '']);
    assert.equal(await service.stop(), 0);
    assert.equal((await ask()).code, 2);
  });
});
