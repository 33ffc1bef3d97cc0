/**
 * One event per line, as JSON or, on a terminal, for people: to the console by winston; and as JSON to a rotated file if one is
 * set.
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
import { LogFile } from './log-file.js';
import type { LogLine } from './log-lines.js';

export interface Logger {
  write(line: LogLine): void;
  /** Whether the file cannot be written just now, and the lines that it misses since the start. */
  file(): LogFileState;
  /** From now on lines of this level and graver ones are written. */
  setLevel(level: LogLevel): void;
  /** Resolves when everything written has reached the console and the file, or soon after one of them stopped taking it. */
  close(): Promise<void>;
}

export interface LogFileState {
  readonly failing: boolean;
  readonly lost: number;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: 'auto' | 'json' | 'pretty';
  readonly file: string | null;
}

const FILE_BYTES = 64 * 1024 * 1024;
const RANKS = Object.fromEntries(LOG_LEVELS.map((level, rank) => [level, rank])) as Readonly<Record<LogLevel, number>>;
/**
 * A transport that took nothing for so many looks has stopped. Looks are counted and not time: on a busy machine this process
 * may stand still itself, which says nothing about the disk.
 */
const MAX_IDLE_LOOKS = 200;
const LOOK_EVERY_MS = 10;
/** No line is to be longer than a file; no field needs more than this. */
const MAX_FIELD_CHARACTERS = 4_096;

/**
 * @param fileBytes the size at which the file is rotated
 * @throws AtdError ATD_LOG_FILE when the file or its directory cannot be written: winston itself would hang on it
 */
export function createLogger({ level, format, file }: LoggerOptions, fileBytes = FILE_BYTES): Logger {
  const { printf } = winston.format;
  const onTerminal = process.stdout.isTTY === true;
  const isPretty = format === 'pretty' || (format === 'auto' && onTerminal);
  const line = isPretty ? toPrettyLine : toJsonLine;
  const priority = journalPrefix(process.stdout);
  const console = createConsole(
    level,
    printf((info) => `${priority(info.level as LogLevel)}${line(info)}`),
  );
  if (file === null) return { ...console, file: () => ({ failing: false, lost: 0 }) };
  requireWritable(file);
  let least = level;
  const write = (line: LogLine): void => {
    console.write(line);
    if (isWritten(line, least)) onFile.write(`${toJsonLine(toRecord(line))}\n`);
  };
  const onFile = new LogFile(file, {
    maxBytes: fileBytes,
    onFailed: (reason) => console.write({ level: 'error', event: 'log.stalled', fields: { file, reason } }),
    onWorks: (lost) => write({ level: 'warn', event: 'log.resumed', fields: { file, lost } }),
  });
  return {
    write,
    setLevel: (next) => {
      least = next;
      console.setLevel(next);
    },
    file: () => ({ failing: onFile.isFailing, lost: onFile.lost }),
    close: async () => {
      onFile.flush();
      await Promise.all([console.close(), reachesZero(() => onFile.waiting)]);
      await onFile.close();
    },
  };
}

type Target = Pick<Logger, 'write' | 'setLevel' | 'close'>;

function isWritten({ level }: LogLine, least: LogLevel): boolean {
  return RANKS[level] <= RANKS[least];
}

function toRecord({ level, event, fields }: LogLine): winston.LogEntry {
  return { ...shortenTexts(fields), level, message: event, timestamp: new Date().toISOString() };
}

function createConsole(level: LogLevel, format: winston.Logform.Format): Target {
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

/** @param format the logger's own: winston formats every line by that one, also where a transport has another */
function createTarget(level: LogLevel, format: winston.Logform.Format, transport: winston.transport): Target {
  const logger = winston.createLogger({ level, format, transports: [transport] });
  let least = level;
  return {
    write: (line) => {
      // winston formats a line before it looks at its level.
      if (isWritten(line, least)) logger.log(toRecord(line));
    },
    setLevel: (next) => {
      least = next;
      logger.level = next;
    },
    close: async () => {
      // winston ends a transport before it has handed over the lines that wait for it.
      if (!(await reachesZero(() => logger.writableLength + logger.readableLength))) return;
      let unfinished = 1;
      transport.once('finish', () => {
        unfinished = 0;
      });
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
function toJsonLine(info: winston.LogEntry | winston.Logform.TransformableInfo): string {
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
