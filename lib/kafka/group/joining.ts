/**
 * Two faults of kafkajs 2.2.4 in joining a group, mended on its classes. A join that is refused because the coordinator still
 * loads the group, or whose assignment is refused or lost with its connection, is given up: the member goes on with what it
 * had, its heartbeats are answered, others wait in vain for what it was given, and its commits are refused for ever. And
 * nothing makes a member join again while its heartbeats are answered, whatever becomes of its commits. Here a failed join is
 * repeated, and whoever holds the group may ask for another join.
 */
import { createRequire } from 'node:module';
import type { Assigner, PartitionAssigner } from 'kafkajs';

/** The client's side of one membership; a consumer that starts anew gets a new one. */
export interface ClientGroup {
  readonly memberId: string | null;
  readonly generationId: number;
  readonly assigners: readonly Assigner[];
  /** The membership as of the last join that succeeded; null before the first. */
  readonly offsetManager: { readonly groupId: string; readonly memberId: string; readonly generationId: number } | null;
  /** By a single request. @throws the broker's refusal */
  commitOffsets(offsets: { readonly topics: readonly unknown[] }): Promise<void>;
  joinAndSync(): Promise<void>;
  heartbeat(options: { readonly interval: number }): Promise<void>;
}

/** What a consumer wants to know of its joins; called synchronously. */
export interface JoinListener {
  /** Asked before each request to join. */
  mayJoin(): boolean;
  joining(group: ClientGroup): void;
  /** The coordinator has given out this id; it counts before the join is answered. */
  named(memberId: string): void;
}

interface JoinRequest {
  readonly groupProtocols: readonly { readonly metadata: Buffer }[];
}

interface Broker {
  findGroupCoordinator(question: { readonly groupId: string }): Promise<unknown>;
  lookupRequest(key: number, requests: unknown): (request: { readonly memberId: string }) => unknown;
  joinGroup(request: JoinRequest): Promise<unknown>;
}

const mustJoin = new WeakSet<ClientGroup>();
const listeners = new WeakMap<Assigner, JoinListener>();
/** By the metadata that a join carries. */
const listenersOfRequests = new WeakMap<Buffer, JoinListener>();
/** Why the coordinator of a group was not named when it was last asked for. */
const coordinatorRefusals = new Map<string, unknown>();
let isMended = false;

/** The broker's refusal to name the group's coordinator, which the client keeps to itself; undefined where there is none. */
export function coordinatorRefusal(groupId: string): unknown {
  return coordinatorRefusals.get(groupId);
}

/** Has the member join again at its next heartbeat, with the coordinator looked up anew. */
export function joinAgain(group: ClientGroup): void {
  mustJoin.add(group);
}

/** The same assigner, of which the listener hears when the group is joined; to be the first that a member offers. */
export function reportingAssigner(make: PartitionAssigner, listener: JoinListener): PartitionAssigner {
  return (config) => {
    const own = make(config);
    const assigner: Assigner = {
      name: own.name,
      version: own.version,
      assign: (group) => own.assign(group),
      protocol: (subscription) => {
        if (!listener.mayJoin()) throw new Error('the consumer is being stopped, and does not join its group any more');
        const state = own.protocol(subscription);
        listenersOfRequests.set(state.metadata, listener);
        return state;
      },
    };
    listeners.set(assigner, listener);
    return assigner;
  };
}

/** Affects all clients of this process. */
export function mendJoins(): void {
  if (isMended) return;
  isMended = true;
  const require = createRequire(import.meta.url);
  mendGroup((require('kafkajs/src/consumer/consumerGroup') as { readonly prototype: ClientGroup }).prototype);
  reportNames((require('kafkajs/src/broker') as { readonly prototype: Broker }).prototype);
}

function mendGroup(prototype: ClientGroup): void {
  const { joinAndSync, heartbeat } = prototype;
  prototype.joinAndSync = async function (this: ClientGroup) {
    for (const assigner of this.assigners) listeners.get(assigner)?.joining(this);
    try {
      await joinAndSync.call(this);
      mustJoin.delete(this);
    } catch (error) {
      mustJoin.add(this);
      throw error;
    }
  };
  prototype.heartbeat = async function (this: ClientGroup, options: { readonly interval: number }) {
    if (mustJoin.has(this)) {
      // The client's loop joins again when it meets this.
      throw Object.assign(new Error('the group has to be joined again'), { type: 'REBALANCE_IN_PROGRESS' });
    }
    await heartbeat.call(this, options);
  };
}

function reportNames(prototype: Broker): void {
  const { joinGroup, findGroupCoordinator } = prototype;
  prototype.findGroupCoordinator = async function (this: Broker, question: { readonly groupId: string }) {
    try {
      const coordinator = await findGroupCoordinator.call(this, question);
      coordinatorRefusals.delete(question.groupId);
      return coordinator;
    } catch (error) {
      coordinatorRefusals.set(question.groupId, error);
      throw error;
    }
  };
  prototype.joinGroup = function (this: Broker, request: JoinRequest) {
    const metadata = request.groupProtocols[0]?.metadata;
    const listener = metadata === undefined ? undefined : listenersOfRequests.get(metadata);
    if (listener === undefined) return joinGroup.call(this, request);
    const lookupRequest: Broker['lookupRequest'] = (key, requests) => {
      const make = this.lookupRequest(key, requests);
      return (made) => {
        if (made.memberId !== '') listener.named(made.memberId);
        return make(made);
      };
    };
    return joinGroup.call(Object.create(this, { lookupRequest: { value: lookupRequest } }) as Broker, request);
  };
}
