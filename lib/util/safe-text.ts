/** Text of others made safe to log and to show: one line, of bounded length, without control characters. */

/** What stands where text was cut off. */
export const CUT_MARK = '…';
const LAST_LINES_WINDOW = 16 * 1024;

const ESC = '\\u001b';
const STRING_END = `(?:\\u0007|${ESC}\\\\|\\u009c)`;
/** Colours and cursor moves (CSI), window titles and the like (OSC, DCS, SOS, PM, APC), and the short escapes. */
const ANSI = new RegExp(
  [
    `(?:${ESC}\\[|\\u009b)[0-?]*[ -/]*[@-~]`,
    `(?:${ESC}[\\]PX^_]|[\\u0090\\u0098\\u009d-\\u009f])[^\\u0007\\u001b\\u009c]*${STRING_END}`,
    `${ESC}[ -/]*[0-~]`,
  ].join('|'),
  'g',
);
/** What moves to another line or column: a log line would look like two. */
const BREAKS = /[\t-\r\u0085\u2028\u2029]+/g;
/** The other control characters, and those that turn the direction of text or have no width. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** `text` as one line without ANSI escapes and control characters, so that what it comes from cannot forge a log line. */
export function stripControl(text: string): string {
  return text.replace(ANSI, '').replace(BREAKS, ' ').replace(CONTROLS, '');
}

/** Every control character of `text`, and every one that turns its direction or has no width, as a person sees it: `‹U+202E›`. */
export function showControl(text: string): string {
  return text.replace(CONTROLS, (found) => `‹U+${found.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}›`);
}

/** The last line of `text` that shows anything, stripped; empty if there is none. */
export function lastLine(text: string): string {
  return lastLines(text)[0] ?? '';
}

/** The last lines of `text`, stripped and joined with ` | `, of which at most the last `maxBytes` bytes of UTF-8. */
export function tailOf(text: string, maxBytes: number): string {
  const bytes = new TextEncoder().encode(lastLines(text).reverse().join(' | '));
  if (bytes.length <= maxBytes) return new TextDecoder().decode(bytes);
  let from = bytes.length - maxBytes;
  // Bytes of the form 10xxxxxx continue a character: do not begin inside one.
  while (((bytes[from] ?? 0) & 0xc0) === 0x80) from++;
  return new TextDecoder().decode(bytes.subarray(from));
}

/** `text` cut to at most `maxLength` UTF-16 units, an ellipsis included, never through a surrogate pair. */
export function shorten(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  return text.slice(0, maxLength - CUT_MARK.length).replace(/[\ud800-\udbff]$/, '') + CUT_MARK;
}

/** The lines that show anything in the last 16 Ki characters of `text`, stripped, the last one first. */
function lastLines(text: string): string[] {
  if (text === '') return [];
  return text
    .slice(-LAST_LINES_WINDOW)
    .split('\n')
    .reverse()
    .map((line) => stripControl(line).trim())
    .filter((line) => line !== '');
}
