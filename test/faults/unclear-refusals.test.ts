/** One dead letter is refused again and again by an answer that does not say whose fault that is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UNCLEAR_REFUSALS } from '../../lib/core/rules/letter-form.js';
import { CODES } from '../support/kafka-requests.js';
import { announce, createScriptedPlace } from '../support/scripted-place.js';
import { startService, writeScript } from '../support/service-process.js';

const DEADLINE_MS = 300_000;

test('row 77: a letter that is refused without a reason is sent with less in the end, and reading goes on', async (t) => {
  const place = await createScriptedPlace(t);
  // Its own topic and that of the orders are the only ones that are written to, and nobody gives orders.
  place.broker.refuse('Produce', new Array(UNCLEAR_REFUSALS + 1).fill(CODES.UNKNOWN_SERVER_ERROR));
  const service = await startService(t, place);
  place.broker.topics.append(place.topic, 0, ['no json']);
  await service.seen('letter.refused', UNCLEAR_REFUSALS, DEADLINE_MS);
  announce(place, writeScript(place, 'good', 'exit 0'));
  await service.seen('job.loaded', 1, DEADLINE_MS);
  assert.equal(await service.stop(), 0);
  const keys = place.broker.seen('Produce').map(({ batch }) => batch.records[0]?.key?.toString() ?? null);
  assert.deepEqual(keys, [...new Array(UNCLEAR_REFUSALS + 1).fill(null), `${place.topic}/0/0`]);
});
