import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMetadata } from '../../lib/core/offsets/commit-metadata.js';
import { groupOffsets } from '../sandbox/topics.js';
import { type Settings, startService, writeScript } from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { AnswerErrors, CLUSTER_AUTHORIZATION_FAILED, FETCH } from './answer-errors.js';
import { allCommitted, closeBooks, fixtureLoads } from './ledger.js';
import { startOwnKafka } from './scene.js';
import { ONLY_FULL } from './seed.js';

const MAX_INTERRUPTIONS = 2;

test(
  'row 39: a file that is loading whenever the Kafka client gives up is not held to be the cause',
  ONLY_FULL,
  async (t) => {
    const errors = new AnswerErrors(FETCH);
    const own = await startOwnKafka(t, () => errors.filter());
    if (own === null) return;
    const { place } = own;
    const long = writeScript(place, 'long', `[ -e ${place.directory}/released ] || sleep 3600`);
    const announcements = new Announcements(place);
    const records = await announcements.files([long, writeScript(place, 'short', 'exit 0')], {}, 0);
    const settings: Settings = {
      as_cli: { timeout: 7_200 },
      kafka: { session_timeout_ms: 6_000 },
      service: { retry: { max_interruptions: MAX_INTERRUPTIONS } },
    };
    for (let run = 0; run <= MAX_INTERRUPTIONS; run += 1) {
      const service = await startService(t, place, settings);
      const isRunning = () => service.events('child.started').some(({ job }) => job === `${records[0]}/0`);
      await service.until(isRunning, 60_000, 'the long load runs');
      errors.answerWith([CLUSTER_AUTHORIZATION_FAILED]);
      await service.seen('kafka.failed', 1, 60_000);
      assert.equal(await service.exited, 1);
      assert.equal(service.events('kafka.failed').length, 1);
      const [{ committed, metadata } = { committed: null, metadata: '' }] = await groupOffsets(
        place.kafka.brokers,
        place.group,
        place.topic,
      );
      const attempts = decodeMetadata(committed ?? 0, metadata)?.attempts ?? new Map();
      assert.deepEqual([...attempts], [], `after run ${run} nothing is held against a file`);
    }
    writeScript(place, 'released', '');
    const last = await startService(t, place, settings);
    await last.until(() => fixtureLoads(place).size === records.length, 60_000, 'the long load');
    await allCommitted(place, last);
    assert.equal(await last.stop(), 0);
    const { letters } = await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: true });
    assert.equal(letters, 0);
  },
);
