/** winston: one event per line, as JSON or, on a terminal, for people; and the same to a rotated file if one is set. */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import winston from 'winston';
import { AtdError } from '../errors.js';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

export interface LogLine {
  readonly level: LogLevel;
  /** The event's name, `noun.verb`: what dashboards and alerts match. */
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Logger {
  write(line: LogLine): void;
  /** Resolves when everything written has reached the console and the file. */
  close(): Promise<void>;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: 'auto' | 'json' | 'pretty';
  readonly file: string | null;
}

const FILE_BYTES = 64 * 1024 * 1024;
const FILES = 5;
/** winston's file transport stops for ever at a line longer than a file; no field needs more than this. */
const MAX_FIELD_CHARACTERS = 4_096;

/** @throws AtdError ATD_LOG_FILE when the file's directory cannot be written: winston itself would hang on it */
export function createLogger({ level, format, file }: LoggerOptions): Logger {
  const { combine, timestamp, json } = winston.format;
  const asJson = combine(timestamp(), json());
  const pretty = combine(timestamp(), winston.format.printf(toPrettyLine));
  const onTerminal = process.stdout.isTTY === true;
  const console = new winston.transports.Console({
    format: format === 'pretty' || (format === 'auto' && onTerminal) ? pretty : asJson,
  });
  const transports: winston.transport[] = [console];
  if (file !== null) {
    requireWritable(file);
    transports.push(
      new winston.transports.File({
        filename: file,
        format: asJson,
        maxsize: FILE_BYTES,
        maxFiles: FILES,
        tailable: true,
      }),
    );
  }
  const logger = winston.createLogger({ level, transports });
  return {
    write: ({ level: lineLevel, event, fields }) => {
      logger.log({ ...shorten(fields), level: lineLevel, message: event });
    },
    close: () => closeAll(logger, transports),
  };
}

async function closeAll(logger: winston.Logger, transports: readonly winston.transport[]): Promise<void> {
  const finished = transports.map(
    (transport) => new Promise<void>((resolve) => transport.once('finish', () => resolve())),
  );
  logger.end();
  await Promise.all(finished);
}

function shorten(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' && value.length > MAX_FIELD_CHARACTERS
        ? `${value.slice(0, MAX_FIELD_CHARACTERS)}…`
        : value,
    ]),
  );
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
  } catch (cause) {
    throw new AtdError('ATD_LOG_FILE', `cannot write log_file ${file}: ${(cause as Error).message}`, { cause });
  }
}
