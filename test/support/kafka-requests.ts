/** The requests of Kafka's protocol that the scripted broker knows: their numbers and versions, and how they are read. */
import { gunzipSync } from 'node:zlib';
import { type Batch, decodeBatch, type Reader } from './kafka-wire.js';

/** Codes of errors, by the names that the protocol gives them. */
export const CODES = {
  UNKNOWN_SERVER_ERROR: -1,
  OFFSET_OUT_OF_RANGE: 1,
  CORRUPT_MESSAGE: 2,
  UNKNOWN_TOPIC: 3,
  LEADER_NOT_AVAILABLE: 5,
  MESSAGE_TOO_LARGE: 10,
  OFFSET_METADATA_TOO_LARGE: 12,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  RECORD_LIST_TOO_LARGE: 18,
  ILLEGAL_GENERATION: 22,
  REBALANCE_IN_PROGRESS: 27,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  INVALID_REQUEST: 42,
} as const;

export interface Position {
  readonly partition: number;
  readonly offset: number;
  readonly metadata: string | null;
}

/** What each kind of request says. */
export interface Requests {
  Produce: { readonly acks: number; readonly topic: string; readonly partition: number; readonly batch: Batch };
  Fetch: { readonly maxWaitMs: number; readonly partitions: readonly Omit<Position, 'metadata'>[] };
  ListOffsets: { readonly topic: string; readonly partitions: readonly { partition: number; time: number }[] };
  /** `topics` is null for all that there are. */
  Metadata: { readonly topics: readonly string[] | null; readonly mayCreate: boolean };
  OffsetCommit: { readonly generation: number; readonly member: string; readonly positions: readonly Position[] };
  OffsetFetch: { readonly topic: string; readonly partitions: readonly number[] };
  FindCoordinator: { readonly group: string };
  JoinGroup: { readonly sessionMs: number; readonly rebalanceMs: number; readonly protocol: string };
  Heartbeat: { readonly generation: number };
  LeaveGroup: { readonly member: string };
  SyncGroup: { readonly generation: number };
  SaslHandshake: { readonly mechanism: string };
  ApiVersions: Record<never, never>;
  CreateTopics: { readonly topic: string; readonly partitions: number; readonly replicas: number };
  SaslAuthenticate: { readonly bytes: string };
}

export type Api = keyof Requests;

/** The number of each kind of request, and the version of it that is spoken. */
export const APIS: Readonly<Record<Api, readonly [key: number, version: number]>> = {
  Produce: [0, 3],
  Fetch: [1, 4],
  ListOffsets: [2, 1],
  Metadata: [3, 4],
  OffsetCommit: [8, 2],
  OffsetFetch: [9, 1],
  FindCoordinator: [10, 0],
  JoinGroup: [11, 1],
  Heartbeat: [12, 0],
  LeaveGroup: [13, 0],
  SyncGroup: [14, 0],
  SaslHandshake: [17, 1],
  ApiVersions: [18, 2],
  CreateTopics: [19, 0],
  SaslAuthenticate: [36, 0],
};

export const READ: { readonly [A in Api]: (request: Reader) => Requests[A] } = {
  Produce(request) {
    request.string();
    const acks = request.int16();
    request.int32();
    const [topic] = request.array(() => ({
      topic: request.text(),
      partition: request.array(() => ({ partition: request.int32(), bytes: request.bytes() as Buffer }))[0],
    }));
    const { partition = -1, bytes = Buffer.alloc(0) } = topic?.partition ?? {};
    const decompress = (records: Buffer, compression: number) => (compression === 1 ? gunzipSync(records) : records);
    return { acks, topic: topic?.topic ?? '', partition, batch: decodeBatch(bytes, decompress) };
  },
  Fetch(request) {
    request.int32();
    const maxWaitMs = request.int32();
    request.raw(4 + 4 + 1);
    const partitions = request.array(() => {
      request.string();
      return request.array(() => {
        const position = { partition: request.int32(), offset: request.int64() };
        request.int32();
        return position;
      });
    });
    return { maxWaitMs, partitions: partitions.flat() };
  },
  ListOffsets(request) {
    request.int32();
    const [topic] = request.array(() => ({
      topic: request.text(),
      partitions: request.array(() => ({ partition: request.int32(), time: request.int64() })),
    }));
    return topic ?? { topic: '', partitions: [] };
  },
  Metadata(request) {
    const topics = request.array(() => request.text());
    return { topics: topics.length === 0 ? null : topics, mayCreate: request.int8() === 1 };
  },
  OffsetCommit(request) {
    request.string();
    const [generation, member] = [request.int32(), request.text()];
    request.int64();
    const positions = request.array(() => {
      request.string();
      return request.array(() => ({
        partition: request.int32(),
        offset: request.int64(),
        metadata: request.string(),
      }));
    });
    return { generation, member, positions: positions.flat() };
  },
  OffsetFetch(request) {
    request.string();
    const [topic] = request.array(() => ({ topic: request.text(), partitions: request.array(() => request.int32()) }));
    return topic ?? { topic: '', partitions: [] };
  },
  FindCoordinator: (request) => ({ group: request.text() }),
  JoinGroup(request) {
    request.string();
    const [sessionMs, rebalanceMs] = [request.int32(), request.int32()];
    request.string();
    request.string();
    return {
      sessionMs,
      rebalanceMs,
      protocol: request.array(() => [request.text(), request.bytes()])[0]?.[0] as string,
    };
  },
  Heartbeat(request) {
    request.string();
    return { generation: request.int32() };
  },
  LeaveGroup(request) {
    request.string();
    return { member: request.text() };
  },
  SyncGroup(request) {
    request.string();
    return { generation: request.int32() };
  },
  SaslHandshake: (request) => ({ mechanism: request.text() }),
  ApiVersions: () => ({}),
  CreateTopics(request) {
    const topics = request.array(() => {
      const topic = { topic: request.text(), partitions: request.int32(), replicas: request.int16() };
      request.array(() => undefined);
      request.array(() => undefined);
      return topic;
    });
    return topics[0] as Requests['CreateTopics'];
  },
  SaslAuthenticate: (request) => ({ bytes: (request.bytes() ?? Buffer.alloc(0)).toString() }),
};
