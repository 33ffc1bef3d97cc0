/**
 * Answers requests of one kind with errors: a filter for the proxy, which reads the frames of Kafka's protocol that pass.
 * The broker has done what it was asked all the same, except where the request is spoilt on its way.
 */
import type { Filter } from './tcp-proxy.js';

/** By which a client gives its consumer up: a right to the topic or the group that is missing is waited for. */
export const CLUSTER_AUTHORIZATION_FAILED = 31;

/** A kind of request, and where its answer says that it failed. */
export interface Api {
  readonly key: number;
  /** Changes the request so that the broker refuses it. */
  readonly spoil?: (request: Buffer) => void;
  readonly write: (answer: Buffer, version: number, code: number) => void;
}

/** In a frame, behind its length and the number of its request. */
const ANSWER_START = 8;
/** In the frame of a request, behind its length, kind, version and number: the client's name, then what it asks. */
const REQUEST_TEXTS = 12;
const NO_GENERATION = 2 ** 31 - 1;

/** A commit, which has an error for every partition of every topic. */
export const OFFSET_COMMIT: Api = {
  key: 8,
  write(answer, version, code) {
    // From version 3 on the answer begins with the time of a throttling.
    let at = version >= 3 ? ANSWER_START + 4 : ANSWER_START;
    const count = (): number => {
      at += 4;
      return answer.readInt32BE(at - 4);
    };
    for (let topics = count(); topics > 0; topics -= 1) {
      at += 2 + answer.readInt16BE(at);
      for (let partitions = count(); partitions > 0; partitions -= 1) {
        answer.writeInt16BE(code, at + 4);
        at += 6;
      }
    }
  },
};

/** The same, which the broker does not make: it knows no such generation of the group. */
export const REFUSED_COMMIT: Api = {
  ...OFFSET_COMMIT,
  spoil(request) {
    const client = REQUEST_TEXTS + 2 + Math.max(0, request.readInt16BE(REQUEST_TEXTS));
    const generation = client + 2 + request.readInt16BE(client);
    request.writeInt32BE(NO_GENERATION, generation);
  },
};

/** A fetch of version 7 or later: the error of the first partition that was asked for. */
export const FETCH: Api = {
  key: 1,
  write(answer, _version, code) {
    // The throttling, the error of the session, and its number; then how many topics there are.
    const topic = ANSWER_START + 4 + 2 + 4 + 4;
    const partitions = topic + 2 + answer.readInt16BE(topic);
    answer.writeInt16BE(code, partitions + 4 + 4);
  },
};

/** An answer that begins with its error: at once, or behind the throttling from a version on. */
function errorBehindThrottling(key: number, fromVersion: number): Api {
  return {
    key,
    write(answer, version, code) {
      answer.writeInt16BE(code, version >= fromVersion ? ANSWER_START + 4 : ANSWER_START);
    },
  };
}

/** The question for a group's coordinator: the error stands behind the throttling, from version 1 on. */
export const FIND_COORDINATOR: Api = errorBehindThrottling(10, 1);

/** A heartbeat: the error stands behind the throttling, from version 1 on. */
export const HEARTBEAT: Api = errorBehindThrottling(12, 1);

/** What a member of the group is to read: the error stands behind the throttling, from version 1 on. */
export const SYNC_GROUP: Api = errorBehindThrottling(14, 1);

/** A join: the error stands behind the throttling, from version 2 on. */
export const JOIN_GROUP: Api = errorBehindThrottling(11, 2);

/** Passes what comes through one filter after the other. */
export function both(first: Filter, second: Filter): Filter {
  return {
    toServer: (bytes) => second.toServer(first.toServer(bytes)),
    toClient: (bytes) => second.toClient(first.toClient(bytes)),
  };
}

export class AnswerErrors {
  /** The codes that were given, in their order. */
  readonly given: number[] = [];
  readonly #api: Api;
  #next: number[] = [];

  constructor(api: Api) {
    this.#api = api;
  }

  /** The next requests are answered with these codes, one each. */
  answerWith(codes: readonly number[]): void {
    this.#next = [...codes];
  }

  /** For one connection. */
  filter(): Filter {
    /** The version of each request that waits for its answer, by its number. */
    const waiting = new Map<number, number>();
    return {
      toServer: byFrames((frame) => {
        if (frame.readInt16BE(4) !== this.#api.key) return;
        waiting.set(frame.readInt32BE(8), frame.readInt16BE(6));
        if (this.#next.length > 0) this.#api.spoil?.(frame);
      }),
      toClient: byFrames((frame) => {
        const request = frame.readInt32BE(4);
        const version = waiting.get(request);
        if (version === undefined) return;
        waiting.delete(request);
        const code = this.#next.shift();
        if (code === undefined) return;
        this.given.push(code);
        this.#api.write(frame, version, code);
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
