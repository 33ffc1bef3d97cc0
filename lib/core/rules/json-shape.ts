/**
 * What a message asks of the parser of JSON, told before it is parsed: very many fields take it longer than in proportion to
 * their number, and with chosen names far longer. The look is one pass, which makes nothing.
 */

/** A message that names files has a handful of each. */
const MAX_DEPTH = 1_024;
/** In all objects together. */
const MAX_FIELDS = 4_096;

const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);

/** Null where there is none; whether the text is JSON at all is not looked at. */
export function objectionToJson(text: string): string | null {
  // Most messages are too short for either; a look at each would take as long as to parse it.
  if (text.length <= MAX_DEPTH) return null;
  let depth = 0;
  let fields = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === COLON) fields += 1;
    else if (OPEN.has(code)) depth += 1;
    else if (CLOSE.has(code)) depth -= 1;
    if (depth > MAX_DEPTH) return `the message is nested more than ${MAX_DEPTH} levels deep; send nothing but the file`;
    if (fields > MAX_FIELDS) return `the message has more than ${MAX_FIELDS} fields; send nothing but the file`;
  }
  return null;
}

/** Where the quote stands that ends a string, or the end of the text. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}
