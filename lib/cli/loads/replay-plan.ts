/** Which loads may be announced again, and by what message. */
import {
  GENERATION_HEADER,
  MAX_GENERATION,
  placeHeader,
  REPLAY_FILES_HEADER,
  REPLAY_OF_HEADER,
} from '../../core/rules/replays.js';
import type { Load } from '../../ledger/load.js';
import { loadIdOf } from '../../ledger/load-id.js';
import { encode, formatOf } from '../emit/announcement.js';
import type { Raised } from '../undone/generations.js';

export interface Asked {
  readonly load: Load;
  readonly next: Raised;
  /** Of the load that was undone, in its table. */
  readonly rowsLeft: number;
}

export interface Where {
  readonly topic: string;
  /** Where each of its partitions ends. */
  readonly ends: ReadonlyMap<number, number>;
}

interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly index: number;
  readonly timestamp: number;
}

export type ReplayVerdict =
  | {
      readonly kind: 'replay';
      readonly load: Load;
      readonly place: Place;
      readonly generation: number;
      readonly nextId: string;
    }
  /** That was done before. */
  | { readonly kind: 'nothing'; readonly load: Load; readonly why: string }
  | { readonly kind: 'refused'; readonly load: Load; readonly why: string };

const TOKEN = /^([^/@]+)\/(\d{1,10})\/(\d{1,16})\/(\d{1,5})@(-?\d{1,17})$/;

export function judgeReplay({ load, next, rowsLeft }: Asked, { topic, ends }: Where): ReplayVerdict {
  const refused = (why: string): ReplayVerdict => ({ kind: 'refused', load, why });
  if (next.undone === null) {
    if (load.status === 'given-up' || load.status === 'skipped')
      return refused('it is a dead letter: dead-letters replay');
    if (load.status === 'failed') return refused('it is not over: its last attempt failed and another one may follow');
    return refused('its rows are in the table, and none would be added: loads undo takes them out');
  }
  if (rowsLeft > 0) {
    return refused(
      `${rowsLeft.toLocaleString('en-GB')} rows of it are still in its table: repeat loads undo, which was interrupted`,
    );
  }
  const nextId = loadIdOf(load.token, next.generation);
  if (next.state !== null) {
    const { status } = next.state;
    const lost = status === 'given-up' || status === 'skipped';
    return lost
      ? refused(`it was announced again and given up as ${nextId}: dead-letters replay`)
      : { kind: 'nothing', load, why: `it was announced again as ${nextId}, which is ${status}` };
  }
  const place = placeOf(load.token);
  if (place === null || place.topic !== topic)
    return refused(`its message stood in ${place?.topic ?? 'no topic'}, not in ${topic}`);
  const end = ends.get(place.partition);
  if (end === undefined) return refused(`${topic} has no partition ${place.partition} any more`);
  // The service would not believe it, and load the file under a token of its own, as often as it is announced.
  if (place.offset >= end) {
    return refused(`${topic} was made anew and has no message at its place ${place.offset} yet: announce it by emit`);
  }
  if (next.generation > MAX_GENERATION) return refused(`it was undone ${MAX_GENERATION} times: announce it by emit`);
  return { kind: 'replay', load, place, generation: next.generation, nextId };
}

/** Of a file that was undone several times all of its loads may be chosen: it is announced once. */
export function onceEach(verdicts: readonly ReplayVerdict[]): ReplayVerdict[] {
  const seen = new Set<string>();
  return verdicts.map((verdict): ReplayVerdict => {
    if (verdict.kind !== 'replay') return verdict;
    const { load, nextId } = verdict;
    if (seen.has(nextId)) return { kind: 'nothing', load, why: `its file is announced already, as ${nextId}` };
    seen.add(nextId);
    return verdict;
  });
}

/** The message says where the file stood first, and how often its rows were taken out since. */
export function announcementOf({ load, place, generation }: Extract<ReplayVerdict, { kind: 'replay' }>): {
  readonly partition: number;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
} {
  const { path, tenant, lane, bytes } = load;
  const fields = { filename: path, format: formatOf(path), size: bytes, tenant };
  return {
    partition: place.partition,
    value: encode(fields),
    headers: {
      ...(lane === 'normal' ? {} : { lane }),
      [REPLAY_OF_HEADER]: placeHeader(place),
      ...(place.index === 0 ? {} : { [REPLAY_FILES_HEADER]: String(place.index) }),
      [GENERATION_HEADER]: String(generation),
    },
  };
}

function placeOf(token: string): Place | null {
  const [, topic, ...numbers] = TOKEN.exec(token) ?? [];
  if (topic === undefined) return null;
  const [partition = 0, offset = 0, index = 0, timestamp = 0] = numbers.map(Number);
  return { topic, partition, offset, index, timestamp };
}
