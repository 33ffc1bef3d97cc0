import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { createPlace, startService, writeScript } from '../support/service-process.js';

const hasKcat = spawnSync('kcat', ['-V']).error === undefined;

test('messages of a producer that compresses by snappy, lz4, zstd or gzip are loaded', {
  skip: hasKcat ? false : 'kcat, which compresses by all of them, is not installed',
}, async (t) => {
  const place = await createPlace(t);
  const service = await startService(t, place);
  const codecs = ['snappy', 'lz4', 'zstd', 'gzip'];
  for (const codec of codecs) {
    // Many alike, so that compressing is worth it: a producer sends a batch as it is where it would grow.
    const files = Array.from({ length: 50 }, (_, index) => writeScript(place, `${codec}-${index}`, 'exit 0'));
    const lines = files.map((filename) => `${JSON.stringify({ filename, padding: 'x'.repeat(400) })}\n`);
    const args = ['-P', '-b', place.kafka.brokers.join(','), '-t', place.topic, '-z', codec, '-X', 'linger.ms=200'];
    const { status, stderr } = spawnSync('kcat', args, { input: lines.join(''), encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }
  await service.seen('job.loaded', 50 * codecs.length, 60_000);
  assert.equal(await service.stop(), 0);
  const files = new Set(service.events('job.loaded').map((line) => line['file'] as string));
  assert.equal(files.size, 50 * codecs.length);
  assert.ok([...files].every((file) => existsSync(file)));
});
