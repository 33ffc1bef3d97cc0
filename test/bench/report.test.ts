import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Failure, Finding } from './findings.js';
import { renderNotes, renderTable, toJson } from './report.js';

const FINDINGS: readonly (Finding | Failure)[] = [
  {
    kind: 'measured',
    row: 'launch',
    measured: 'children in 4 slots',
    unit: '/s',
    yardstick: 'xargs -P4',
    goal: { of: 'ratio', bound: 'at least', value: 0.8 },
    rounds: [{ ours: 1_234.4, yardstick: 1_543 }],
  },
  {
    kind: 'measured',
    row: 'memory',
    measured: 'growth',
    unit: 'MB',
    yardstick: null,
    goal: { of: 'ours', bound: 'at most', value: 10 },
    rounds: [{ ours: 12.34, yardstick: null }],
    note: 'most are tombstones',
  },
  {
    kind: 'not-available',
    row: 'warm',
    measured: 'small files',
    unit: 'files/s',
    yardstick: 'a process each',
    goal: { of: 'ratio', bound: 'at least', value: 10 },
    reason: 'there is no such setting',
  },
  { kind: 'failed', row: 'load', reason: 'no ClickHouse' },
];

it('the table has a line for each finding, under each other', () => {
  assert.equal(
    renderTable(FINDINGS),
    [
      'row     measured               ours           yardstick           ratio  goal      met',
      '------  ---------------------  -------------  ------------------  -----  --------  ---',
      'launch  children in 4 slots    1,234 /s       1,543 /s xargs -P4  0.80   >= 0.8    yes',
      'memory  growth                 12.3 MB                                   <= 10 MB  NO',
      'warm    small files            not available  a process each             >= 10     NO',
      'load    could not be measured                                                      -',
    ].join('\n'),
  );
});

it('what the table has no room for is said below it', () => {
  assert.equal(
    renderNotes(FINDINGS),
    'memory: most are tombstones\nwarm: there is no such setting\nload: no ClickHouse',
  );
});

it('the JSON has the figures, the rounds behind them and whether the goal is met', () => {
  const [launch, memory, warm, load] = toJson(FINDINGS) as Record<string, unknown>[];
  assert.equal(launch?.['ours'], 1_234.4);
  assert.equal(launch?.['met'], true);
  assert.equal(launch?.['yardstickName'], 'xargs -P4');
  assert.deepEqual(memory?.['rounds'], [{ ours: 12.34, yardstick: null }]);
  assert.equal(memory?.['ratio'], null);
  assert.equal(warm?.['met'], false);
  assert.equal(load?.['reason'], 'no ClickHouse');
  assert.equal(load?.['met'], null);
});
