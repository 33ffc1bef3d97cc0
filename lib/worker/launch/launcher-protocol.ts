/**
 * The messages between a thread and its launcher process (`libexec/`).
 *
 * To it: a length (32 bits, little endian) and as many bytes, which are joined by NUL: how many of the fields are
 * arguments, the file to execute, its arguments, and the environment as `NAME=value`. No bytes at all release the job that
 * has ended: its output is not read any more. A new job releases the one before. `?`, the path of a file and those of
 * directories, joined by NUL, ask it to look at them.
 *
 * From it: a letter, a length and as many bytes.
 * - `R`: it is ready; its abilities as text.
 * - `S`: the child was started; its pid (32 bits). `F`: it could not be started; the errno (32 bits).
 * - `O`, `E`: output.
 * - `T`: it starts no child, and nothing of it has begun; why, as text. Only from one that forks from a mother, and without a
 *   request too, when it will start none any more.
 * - `X`: the child has ended and was reaped; three bytes: exit code, signal or 0, and flags: 1 and 2 for an output that
 *   others still hold open, 4 when something that descends from the child may be alive. Then, from those that can tell, its
 *   CPU time in milliseconds and its largest memory in KiB (32 bits each), and the path of what has changed since the modules
 *   that it ran with were read.
 * - `o`, `e`: the end of an output that was open at `X`.
 * - `L`: what stands at the path: the errno; or 0, a letter for its kind, its size, its time in milliseconds, its identity, and
 *   the paths with all links followed, joined by NUL.
 */
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import type { Command } from '../../types.js';
import type { FileKind, Look, LookRequest } from './launcher.js';

export type Reply =
  | { readonly kind: 'ready'; readonly abilities: string }
  | { readonly kind: 'started'; readonly pid: number }
  | { readonly kind: 'failed'; readonly code: string }
  | { readonly kind: 'turned-down'; readonly reason: string }
  | {
      readonly kind: 'exited';
      readonly code: number | null;
      readonly signal: string | null;
      readonly open: { readonly stdout: boolean; readonly stderr: boolean };
      readonly alone: boolean;
      readonly cpuMs: number | null;
      readonly peakBytes: number | null;
      readonly outdated: string | null;
    }
  | { readonly kind: 'ended'; readonly stream: 'stdout' | 'stderr' }
  | { readonly kind: 'looked'; readonly look: Look };

export const RELEASE: Uint8Array = new Uint8Array(4);

const HEADER_BYTES = 5;
/** Of what a child's end is told by: code, signal, flags, CPU time and memory. */
const EXIT_BYTES = 11;
const KIB = 1_024;
/** Where a request has its length. */
const LENGTH_PLACE = '    ';
/** Of two names for one number, as SIGABRT and SIGIOT, the first is what Node says too. */
const namesOf = (numbers: Readonly<Record<string, number>>): ReadonlyMap<number, string> =>
  new Map(
    Object.entries(numbers)
      .reverse()
      .map(([name, number]) => [number, name]),
  );
const SIGNAL_NAMES = namesOf({ ...constants.signals });
/** Node's own function does not know ENOEXEC, for one. */
const ERROR_NAMES = namesOf({ ...constants.errno });

/** Null when a field contains a NUL, which no argument and no variable can. */
export function encodeRequest({ file, args, env }: Command): Buffer | null {
  const fields = [`${LENGTH_PLACE}${args.length + 1}`, file, ...args];
  for (const name in env) fields.push(`${name}=${env[name]}`);
  if (fields.some((field) => field.includes('\0'))) return null;
  const request = Buffer.from(fields.join('\0'));
  request.writeUInt32LE(request.length - LENGTH_PLACE.length, 0);
  return request;
}

export function encodeLook({ file, roots }: LookRequest): Buffer {
  const request = Buffer.from([`${LENGTH_PLACE}?`, file, ...roots].join('\0'));
  request.writeUInt32LE(request.length - LENGTH_PLACE.length, 0);
  return request;
}

/** Takes the launcher's bytes as they come and passes on whole replies; of output it keeps nothing. */
export class ReplyReader {
  readonly #onReply: (reply: Reply) => void;
  readonly #onOutput: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void;
  /** The beginning of a message whose end has not come yet; never one of output beyond its header. */
  #held: Buffer = Buffer.alloc(0);
  #output: { readonly stream: 'stdout' | 'stderr'; missing: number } | null = null;

  constructor(onReply: (reply: Reply) => void, onOutput: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void) {
    this.#onReply = onReply;
    this.#onOutput = onOutput;
  }

  push(chunk: Buffer): void {
    let bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    for (;;) {
      if (this.#output !== null) {
        bytes = this.#passOn(this.#output, bytes);
        if (this.#output !== null) return;
      }
      if (bytes.length < HEADER_BYTES) break;
      const kind = String.fromCharCode(bytes[0] ?? 0);
      const length = bytes.readUInt32LE(1);
      if (kind === 'O' || kind === 'E') {
        this.#output = { stream: kind === 'O' ? 'stdout' : 'stderr', missing: length };
        bytes = bytes.subarray(HEADER_BYTES);
        continue;
      }
      if (bytes.length < HEADER_BYTES + length) break;
      this.#onReply(parse(kind, bytes.subarray(HEADER_BYTES, HEADER_BYTES + length)));
      bytes = bytes.subarray(HEADER_BYTES + length);
    }
    this.#held = bytes;
  }

  #passOn(output: { readonly stream: 'stdout' | 'stderr'; missing: number }, bytes: Buffer): Buffer {
    const part = bytes.subarray(0, output.missing);
    output.missing -= part.length;
    if (output.missing === 0) this.#output = null;
    else this.#held = Buffer.alloc(0);
    if (part.length > 0) this.#onOutput(output.stream, part);
    return bytes.subarray(part.length);
  }
}

function parse(kind: string, payload: Buffer): Reply {
  switch (kind) {
    case 'R':
      return { kind: 'ready', abilities: payload.toString() };
    case 'S':
      return { kind: 'started', pid: payload.readUInt32LE(0) };
    case 'F':
      return { kind: 'failed', code: errorName(payload.readUInt32LE(0)) };
    case 'T':
      return { kind: 'turned-down', reason: payload.toString() };
    case 'X': {
      const [code = 0, signal = 0, flags = 0] = payload;
      return {
        kind: 'exited',
        code: signal === 0 ? code : null,
        signal: signal === 0 ? null : (SIGNAL_NAMES.get(signal) ?? `signal ${signal}`),
        open: { stdout: (flags & 1) !== 0, stderr: (flags & 2) !== 0 },
        alone: flags === 0,
        cpuMs: payload.length < EXIT_BYTES ? null : payload.readUInt32LE(3),
        peakBytes: payload.length < EXIT_BYTES ? null : payload.readUInt32LE(7) * KIB,
        outdated: payload.length <= EXIT_BYTES ? null : payload.toString('utf8', EXIT_BYTES),
      };
    }
    case 'L':
      return { kind: 'looked', look: parseLook(payload.toString().split('\0')) };
    case 'o':
      return { kind: 'ended', stream: 'stdout' };
    case 'e':
      return { kind: 'ended', stream: 'stderr' };
    default:
      throw new Error(`the launcher sent the unknown message ${JSON.stringify(kind)}`);
  }
}

const KINDS: Readonly<Record<string, FileKind>> = { f: 'file', d: 'directory', p: 'pipe', s: 'socket' };

function parseLook(fields: readonly string[]): Look {
  const [errno = '', kind = '', bytes, modifiedAt, identity = '', realPath = '', ...roots] = fields;
  if (errno !== '0') return { kind: 'failed', code: errorName(Number(errno)) };
  const what = KINDS[kind] ?? 'device';
  return { kind: 'found', what, bytes: Number(bytes), modifiedAt: Number(modifiedAt), identity, realPath, roots };
}

function errorName(errno: number): string {
  return ERROR_NAMES.get(errno) ?? getSystemErrorName(-errno);
}
