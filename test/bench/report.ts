/** The table for people and the object for machines. Pure. */
import { type Failure, type Finding, type Goal, judge } from './findings.js';

const HEAD = ['row', 'measured', 'ours', 'yardstick', 'ratio', 'goal', 'met'] as const;

export function renderTable(findings: readonly (Finding | Failure)[]): string {
  return renderColumns(HEAD, findings.map(cells));
}

/** Lines of cells under each other. */
export function renderColumns(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => (line[column] as string).length)));
  const [head, ...body] = lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column] as number)));
  const rule = widths.map((width) => '-'.repeat(width));
  return [head as string[], rule, ...body].map((line) => line.join('  ').trimEnd()).join('\n');
}

/** What the table has no room for: a line each. */
export function renderNotes(findings: readonly (Finding | Failure)[]): string {
  const lines = findings.flatMap((finding) => {
    const text = finding.kind === 'measured' ? finding.note : finding.reason;
    return text === undefined ? [] : [`${finding.row}: ${text}`];
  });
  return [...new Set(lines)].join('\n');
}

export function toJson(findings: readonly (Finding | Failure)[]): object[] {
  return findings.map((finding) => ({ ...finding, ...judge(finding), yardstickName: nameOfYardstick(finding) }));
}

function cells(finding: Finding | Failure): string[] {
  if (finding.kind === 'failed') return [finding.row, 'could not be measured', '', '', '', '', '-'];
  const { row, measured, unit, goal } = finding;
  const { ours, yardstick, ratio, met } = judge(finding);
  return [
    row,
    measured,
    ours === null ? finding.kind.replace('-', ' ') : figure(ours, unit),
    [yardstick === null ? null : figure(yardstick, unit), finding.yardstick].filter((text) => text !== null).join(' '),
    ratio === null ? '' : ratio.toFixed(2),
    goalText(goal, unit),
    met === null ? '-' : met ? 'yes' : 'NO',
  ];
}

function nameOfYardstick(finding: Finding | Failure): string | null {
  return finding.kind === 'failed' ? null : finding.yardstick;
}

function goalText({ of, bound, value }: Goal, unit: string): string {
  const sign = bound === 'at least' ? '>=' : '<=';
  return `${sign} ${of === 'ratio' ? value : figure(value, unit)}`;
}

/** Three digits that count, and thousands with a comma. */
export function figure(value: number, unit: string): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  const text = value.toLocaleString('en-US', { maximumFractionDigits: digits });
  return `${text} ${unit}`;
}
