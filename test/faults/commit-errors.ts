/**
 * Answers the group's commits with errors: a filter for the proxy, which reads the frames of Kafka's protocol that pass.
 * The broker has taken such a commit all the same, so its real offsets stay what they were told.
 */
import type { Filter } from './tcp-proxy.js';

const OFFSET_COMMIT = 8;
/** From this version on the answer begins with the time of a throttling. */
const FIRST_WITH_THROTTLE = 3;

export class CommitErrors {
  /** The codes that were given, in their order. */
  readonly given: number[] = [];
  #next: number[] = [];

  /** The next commits are answered with these codes, one each. */
  answerWith(codes: readonly number[]): void {
    this.#next = [...codes];
  }

  /** For one connection. */
  filter(): Filter {
    /** The version of each commit that waits for its answer, by the request's number. */
    const commits = new Map<number, number>();
    return {
      toServer: byFrames((frame) => {
        if (frame.readInt16BE(4) === OFFSET_COMMIT) commits.set(frame.readInt32BE(8), frame.readInt16BE(6));
      }),
      toClient: byFrames((frame) => {
        const request = frame.readInt32BE(4);
        const version = commits.get(request);
        if (version === undefined) return;
        commits.delete(request);
        const code = this.#next.shift();
        if (code === undefined) return;
        this.given.push(code);
        writeErrors(frame, version >= FIRST_WITH_THROTTLE ? 12 : 8, code);
      }),
    };
  }
}

/** Gives `look` whole frames, which it may change, and hands on what came. */
function byFrames(look: (frame: Buffer) => void): (bytes: Buffer) => Buffer {
  let waiting = Buffer.alloc(0);
  return (bytes) => {
    waiting = Buffer.concat([waiting, bytes]);
    const whole: Buffer[] = [];
    while (waiting.length >= 4 && waiting.length >= 4 + waiting.readInt32BE(0)) {
      const frame = waiting.subarray(0, 4 + waiting.readInt32BE(0));
      look(frame);
      whole.push(frame);
      waiting = waiting.subarray(frame.length);
    }
    return Buffer.concat(whole);
  };
}

/** In every partition of every topic of the answer. */
function writeErrors(frame: Buffer, start: number, code: number): void {
  let at = start;
  const count = (): number => {
    at += 4;
    return frame.readInt32BE(at - 4);
  };
  for (let topics = count(); topics > 0; topics -= 1) {
    at += 2 + frame.readInt16BE(at);
    for (let partitions = count(); partitions > 0; partitions -= 1) {
      frame.writeInt16BE(code, at + 4);
      at += 6;
    }
  }
}
