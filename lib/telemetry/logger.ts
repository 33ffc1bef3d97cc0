/**
 * winston: one event per line, as JSON or, on a terminal, for people; and the same to a rotated file if one is set. The
 * file has a winston logger of its own: a transport that stalls, as the one for files does without a word on a full disk,
 * stalls all transports of its logger.
 */
import { accessSync, closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import winston from 'winston';
import { AtdError } from '../errors.js';
import { LOG_LEVELS, type LogLevel } from '../types.js';
import { shorten } from '../util/safe-text.js';
import { journalPrefix } from './journal.js';
import type { LogLine } from './log-lines.js';
import { rotatedFile } from './rotated-file.js';

export interface Logger {
  write(line: LogLine): void;
  /** From now on lines of this level and graver ones are written. */
  setLevel(level: LogLevel): void;
  /** Resolves when everything written has reached the console and the file, or soon after one of them stopped taking it. */
  close(): Promise<void>;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: 'auto' | 'json' | 'pretty';
  readonly file: string | null;
}

const FILE_BYTES = 64 * 1024 * 1024;
/** Lines that may wait for the disk. Past that the file misses lines; the alternative is to run out of memory. */
const MAX_WAITING_LINES = 10_000;
const RANKS = Object.fromEntries(LOG_LEVELS.map((level, rank) => [level, rank])) as Readonly<Record<LogLevel, number>>;
/**
 * A transport that took nothing for so many looks has stopped. Looks are counted and not time: on a busy machine this process
 * may stand still itself, which says nothing about the disk.
 */
const MAX_IDLE_LOOKS = 200;
const LOOK_EVERY_MS = 10;
/** winston's file transport stops for ever at a line longer than a file; no field needs more than this. */
const MAX_FIELD_CHARACTERS = 4_096;

/**
 * @param fileBytes the size at which the file is rotated
 * @throws AtdError ATD_LOG_FILE when the file or its directory cannot be written: winston itself would hang on it
 */
export function createLogger({ level, format, file }: LoggerOptions, fileBytes = FILE_BYTES): Logger {
  const { printf } = winston.format;
  const asJson = printf(toJsonLine);
  const onTerminal = process.stdout.isTTY === true;
  const isPretty = format === 'pretty' || (format === 'auto' && onTerminal);
  const line = isPretty ? toPrettyLine : toJsonLine;
  const priority = journalPrefix(process.stdout);
  const console = createConsole(
    level,
    printf((info) => `${priority(info.level as LogLevel)}${line(info)}`),
  );
  if (file === null) return console;
  requireWritable(file);
  const { transport, keep } = rotatedFile(file, fileBytes);
  const onFile = createTarget(level, asJson, transport, keep);
  let stalled = false;
  return {
    write: (line) => {
      console.write(line);
      const waiting = onFile.waiting();
      if (waiting < MAX_WAITING_LINES) onFile.write(line);
      if (stalled === waiting >= MAX_WAITING_LINES / 2) return;
      stalled = !stalled;
      if (stalled) console.write({ level: 'error', event: 'log.stalled', fields: { file, waiting } });
    },
    setLevel: (next) => {
      console.setLevel(next);
      onFile.setLevel(next);
    },
    close: async () => {
      await Promise.all([console.close(), onFile.close()]);
    },
  };
}

function createConsole(level: LogLevel, format: winston.Logform.Format): Logger {
  const target = createTarget(level, format, new winston.transports.Stream({ stream: lossyStream(process.stdout) }));
  const turn = holdLines(process.stdout);
  return {
    write: (line) => {
      turn.hold();
      target.write(line);
    },
    setLevel: target.setLevel,
    close: async () => {
      await target.close();
      turn.release();
    },
  };
}

/**
 * Passes lines on to a stream whose reader may be gone (EPIPE) or whose disk may be full (ENOSPC). Then lines are lost, and
 * nothing else: the log is not the service's work.
 */
function lossyStream(stream: NodeJS.WriteStream): Writable {
  // Kept for as long as the process lives: a late error would end it.
  if (!stream.listeners('error').includes(ignoreError)) stream.on('error', ignoreError);
  return new Writable({
    decodeStrings: false,
    write: (text: string, _encoding, callback) => {
      withoutThrowing(() => stream.write(text));
      callback();
    },
  });
}

function ignoreError(): void {}

/** A file as standard output is written to at once, and throws what goes wrong with that. */
function withoutThrowing(write: () => void): void {
  try {
    write();
  } catch {
    // The line is lost.
  }
}

/**
 * A pipe is written to at once: a system call per line, and its reader is woken for each. So the lines of one turn of the
 * event loop are held together, until the turn's end or the process's.
 */
function holdLines(stream: NodeJS.WriteStream): { readonly hold: () => void; readonly release: () => void } {
  let isHeld = false;
  const release = (): void => {
    if (!isHeld) return;
    isHeld = false;
    withoutThrowing(() => stream.uncork());
  };
  process.once('exit', release);
  const hold = (): void => {
    if (isHeld) return;
    isHeld = true;
    stream.cork();
    setImmediate(release);
  };
  return { hold, release };
}

interface LogTarget extends Logger {
  /** Lines that the transport has not taken yet. */
  waiting(): number;
}

/**
 * @param format the logger's own: winston formats every line by that one, also where a transport has another
 * @param beforeEnd is called before the transport is ended
 */
function createTarget(
  level: LogLevel,
  format: winston.Logform.Format,
  transport: winston.transport,
  beforeEnd: () => void = () => undefined,
): LogTarget {
  const logger = winston.createLogger({ level, format, transports: [transport] });
  const waiting = () => logger.writableLength + logger.readableLength;
  let least = RANKS[level];
  return {
    write: ({ level: lineLevel, event, fields }) => {
      // winston formats a line before it looks at its level.
      if (RANKS[lineLevel] > least) return;
      logger.log({ ...shortenTexts(fields), level: lineLevel, message: event, timestamp: new Date().toISOString() });
    },
    setLevel: (next) => {
      least = RANKS[next];
      logger.level = next;
    },
    waiting,
    close: async () => {
      // winston ends a transport before it has handed over the lines that wait for it.
      if (!(await reachesZero(waiting))) return;
      let unfinished = 1;
      transport.once('finish', () => {
        unfinished = 0;
      });
      beforeEnd();
      logger.end();
      await reachesZero(() => unfinished);
    },
  };
}

function shortenTexts(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (!Object.values(fields).some((value) => typeof value === 'string' && value.length > MAX_FIELD_CHARACTERS)) {
    return fields;
  }
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' ? shorten(value, MAX_FIELD_CHARACTERS) : value,
    ]),
  );
}

/** Resolves with true when `count` is 0, or with false when it has stopped to fall before. */
async function reachesZero(count: () => number): Promise<boolean> {
  let least = count();
  for (let idle = 0; least > 0 && idle < MAX_IDLE_LOOKS; idle += 1) {
    await delay(LOOK_EVERY_MS);
    if (count() >= least) continue;
    least = count();
    idle = 0;
  }
  return least === 0;
}

/** winston's own format looks at every value for what JSON does not know, which here only a client library can bring. */
function toJsonLine(info: winston.Logform.TransformableInfo): string {
  try {
    return JSON.stringify(info);
  } catch (error) {
    const { level, message, timestamp } = info;
    return JSON.stringify({ level, message, timestamp, unwritable: (error as Error).message });
  }
}

function toPrettyLine({ timestamp, level, message, ...fields }: winston.Logform.TransformableInfo): string {
  const time = String(timestamp).slice(11, 23);
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${toWord(value)}`);
  return [time, level.toUpperCase().padEnd(5), String(message).padEnd(18), ...rest].join(' ').trimEnd();
}

function toWord(value: unknown): string {
  return typeof value === 'string' && /^[\w./:+-]+$/.test(value) ? value : JSON.stringify(value);
}

function requireWritable(file: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    accessSync(dirname(file), constants.W_OK);
    closeSync(openSync(file, 'a'));
  } catch (cause) {
    throw new AtdError('ATD_LOG_FILE', `cannot write log_file ${file}: ${(cause as Error).message}`, { cause });
  }
}
