/** How much a fault run does, and the seed from which it can be played again. */
import { randomInt } from 'node:crypto';
import type { TestContext } from 'node:test';
import { type Random, seededRandom } from '../support/random.js';

/** `npm run test:faults` runs everything at its full size, `npm test` a part of it at a small one. */
export const FULL = process.env['FAULTS'] === 'full';

export const ONLY_FULL = FULL ? {} : { skip: 'runs in npm run test:faults' };

export function seeded(t: TestContext): Random {
  const given = process.env['SEED'];
  const seed = given === undefined ? randomInt(2 ** 31) : Number(given);
  t.diagnostic(`seed ${seed} (SEED=${seed} plays it again)`);
  return seededRandom(seed);
}

/** What the mock cluster cannot show is skipped there; true when the test should return. */
export function skipOnMock(t: TestContext, why: string): boolean {
  const isMock = process.env['SANDBOX_KAFKA_KIND'] === 'mock';
  if (isMock) t.skip(`librdkafka's mock cluster ${why}`);
  return isMock;
}
