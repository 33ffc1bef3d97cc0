/**
 * A broker for tests of the Kafka client's side: one node that speaks the real protocol over TCP, in old and plain
 * versions, to the real client. It keeps topics, commits and a group of one member, does what a test tells it (refuse,
 * keep silent, rebalance, forget), and keeps every request that it got. What brokers themselves do is not tested with it.
 */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { quietPort } from '../sandbox/ports.js';
import { APIS, type Api, CODES, type Position, READ, type Requests } from './kafka-requests.js';
import { Reader, Writer } from './kafka-wire.js';
import { waitUntil } from './processes.js';
import { TopicStore } from './topic-store.js';

/** One request, and over which connection it came. */
export type BrokerRequest = { readonly [A in Api]: { readonly api: A; readonly from: Connection } & Requests[A] }[Api];

export interface Connection {
  readonly socket: Socket;
  /** Whether it is that of a member of the group, and not that of a question beside. */
  isMember: boolean;
}

/** Whose requests are meant: those of the member of the group, or those of clients that ask beside. */
export type Whose = 'anyone' | 'member' | 'others';

export interface BrokerOptions {
  /** Names, and how many partitions each has. */
  readonly topics?: Readonly<Record<string, number>>;
  readonly replicas?: number;
  /** Whether a topic that a client asks for is made. */
  readonly createsTopics?: boolean;
  readonly tls?: TlsOptions | null;
  /** How many answers that describe a topic do not know it yet when it has been made. */
  readonly lateness?: number;
  /** What they say instead; left out for that there is no such topic. */
  readonly lateCode?: number;
  /** How long a client is told to keep quiet when it has connected. */
  readonly throttleMs?: number;
}

const NODE = 1;
const DEADLINE_MS = 60_000;

export class ScriptedBroker {
  /** All requests so far, in the order in which they came. */
  readonly requests: BrokerRequest[] = [];
  readonly topics = new TopicStore();
  /** What the group has committed, by partition. */
  readonly committed = new Map<number, Position>();
  /** The partitions that the member is given when it joins. */
  assignment: readonly number[] = [];
  /** How it is reached from the next `open` on; null in the clear. */
  tls: TlsOptions | null;
  readonly #options: BrokerOptions;
  readonly #connections = new Set<Connection>();
  readonly #refusals: { readonly api: Api; readonly code: number; readonly whose: Whose }[] = [];
  readonly #held = new Set<{ readonly api: Api; readonly whose: Whose; readonly over: Promise<void> }>();
  #server: Server | null = null;
  #port = 0;
  #generation = 0;
  #isRebalancing = false;
  /** Of topics that were made, how many answers still do not know them. */
  readonly #unheard = new Map<string, number>();

  private constructor(options: BrokerOptions) {
    this.#options = options;
    this.tls = options.tls ?? null;
    for (const [name, partitions] of Object.entries(options.topics ?? {})) this.topics.create(name, partitions);
  }

  /** It is gone at the end of the test. */
  static async start(t: TestContext, options: BrokerOptions = {}): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(options);
    await broker.open();
    t.after(() => broker.close());
    return broker;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get connections(): number {
    return this.#connections.size;
  }

  get generation(): number {
    return this.#generation;
  }

  /** Listens, at the same address as before. */
  async open(): Promise<void> {
    const join = (socket: Socket): void => this.#join(socket);
    this.#server = this.tls === null ? createServer(join) : createTlsServer(this.tls, join);
    this.#server.on('tlsClientError', () => undefined);
    if (this.#port === 0) this.#port = await quietPort();
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Ends all connections and refuses new ones. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    server.close();
    for (const { socket } of this.#connections) socket.destroy();
    this.topics.wakeAll();
    await once(server, 'close');
  }

  /** The member is told at its next sign of life, joins anew and is given these partitions. */
  rebalance(assignment: readonly number[]): void {
    this.assignment = assignment;
    this.#isRebalancing = true;
  }

  /** The next requests of a kind fail, one with each code. */
  refuse(api: Api, codes: readonly number[], whose: Whose = 'anyone'): void {
    this.#refusals.push(...codes.map((code) => ({ api, code, whose })));
  }

  /** Requests of a kind are kept without an answer until the returned function is called. */
  hold(api: Api, whose: Whose = 'anyone'): () => void {
    let release = (): void => undefined;
    const over = new Promise<void>((resolve) => {
      release = resolve;
    });
    const hold = { api, whose, over };
    this.#held.add(hold);
    return () => {
      this.#held.delete(hold);
      release();
    };
  }

  seen<A extends Api>(api: A): (Requests[A] & { readonly from: Connection })[] {
    return this.requests.filter((request) => request.api === api) as unknown as (Requests[A] & { from: Connection })[];
  }

  /** Waits until so many requests of a kind have come. */
  async until(api: Api, count: number): Promise<void> {
    await waitUntil(() => this.seen(api).length >= count, DEADLINE_MS, `${count} requests of the kind ${api}`);
  }

  async allClosed(): Promise<void> {
    await waitUntil(() => this.connections === 0, DEADLINE_MS, 'all connections to be closed');
  }

  #join(socket: Socket): void {
    const connection: Connection = { socket, isMember: false };
    this.#connections.add(connection);
    let pending = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#connections.delete(connection));
    socket.on('data', (bytes) => {
      pending = Buffer.concat([pending, bytes]);
      while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE()) {
        const frame = pending.subarray(4, 4 + pending.readInt32BE());
        pending = pending.subarray(4 + frame.length);
        void this.#serve(connection, new Reader(frame));
      }
    });
  }

  async #serve(connection: Connection, frame: Reader): Promise<void> {
    const [key, version, correlation] = [frame.int16(), frame.int16(), frame.int32()];
    frame.string();
    const api = (Object.keys(APIS) as Api[]).find((name) => APIS[name][0] === key);
    if (api === undefined || APIS[api][1] !== version) throw new Error(`version ${version} of request ${key} came`);
    if (api === 'JoinGroup') connection.isMember = true;
    const request = { api, from: connection, ...READ[api](frame) } as BrokerRequest;
    this.requests.push(request);
    for (const { over, ...meant } of this.#held) if (isMeant(request, meant)) await over;
    const answer = await this.#answer(request, this.#takeRefusal(request));
    if (connection.socket.destroyed) return;
    connection.socket.write(new Writer().bytes(new Writer().int32(correlation).raw(answer.finish()).finish()).finish());
  }

  #takeRefusal(request: BrokerRequest): number {
    const index = this.#refusals.findIndex((each) => isMeant(request, each));
    const [refusal] = index < 0 ? [] : this.#refusals.splice(index, 1);
    return refusal?.code ?? 0;
  }

  /** @param code of the error to answer with; 0 for none */
  async #answer(request: BrokerRequest, code: number): Promise<Writer> {
    const answer = new Writer();
    switch (request.api) {
      case 'ApiVersions':
        answer.int16(code).array(Object.values(APIS), ([key, version]) => answer.int16(key).int16(0).int16(version));
        return answer.int32(this.#options.throttleMs ?? 0);
      case 'Metadata':
        return this.#describe(request, answer);
      case 'FindCoordinator':
        return answer.int16(code).int32(NODE).string('127.0.0.1').int32(this.#port);
      case 'JoinGroup':
        return this.#joinGroup(request, answer, code);
      case 'SyncGroup':
        return answer.int16(code).bytes(this.#assignment());
      case 'Heartbeat':
        return answer.int16(code || this.#judge(request.generation));
      case 'LeaveGroup':
        return answer.int16(code);
      case 'OffsetFetch':
        return this.#tellCommitted(request, answer, code);
      case 'OffsetCommit':
        return this.#commit(request, answer, code);
      case 'ListOffsets':
        return this.#listOffsets(request, answer, code);
      case 'Fetch':
        return await this.#fetch(request, answer, code);
      case 'Produce':
        return this.#produce(request, answer, code);
      case 'CreateTopics':
        if (code === 0) {
          this.topics.create(request.topic, request.partitions);
          this.#unheard.set(request.topic, this.#options.lateness ?? 0);
        }
        return answer.array([request.topic], (topic) => answer.string(topic).int16(code));
      case 'SaslHandshake':
        return answer.int16(code).array([request.mechanism], (mechanism) => answer.string(mechanism));
      case 'SaslAuthenticate':
        return answer.int16(code).string(null).bytes(Buffer.alloc(0));
    }
  }

  #describe({ topics, mayCreate }: Requests['Metadata'], answer: Writer): Writer {
    const names = topics ?? this.topics.names;
    const { createsTopics = false, replicas = 1 } = this.#options;
    for (const name of names) {
      if (createsTopics && mayCreate && this.topics.partitions(name) === null) this.topics.create(name, 1);
    }
    answer.int32(0).array([NODE], (node) => answer.int32(node).string('127.0.0.1').int32(this.#port).string(null));
    const copies = Array.from({ length: replicas }, (_, index) => NODE + index);
    return answer
      .string('cluster')
      .int32(NODE)
      .array(names, (name) => {
        const partitions = topics !== null && this.#isUnheard(name) ? null : this.topics.partitions(name);
        answer
          .int16(partitions === null ? (this.#options.lateCode ?? CODES.UNKNOWN_TOPIC) : 0)
          .string(name)
          .int8(0);
        answer.array([...(partitions ?? []).keys()], (partition) => {
          answer.int16(0).int32(partition).int32(NODE);
          for (const list of [copies, copies]) answer.array(list, (node) => answer.int32(node));
        });
      });
  }

  #isUnheard(topic: string): boolean {
    const left = this.#unheard.get(topic) ?? 0;
    this.#unheard.set(topic, Math.max(0, left - 1));
    return left > 0;
  }

  #joinGroup({ protocol, from }: Requests['JoinGroup'] & { from: Connection }, answer: Writer, code: number): Writer {
    if (code === 0 && !from.socket.destroyed) {
      this.#generation += 1;
      this.#isRebalancing = false;
    }
    const member = 'member';
    // The one member leads, but what it makes of the partitions is not asked: the test has said which it gets.
    return answer
      .int16(code)
      .int32(this.#generation)
      .string(protocol)
      .string('another')
      .string(member)
      .array([], () => undefined);
  }

  #assignment(): Buffer {
    const topics = this.assignment.length === 0 ? [] : this.topics.names.slice(0, 1);
    const assignment = new Writer().int16(0);
    assignment.array(topics, (topic) => {
      assignment.string(topic).array(this.assignment, (partition) => assignment.int32(partition));
    });
    return assignment.bytes(Buffer.alloc(0)).finish();
  }

  /** What a member of that generation is told: 0 where all is well. */
  #judge(generation: number): number {
    if (this.#isRebalancing) return CODES.REBALANCE_IN_PROGRESS;
    return generation === this.#generation ? 0 : CODES.ILLEGAL_GENERATION;
  }

  #tellCommitted({ topic, partitions }: Requests['OffsetFetch'], answer: Writer, code: number): Writer {
    return answer.array([topic], (name) => {
      answer.string(name).array(partitions, (partition) => {
        const { offset, metadata } = this.committed.get(partition) ?? { offset: -1, metadata: '' };
        answer.int32(partition).int64(offset).string(metadata).int16(code);
      });
    });
  }

  #commit({ generation, positions }: Requests['OffsetCommit'], answer: Writer, code: number): Writer {
    const verdict = code || (generation === this.#generation ? 0 : CODES.ILLEGAL_GENERATION);
    if (verdict === 0) for (const position of positions) this.committed.set(position.partition, position);
    return answer.array(this.topics.names.slice(0, 1), (topic) => {
      answer.string(topic).array(positions, ({ partition }) => answer.int32(partition).int16(verdict));
    });
  }

  #listOffsets({ topic, partitions }: Requests['ListOffsets'], answer: Writer, code: number): Writer {
    return answer.array([topic], () => {
      answer.string(topic).array(partitions, ({ partition, time }) => {
        const { start, end } = this.topics.partition(topic, partition);
        answer
          .int32(partition)
          .int16(code)
          .int64(-1)
          .int64(time === -2 ? start : end);
      });
    });
  }

  async #fetch({ maxWaitMs, partitions }: Requests['Fetch'], answer: Writer, code: number): Promise<Writer> {
    const topic = this.topics.names[0] as string;
    const isNews = ({ partition, offset }: { partition: number; offset: number }): boolean => {
      const { start, end } = this.topics.partition(topic, partition);
      return offset < start || offset !== end;
    };
    if (code === 0 && !partitions.some(isNews)) await this.topics.news(maxWaitMs);
    return answer.int32(0).array([topic], () => {
      answer.string(topic).array(partitions, ({ partition, offset }) => {
        const { start, end, batches } = this.topics.partition(topic, partition);
        const isOutOfRange = offset < start || offset > end;
        answer.int32(partition).int16(code || (isOutOfRange ? CODES.OFFSET_OUT_OF_RANGE : 0));
        answer.int64(end).int64(end).int32(-1);
        const found = code === 0 && !isOutOfRange ? batches.filter(({ last }) => last >= offset) : [];
        answer.bytes(Buffer.concat(found.map(({ bytes }) => bytes)));
      });
    });
  }

  #produce({ topic, partition, batch }: Requests['Produce'], answer: Writer, code: number): Writer {
    const stored = this.topics.partitions(topic)?.[partition];
    const verdict = code || (stored === undefined ? CODES.UNKNOWN_TOPIC : 0);
    const offset = stored?.end ?? -1;
    if (verdict === 0)
      this.topics.append(
        topic,
        partition,
        batch.records.map((record) => ({ ...record, offset })),
      );
    return answer
      .array([topic], () => {
        answer.string(topic).array([partition], () => {
          answer.int32(partition).int16(verdict).int64(offset).int64(-1);
        });
      })
      .int32(0);
  }
}

function isMeant({ api, from }: BrokerRequest, meant: { readonly api: Api; readonly whose: Whose }): boolean {
  const { whose } = meant;
  return api === meant.api && (whose === 'anyone' || from.isMember === (whose === 'member'));
}
