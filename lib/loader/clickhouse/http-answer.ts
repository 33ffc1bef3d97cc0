/**
 * Reads one HTTP/1.1 answer from the bytes of a connection: status line, header lines as they come, body by its length, by
 * chunks or up to the end of the connection. Interim answers (1xx) are passed over. Node's own parser shows the headers only
 * when all of them are there, while ClickHouse tells its progress in header lines that it sends one by one.
 */

/** What came is no HTTP: another protocol's greeting, or a TLS alert. */
export class NotHttpError extends Error {
  readonly code: 'NOT_HTTP' | 'TLS_EXPECTED';

  constructor(bytes: Uint8Array) {
    super(`the answer is not HTTP: ${JSON.stringify(Buffer.from(bytes.subarray(0, 40)).toString('latin1'))}`);
    this.name = 'NotHttpError';
    // The content type of a TLS alert, and the major version behind it.
    this.code = bytes[0] === 0x15 && (bytes[1] ?? 3) === 3 ? 'TLS_EXPECTED' : 'NOT_HTTP';
  }
}

export interface AnswerEvents {
  /** A header line as soon as it is read; the name in lower case. */
  header(name: string, value: string): void;
  body(bytes: Uint8Array): void;
}

type State =
  | 'status'
  | 'headers'
  | 'length'
  | 'chunk-size'
  | 'chunk'
  | 'chunk-end'
  | 'trailers'
  | 'to-the-end'
  | 'done';

const LINE_LIMIT_BYTES = 256 * 1024;
const LINE_FEED = 0x0a;
const NOTHING: Buffer = Buffer.alloc(0);

export class AnswerReader {
  readonly #events: AnswerEvents;
  #state: State = 'status';
  #pending: Buffer = NOTHING;
  /** Bytes of the body, or of the chunk, that are still to come. */
  #left = 0;
  #length: number | null = null;
  #chunked = false;
  status = 0;
  /** Whether the connection may be used again after this answer. */
  keepAlive = true;

  constructor(events: AnswerEvents) {
    this.#events = events;
  }

  get done(): boolean {
    return this.#state === 'done';
  }

  /** Whether any byte of the answer came. */
  get begun(): boolean {
    return this.#state !== 'status' || this.#pending.length > 0;
  }

  /** @throws NotHttpError */
  push(bytes: Buffer): void {
    let rest = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    this.#pending = NOTHING;
    while (rest.length > 0 && this.#state !== 'done') {
      const used = this.#isData() ? this.#takeData(rest) : this.#takeLine(rest);
      if (used === 0) {
        if (rest.length > LINE_LIMIT_BYTES) throw new NotHttpError(rest);
        this.#pending = rest;
        return;
      }
      rest = rest.subarray(used);
    }
    // What follows an answer that nobody asked for leaves the connection in an unknown state.
    if (rest.length > 0) this.keepAlive = false;
  }

  /** The connection has ended: true if that completes the answer. */
  end(): boolean {
    if (this.#state === 'to-the-end') this.#state = 'done';
    this.keepAlive = false;
    return this.done;
  }

  #isData(): boolean {
    return this.#state === 'length' || this.#state === 'chunk' || this.#state === 'to-the-end';
  }

  #takeData(bytes: Buffer): number {
    if (this.#state === 'to-the-end') {
      this.#events.body(bytes);
      return bytes.length;
    }
    const data = bytes.subarray(0, this.#left);
    this.#left -= data.length;
    this.#events.body(data);
    if (this.#left === 0) this.#state = this.#state === 'chunk' ? 'chunk-end' : 'done';
    return data.length;
  }

  /** The bytes of a whole line with its end; 0 if the line is not complete. */
  #takeLine(bytes: Buffer): number {
    if (this.#state === 'status' && !couldBeHttp(bytes)) throw new NotHttpError(bytes);
    const end = bytes.indexOf(LINE_FEED);
    if (end < 0) return 0;
    const text = bytes.toString('latin1', 0, bytes[end - 1] === 0x0d ? end - 1 : end);
    this.#line(text, bytes);
    return end + 1;
  }

  #line(text: string, bytes: Buffer): void {
    switch (this.#state) {
      case 'status':
        return this.#statusLine(text, bytes);
      case 'headers':
        return text === '' ? this.#endOfHead() : this.#header(text);
      case 'chunk-size':
        return this.#chunkSize(text, bytes);
      case 'chunk-end':
        this.#state = 'chunk-size';
        return;
      case 'trailers':
        if (text === '') this.#state = 'done';
        else this.#trailer(text);
    }
  }

  #statusLine(text: string, bytes: Buffer): void {
    const match = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(text);
    if (!match) throw new NotHttpError(bytes);
    this.status = Number(match[2]);
    this.keepAlive = match[1] === '1';
    this.#length = null;
    this.#chunked = false;
    this.#state = 'headers';
  }

  #header(text: string): void {
    const colon = text.indexOf(':');
    if (colon <= 0) return;
    const name = text.slice(0, colon).toLowerCase();
    const value = text.slice(colon + 1).trim();
    if (name === 'content-length' && /^\d+$/.test(value)) this.#length = Number(value);
    else if (name === 'transfer-encoding') this.#chunked = /\bchunked$/i.test(value);
    else if (name === 'connection' && /\bclose\b/i.test(value)) this.keepAlive = false;
    this.#events.header(name, value);
  }

  /** A header that is known only behind the body; it says nothing of the body any more. */
  #trailer(text: string): void {
    const colon = text.indexOf(':');
    if (colon > 0) this.#events.header(text.slice(0, colon).toLowerCase(), text.slice(colon + 1).trim());
  }

  #endOfHead(): void {
    if (this.status < 200) this.#state = 'status';
    else if (this.status === 204 || this.status === 304) this.#state = 'done';
    else if (this.#chunked) this.#state = 'chunk-size';
    else if (this.#length === null) this.#state = 'to-the-end';
    else {
      this.#left = this.#length;
      this.#state = this.#left === 0 ? 'done' : 'length';
    }
  }

  #chunkSize(text: string, bytes: Buffer): void {
    const size = /^([0-9a-f]{1,12})\s*(?:;|$)/i.exec(text)?.[1];
    if (size === undefined) throw new NotHttpError(bytes);
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'chunk';
  }
}

function couldBeHttp(bytes: Buffer): boolean {
  const expected = 'HTTP/1.';
  return bytes.toString('latin1', 0, expected.length) === expected.slice(0, bytes.length);
}
