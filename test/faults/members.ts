/**
 * Members of the group that die. The broker waits for a dead member until its session expires; saying good-bye in its
 * name, which any client may, makes the same happen at once, and dozens of crashes affordable. kafkajs has no call for
 * it: the request is LeaveGroup, version 0, of Kafka's protocol.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { withAdmin } from '../sandbox/kafka-admin.js';
import { patience } from '../support/processes.js';
import { PARTITIONS, type Place, type ServiceProcess } from '../support/service-process.js';

const LEAVE_GROUP = 13;
const ANSWER_MS = patience(5_000);
/** How long a group may take to share out its partitions after a change. */
export const SETTLED_MS = 60_000;

function shareOf(member: ServiceProcess): number[] {
  return (member.events('partitions.assigned').at(-1)?.['partitions'] ?? []) as number[];
}

/** The shares of all members, once each partition is read by one of them. */
export async function settled(members: readonly ServiceProcess[], partitions = PARTITIONS): Promise<number[][]> {
  const whole = Array.from({ length: partitions }, (_, partition) => partition);
  const isWhole = () => String(members.flatMap(shareOf).sort((a, b) => a - b)) === String(whole);
  await members[0]?.until(isWhole, SETTLED_MS, 'each partition is read by one member');
  return members.map(shareOf);
}

/** Kills a service as nothing can be caught, and has the group forget it. */
export async function crash(place: Place, service: ServiceProcess): Promise<void> {
  service.signal('SIGKILL');
  await service.exited;
  // The mock cluster cannot tell its members: there the session expires by itself.
  if (place.kafka.kind !== 'mock') await expel(place, service.clientId);
}

/** Member ids begin with the client id, which every service of these tests has for itself alone. */
async function expel(place: Place, client: string): Promise<void> {
  const { groups } = await withAdmin(place.kafka.brokers, (admin) => admin.describeGroups([place.group]));
  for (const { memberId } of groups[0]?.members ?? []) {
    if (memberId.startsWith(`${client}-`)) await leave(place, memberId);
  }
}

async function leave({ kafka, group }: Place, memberId: string): Promise<void> {
  const [host, port] = (kafka.brokers[0] as string).split(':') as [string, string];
  const socket = connect(Number(port), host).setTimeout(ANSWER_MS, () => socket.destroy(new Error('no answer')));
  await once(socket, 'connect');
  const header = Buffer.alloc(8);
  header.writeInt16BE(LEAVE_GROUP, 0);
  const request = Buffer.concat([header, ...['atd-sandbox', group, memberId].map(kafkaString)]);
  const length = Buffer.alloc(4);
  length.writeInt32BE(request.length);
  socket.write(Buffer.concat([length, request]));
  await once(socket, 'data');
  socket.destroy();
}

function kafkaString(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(2);
  length.writeInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
