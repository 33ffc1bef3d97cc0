/**
 * A service that is killed again and again at seeded moments, and started anew each time: the moments are lines of its
 * log, so that every step between the announcement of a file and its commit gets its share.
 */
import type { TestContext } from 'node:test';
import type { Random } from '../support/random.js';
import { type Place, type ServiceProcess, type Settings, spawnService } from '../support/service-process.js';
import { loadsAtRisk, loadsAtRiskInRebalances } from './at-risk.js';
import { crash } from './members.js';

/** Between the end of a load and the commit that passes it is where a crash costs most. */
const MOMENTS = [
  'service.started',
  'partitions.assigned',
  'partitions.restored',
  'record.taken',
  'job.started',
  'child.started',
  'job.loaded',
  'job.loaded',
  'job.loaded',
  'commit.done',
] as const;

/** Once per life; `service.started` and what follows it are of no use a second time. */
const ONCE: readonly string[] = ['service.started', 'partitions.assigned', 'partitions.restored'];
/** Most of it is the join, which waits for the session of the life before. */
const LIFE_MS = 240_000;
/** One commit passes dozens of loads: a count as high as that of the others would outlast the work. */
const MAX_COMMITS = 3;

export interface Storm {
  readonly kills: number;
  /** Kills at the n-th line of the chosen moment, n up to this. */
  readonly maxLines: number;
  /** Announces more than `maxLines` files: each life has work of its own, however much the one before got done. */
  readonly announce: () => Promise<unknown>;
  /** Nothing is left to load: no further moment would come in this life. */
  readonly isOver: () => Promise<boolean>;
  readonly settings: Settings;
  /** Lines of the log, where they are not the usual ones. */
  readonly moments?: readonly string[] | undefined;
}

export interface StormResult {
  /** The last life, which runs on. */
  readonly survivor: ServiceProcess;
  /** Most loads that a loader without tokens may repeat: what ran, and what had ended since the last sure commit. */
  readonly atRisk: number;
}

export async function storm(t: TestContext, place: Place, random: Random, plan: Storm): Promise<StormResult> {
  let atRisk = 0;
  const moments = new Map<string, number>();
  for (let kills = 0; kills < plan.kills; kills += 1) {
    await plan.announce();
    const moment = random.pick<string>(plan.moments ?? MOMENTS);
    const count = 1 + random.below(linesOf(moment, plan.maxLines));
    const delayMs = random.chance(0.5) ? 0 : random.below(150);
    const service = spawnService(t, place, plan.settings);
    await lineWithin(service, moment, count, plan.isOver);
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    await crash(place, service);
    atRisk += loadsAtRisk(service.log) + loadsAtRiskInRebalances(service);
    moments.set(moment, (moments.get(moment) ?? 0) + 1);
  }
  t.diagnostic(`${plan.kills} kills: ${[...moments].map(([moment, times]) => `${times} × ${moment}`).join(', ')}`);
  await plan.announce();
  return { survivor: spawnService(t, place, plan.settings), atRisk };
}

function linesOf(moment: string, maxLines: number): number {
  if (ONCE.includes(moment)) return 1;
  return moment === 'commit.done' ? Math.min(MAX_COMMITS, maxLines) : maxLines;
}

/** Waits for the line, or until there is no more work that could bring it. */
async function lineWithin(
  service: ServiceProcess,
  message: string,
  count: number,
  isOver: Storm['isOver'],
): Promise<void> {
  let isSeen = false;
  const seen = service.lineOf(message, count).then(() => {
    isSeen = true;
  });
  const what = `${count} × ${message}`;
  await Promise.race([seen, service.until(async () => isSeen || (await isOver()), LIFE_MS, what)]);
}
