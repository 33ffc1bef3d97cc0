/** `atd-ingestion loads`: what its options ask for, and how the answers read. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { choiceOf, loadIdIn } from '../../../lib/cli/loads/choice.js';
import { renderGroups, renderLoad, renderRows } from '../../../lib/cli/loads/loads-view.js';
import type { Load } from '../../../lib/ledger/load.js';
import { ANY_LOAD } from '../../../lib/ledger/load-filter.js';
import { LOAD } from '../../support/ledger.js';

const PLAIN = { columns: 60, colours: false };
const GIVEN_UP: Load = {
  ...{ ...LOAD, status: 'given-up', disposition: 'permanent-failure', attempt: 2, exitCode: 65, result: 'failed' },
  ...{ rows: null, bytes: null, path: `/srv/export/${'deep/'.repeat(12)}orders.csv` },
  reason: 'exit code 65: row 3, column price: "1,5" is no Float64 \u001b[31mred',
};

describe('loads in a terminal', () => {
  it('are a line of what each is, its file, its reason and its id', () => {
    assert.equal(
      renderLoad({ ...LOAD, rows: 1_000, bytes: 1_258_291 }, PLAIN),
      `loaded      2026-11-18 11:06:40Z  acme 1,000 rows, 1.2 MiB,
                                  0.1 s
  /in/5
  19655eca-001f-8b58-94f8-3fb90862ab6b
`,
    );
  });

  it('fit into 60 columns and have no control character but those of colours', () => {
    for (const load of [LOAD, GIVEN_UP, { ...LOAD, tenant: null, path: '', startedAt: null, announcedAt: null }]) {
      for (const text of [renderLoad(load, PLAIN), renderRows([load, load], PLAIN)]) {
        for (const line of text.split('\n')) assert.ok(line.length <= 60, line);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
        assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f]/);
      }
    }
    const flat = (load: Load) => renderLoad(load, PLAIN).replaceAll(/\s+/g, ' ');
    assert.ok(flat(GIVEN_UP).includes('Z acme permanent-failure, 0.1 s, attempt 2, exit code 65'), flat(GIVEN_UP));
    const coloured = (load: Load) => renderLoad(load, { ...PLAIN, colours: true });
    assert.ok(coloured(GIVEN_UP).startsWith('\u001b[31mgiven-up\u001b[0m    2026'));
    assert.ok(coloured(LOAD).startsWith('\u001b[32mloaded\u001b[0m      2026'));
  });

  it('show each attempt of one, and where it was announced', () => {
    const text = renderRows([{ ...GIVEN_UP, status: 'failed', attempt: 1, disposition: null }, GIVEN_UP], PLAIN);
    assert.match(text, /^19655eca-001f-8b58-94f8-3fb90862ab6b\n/);
    for (const part of [
      'table atd_acme, tenant acme',
      'message files/0/5, file 0',
      'token files/0/5/0@1700000000000',
    ]) {
      assert.ok(text.includes(part), part);
    }
    assert.match(text, /^failed .*\n(?: .*\n)* +by host\/1, version 1\.2\.3, loader bundled\ngiven-up /m);
    const flat = text.replaceAll(/\s+/g, ' ');
    for (const part of [
      ...['started 2026-11-18 11:06:40Z', 'file of 4.0 KiB, last written 2026-11-18 11:06:39Z'],
      ...['the loader used 0.31 s of CPU, at most 64.0 MiB of memory', 'query 3f6d9c1e-7a52-4b8e-9d41-0c2b5a6e7f80'],
    ]) {
      assert.ok(flat.includes(part), `${part}: ${flat}`);
    }
    const older = { ...LOAD, size: null, modifiedAt: null, cpuMs: null, peakMemory: null, queryId: null, loader: '' };
    assert.match(renderRows([older], PLAIN), /\n {2}by host\/1, version 1\.2\.3, loader not noted\n$/);
    assert.doesNotMatch(renderRows([older], PLAIN), /the loader used|file of|query/);
    const failed = { ...GIVEN_UP, stderr: 'first | second' };
    assert.ok(renderRows([failed], PLAIN).includes('\n  stderr: first | second\n'));
    assert.equal(renderRows([], PLAIN), '');
  });

  it('are counted by what they have in common', () => {
    const groups = [{ name: `FILE: ${'x'.repeat(80)}`, loads: 1_200, latestAt: 0 }];
    const [title, row] = renderGroups(groups, 'reason', PLAIN).split('\n');
    assert.equal(title, 'Loads  Latest                Reason');
    assert.match(row ?? '', /^1,200 {2}1970-01-01 00:00:00Z {2}FILE: x+…$/);
    assert.equal(row?.length, 60);
  });
});

describe('the options of loads', () => {
  it('are a span or a time, and what else chooses loads', () => {
    const now = 10 * 3_600_000;
    const { query, groupBy } = choiceOf({ since: '1h', tenant: 'acme', 'group-by': 'reason', limit: '5' }, now);
    assert.deepEqual(query.filter, { ...ANY_LOAD, since: now - 3_600_000, tenant: 'acme' });
    assert.deepEqual([query.limit, groupBy], [5, 'reason']);
    assert.equal(choiceOf({ since: '99d' }, now).query.filter.since, 0);
    assert.equal(choiceOf({ since: '1970-01-01T01:00:00Z' }, now).query.filter.since, 3_600_000);
    assert.deepEqual(choiceOf({}, now), {
      query: { filter: ANY_LOAD, limit: 100 },
      groupBy: null,
    });
  });

  for (const [values, message] of [
    [
      { since: 'yesterday' },
      '--since yesterday is no time, such as 2026-11-28T05:00:00Z, and no span, such as 90s, 30m, 1h or 2d',
    ],
    [{ status: 'givenup' }, '--status givenup is not known; did you mean given-up?'],
    [{ limit: '0' }, '--limit 0 is no number from 1 on'],
    [{ 'group-by': 'reasons' }, '--group-by reasons is not known; did you mean reason?'],
    [{ 'group-by': 'x' }, '--group-by x is not known; one of reason, status, tenant, disposition, table'],
  ] as const) {
    it(`are refused by what is wrong: ${Object.entries(values).flat().join(' ')}`, () => {
      assert.throws(() => choiceOf(values, 0), { code: 'ATD_USAGE', message });
    });
  }

  it('name one load by its id', () => {
    assert.equal(loadIdIn(LOAD.loadId.toUpperCase()), LOAD.loadId);
    for (const text of [undefined, '', '7', `${LOAD.loadId}0`])
      assert.throws(() => loadIdIn(text), { code: 'ATD_USAGE' });
  });
});
