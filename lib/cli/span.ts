/** Times as people give them on the command line. */

const SPAN = /^(\d+(?:\.\d+)?)(s|m|min|h|d)$/;
const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `30m`, `1.5h`, `2d` in milliseconds; null for anything else. */
export function spanMs(text: string): number | null {
  const [, number, unit = ''] = SPAN.exec(text.trim()) ?? [];
  return number === undefined ? null : Number(number) * (UNITS[unit] as number);
}
