import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sinceOf } from '../../lib/cli/letters/choice.js';
import { Groups, renderLetter, renderWhole } from '../../lib/cli/letters/letter-view.js';
import { letterMessage } from '../../lib/kafka/letter-message.js';
import { toRecord } from '../../lib/kafka/shapes.js';
import { groupOf, isNarrow, isWanted, type Letter, letterOf } from '../../lib/letters/letter.js';
import { record } from '../support/engine.js';

const FORM = { headers: 'all', value: 'whole', key: 'own', diagnosis: 'full', time: 'now' } as const;
const SENT = Date.UTC(2026, 10, 28, 5, 12, 33, 456);

/** A letter as the service sends it and the topic gives it back. */
function letter(
  changes: Partial<Parameters<typeof letterMessage>[0]> = {},
  value: unknown = { filename: '/data/a.csv', tenant: ' Acme ' },
): Letter {
  const given = {
    record: { ...record(7), value: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)) },
    disposition: 'permanent-failure' as const,
    reason: 'as-cli ended with exit code 65: /data/a.csv, row 12: no number',
    files: ['/data/a.csv'],
    attempts: 1,
    exitCode: 65,
    signal: null,
    stderrTail: 'reading\nError: row 12',
    firstFailedAt: SENT,
    ...changes,
  };
  const message = letterMessage(given, 'group', FORM, SENT);
  const found = letterOf(toRecord('files.dlq', 3, { ...message, offset: '1204' } as never));
  assert.ok(found !== null);
  return found;
}

describe('a dead letter', () => {
  it('is read as it was sent', () => {
    const { stderrTail, ...rest } = letter();
    assert.deepEqual(rest, {
      partition: 3,
      offset: 1204,
      sentAt: SENT,
      source: 'files/0/7',
      timestamp: record(7).timestamp,
      tenant: 'acme',
      disposition: 'permanent-failure',
      reason: 'as-cli ended with exit code 65: /data/a.csv, row 12: no number',
      files: ['/data/a.csv'],
      attempts: 1,
      exitCode: 65,
      signal: null,
      replayCount: 0,
    });
    assert.match(stderrTail, /Error: row 12/);
  });

  it('has no tenant where none is named, and where the message cannot be read', () => {
    assert.equal(letter({}, { filename: '/data/a.csv' }).tenant, null);
    assert.equal(letter({ files: [], exitCode: null, signal: 'SIGKILL' }, '{').tenant, null);
    assert.deepEqual(
      [letter({ exitCode: null, signal: 'SIGKILL' }).exitCode, letter({ signal: 'SIGKILL' }).signal],
      [null, 'SIGKILL'],
    );
  });

  it('is no message of somebody else', () => {
    assert.equal(letterOf(record(1)), null);
  });

  it('is chosen by nothing where the only filter is an empty reason', () => {
    const none = { tenant: null, disposition: null, file: null };
    assert.deepEqual([isNarrow({ ...none, reason: '' }), isNarrow(none)], [false, false]);
    assert.deepEqual([isNarrow({ ...none, reason: 'x' }), isNarrow({ ...none, tenant: '' })], [true, true]);
  });

  const FILTERS: readonly (readonly [filter: Partial<Parameters<typeof isWanted>[1]>, wanted: boolean])[] = [
    [{}, true],
    [{ tenant: 'ACME' }, true],
    [{ tenant: 'acm' }, false],
    [{ tenant: '' }, false],
    [{ disposition: 'permanent-failure' }, true],
    [{ disposition: 'file-missing' }, false],
    [{ file: '/data/a.csv' }, true],
    [{ file: '*.csv' }, true],
    [{ file: '/data/?.csv' }, true],
    [{ file: '/data/a?csv' }, true],
    [{ file: 'a.csv' }, false],
    [{ file: '/data/[a].csv' }, false],
    [{ file: '/data/a(.csv' }, false],
    [{ tenant: 'acme', file: '*.parquet' }, false],
  ];
  for (const [filter, wanted] of FILTERS) {
    it(`is ${wanted ? '' : 'not '}wanted by ${JSON.stringify(filter)}`, () => {
      assert.equal(isWanted(letter(), { tenant: null, disposition: null, file: null, ...filter }), wanted);
    });
  }

  it('is of one reason with others that name another file and another number', () => {
    const other = letter({
      files: ['/data/b.csv'],
      reason: 'as-cli ended with exit code 65: /data/b.csv, row 7: no number',
    });
    assert.deepEqual(groupOf(letter(), 'reason'), groupOf(other, 'reason'));
    assert.deepEqual(groupOf(letter({ files: ['/a', '/b'] }), 'file'), ['/a', '/b']);
    assert.deepEqual(groupOf(letter({}, '{'), 'tenant'), ['(none)']);
  });

  for (const columns of [40, 60, 120]) {
    it(`fits ${columns} columns, in the list and whole`, () => {
      const long = letter({ files: [`/data/${'very-long/'.repeat(20)}a.csv`], reason: 'many words '.repeat(30) });
      const message = {
        key: 'k'.repeat(300),
        headers: [['name', 'v'.repeat(300)]] as const,
        value: 'x'.repeat(300),
        bytes: 300,
      };
      const lines = [...renderLetter(long, columns).split('\n'), ...renderWhole(long, message, columns).split('\n')];
      const heads = lines.filter((line) => line.startsWith('3/1204'));
      assert.equal(heads.length, 2);
      assert.deepEqual(
        lines.filter((line) => line.length > columns && !heads.includes(line)),
        [],
      );
    });
  }

  it('stands in the list with its place, time, tenant, disposition, files and reason', () => {
    assert.equal(
      renderLetter(letter(), 100),
      '3/1204  2026-11-28 05:12:33Z  acme  permanent-failure\n  /data/a.csv\n  as-cli ended with exit code 65: /data/a.csv, row 12: no number\n',
    );
  });

  it('lets nobody colour or move by what he wrote', () => {
    const message = {
      key: '\u001b[2J',
      headers: [['\u001b]0;x\u0007', '\u009b']] as const,
      value: '\u001b[31m',
      bytes: 5,
    };
    const text = renderWhole(letter({ reason: 'a\u001b[31mb', files: ['/\u0007'] }), message, 100);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    assert.ok(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(text));
  });
});

describe('groups of dead letters', () => {
  it('begin with the largest, and end with their lines where the terminal does', () => {
    const groups = new Groups('disposition');
    for (const disposition of ['file-missing', 'permanent-failure', 'permanent-failure'] as const)
      groups.add(letter({ disposition }));
    assert.deepEqual(
      groups.all().map(([name, { letters }]) => [name, letters]),
      [
        ['permanent-failure', 2],
        ['file-missing', 1],
      ],
    );
    const lines = groups.render(40).split('\n');
    assert.match(lines[0] ?? '', /^Letters {2}Latest +Disposit…$/);
    assert.match(lines[1] ?? '', /^ +2 {2}2026-11-28 05:12:33Z {2}permanen…$/);
  });
});

describe('--since', () => {
  const NOW = Date.UTC(2026, 10, 28, 12);
  const CASES: readonly (readonly [text: string, ms: number])[] = [
    ['90s', NOW - 90_000],
    ['30m', NOW - 1_800_000],
    ['1.5h', NOW - 5_400_000],
    ['2d', NOW - 172_800_000],
    ['2026-11-28T05:00:00Z', Date.UTC(2026, 10, 28, 5)],
  ];
  for (const [text, ms] of CASES) it(`${text} is a time`, () => assert.equal(sinceOf(text, NOW), ms));

  it('is all of it where it is not said, and refuses what is neither span nor time', () => {
    assert.equal(sinceOf(undefined, NOW), null);
    assert.throws(() => sinceOf('yesterday-ish', NOW), /neither a span \(90s/);
  });
});
