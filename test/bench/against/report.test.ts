import assert from 'node:assert/strict';
import { it } from 'node:test';
import { renderComparisons } from './report.js';

const PAIRS = [
  { here: 130, there: 100 },
  { here: 120, there: 100 },
  { here: 140, there: 100 },
  { here: 150, there: 100 },
  { here: 110, there: 100 },
];
const LOAD = { row: 'value-checks', measured: 'CPU, csv', unit: 'ms', better: 'less', pairs: PAIRS } as const;
const LAUNCH = { row: 'launch', measured: 'children', unit: '/s', better: 'more', pairs: PAIRS } as const;

it('the table has a line for each comparison, with the verdict', () => {
  const failure = { kind: 'failed', row: 'pipeline', reason: 'no Kafka' } as const;
  const few = { ...LOAD, measured: 'CPU, tsv', pairs: PAIRS.slice(0, 2) };
  assert.equal(
    renderComparisons([LOAD, few, LAUNCH, failure], null),
    [
      'row           measured               here    there   cost  spread          verdict',
      '------------  ---------------------  ------  ------  ----  --------------  -------------------',
      'value-checks  CPU, csv               130 ms  100 ms  1.30  1.10 to 1.50    dearer',
      'value-checks  CPU, tsv               125 ms  100 ms  1.25  too few rounds  no difference shown',
      'launch        children               130 /s  100 /s  0.77  0.67 to 0.91    cheaper',
      'pipeline      could not be measured                                        -',
    ].join('\n'),
  );
});

for (const [atMost, said] of [
  [1.5, 'yes'],
  [1.3, 'cannot be told'],
  [1.05, 'NO'],
] as const) {
  it(`the goal of at most ${atMost} is met: ${said}`, () => {
    assert.ok(renderComparisons([LOAD], atMost).endsWith(`<= ${atMost}: ${said}`));
  });
}
