/** The comparison with another tree, for people. Pure. */
import type { Failure } from '../findings.js';
import { figure, renderColumns } from '../report.js';
import { type Comparison, compare } from './comparison.js';

const HEAD = ['row', 'measured', 'here', 'there', 'cost', 'spread', 'verdict'];

/** @param atMost how many times as dear this tree may be, if that is asked */
export function renderComparisons(found: readonly (Comparison | Failure)[], atMost: number | null): string {
  return renderColumns(
    HEAD,
    found.map((one) => cells(one, atMost)),
  );
}

function cells(found: Comparison | Failure, atMost: number | null): readonly string[] {
  if ('kind' in found) return [found.row, 'could not be measured', '', '', '', '', '-'];
  const { here, there, cost, spread, change, met } = compare(found, atMost);
  return [
    found.row,
    found.measured,
    figure(here, found.unit),
    figure(there, found.unit),
    cost.toFixed(2),
    spread === null ? 'too few rounds' : `${spread.from.toFixed(2)} to ${spread.to.toFixed(2)}`,
    atMost === null ? (change ?? 'no difference shown') : `<= ${atMost}: ${answer(met)}`,
  ];
}

function answer(met: boolean | null): string {
  if (met === null) return 'cannot be told';
  return met ? 'yes' : 'NO';
}
