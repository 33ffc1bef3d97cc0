/** Tells systemd what is due, by systemd's own program: Node has no datagrams on AF_UNIX (docs/decisions.md). */
import { execFile } from 'node:child_process';
import { UnitMessages, type UnitState, watchdogTime } from './unit-messages.js';

export interface Notifier {
  /** The state has changed: what is due is sent now, and not at the next look. */
  look(): void;
  /** Nothing more is said; resolves when the last message has been sent or given up. */
  close(): Promise<void>;
}

const PROGRAM = 'systemd-notify';
const LOOK_EVERY_MS = 1_000;
/** systemd answers at once; one that does not must not hold up the next message for ever. */
const TIMEOUT_MS = 10_000;

/**
 * Does nothing where no systemd waits for messages.
 *
 * @param onTrouble is called once with the reason, until a message gets through again
 */
export function startNotifier(
  environment: Readonly<Record<string, string | undefined>>,
  state: () => UnitState,
  onTrouble: (reason: string) => void,
): Notifier {
  const { NOTIFY_SOCKET, PATH } = environment;
  if (!NOTIFY_SOCKET) return { look: () => undefined, close: async () => undefined };
  const messages = new UnitMessages(watchdogTime(environment, process.pid));
  const env = { NOTIFY_SOCKET, ...(PATH === undefined ? {} : { PATH }) };
  let sending: Promise<void> | null = null;
  let isTroubled = false;
  let isAsked = false;
  const send = async (lines: readonly string[]): Promise<void> => {
    const reason = await notify(lines, env);
    if (reason !== null) messages.lost();
    if (reason !== null && !isTroubled) onTrouble(reason);
    isTroubled = reason !== null;
    sending = null;
    if (isAsked && reason === null) look();
  };
  const look = (): void => {
    isAsked = sending !== null;
    if (sending !== null) return;
    const lines = messages.due(state(), monotonicTime());
    if (lines.length > 0) sending = send(lines);
  };
  const timer = setInterval(look, LOOK_EVERY_MS).unref();
  look();
  return {
    look,
    close: async () => {
      isAsked = false;
      clearInterval(timer);
      await sending;
    },
  };
}

/** Milliseconds of CLOCK_MONOTONIC. */
function monotonicTime(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Null when systemd has taken the lines: its program waits for that. */
function notify(lines: readonly string[], env: Readonly<Record<string, string>>): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(PROGRAM, lines, { env, timeout: TIMEOUT_MS }, (error, _stdout, stderr) =>
      resolve(error === null ? null : stderr.trim() || error.message),
    );
  });
}
