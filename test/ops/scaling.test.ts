/** docs/scaling.md says the same as the settings, the metrics, the client's options and docs/performance.md. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listSettings } from '../../lib/config/schema.js';
import { METRICS } from '../../lib/telemetry/metric-definitions.js';
import { read } from '../support/documents.js';

const text = read('docs/scaling.md');
const words = [...text.matchAll(/`([^`\n]+)`/g)].map(([, word = '']) => word);

describe('docs/scaling.md', () => {
  it('names settings and metrics that there are', () => {
    const settings = new Set(listSettings().map(([key]) => key));
    const groups = new Set([...settings].map((key) => key.split('.')[0]));
    const named = words.map((word) => word.split(':')[0] ?? '').filter((word) => /^[a-z_]+\.[a-z_.]+$/.test(word));
    const meant = named.filter((word) => groups.has(word.split('.')[0]));
    assert.ok(meant.length >= 8, String(meant));
    for (const key of meant) assert.ok(settings.has(key), key);
    for (const name of words.filter((word) => word.startsWith('atd_'))) assert.ok(Object.hasOwn(METRICS, name), name);
  });

  it('gives the figures that were measured', () => {
    const measured = read('docs/performance.md').replaceAll(/\s+/g, ' ');
    const given = text.replaceAll(/\s+/g, ' ');
    for (const [here, there] of [
      [
        '2.00 times as many files as one (1.99 and 2.00 in other runs)',
        /`scale-out` \|[^|]*\|[^|]*\| 2\.00 \|[^|]*\| yes \| 1\.99, 2\.00/,
      ],
      ['128 MB for the idle service', /`memory` \| 128 MB idle/],
      ['48 MB more with 48,000 waiting files', /48,000 files wait.*: 48 MB beyond idle/],
      ['the start of the bundled loader 62 ms', /`loader-start` \| 62 ms/],
      ['half a millisecond for each file', /\*\*whole process, with its four threads\*\* \| 830 µs \| 550 µs/],
    ] as const) {
      assert.ok(given.includes(here), here);
      assert.match(measured, there);
    }
  });

  it('says how soon a member learns of a join, and of new partitions, as the client is told', () => {
    const consumer = read('lib/kafka/consumer.ts');
    assert.match(text, /a heartbeat \(a fifth of the session, at most 3 s\)/);
    assert.ok(consumer.includes('Math.min(3_000, Math.floor(options.sessionTimeoutMs / 5))'));
    assert.match(text, /noticed within a minute/);
    assert.ok(consumer.includes('metadataMaxAge: 60_000'));
  });
});
