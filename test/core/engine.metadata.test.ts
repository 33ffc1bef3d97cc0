/** Transcripts of a partition whose commits tell so much that a broker would soon refuse them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Effect } from '../../lib/core/events.js';
import { encodeMetadata, MAX_METADATA_CHARACTERS, type Range } from '../../lib/core/offsets/commit-metadata.js';
import { Play, partition, record } from '../support/engine.js';

/** What a former owner left that had completed `count` records far from each other: about four characters for each. */
function leftBehind(count: number): string {
  const completed = Array.from({ length: count }, (_, index): Range => [200 * index + 200, 200 * index + 201]);
  return encodeMetadata(0, { completed, attempts: new Map(), clean: false });
}

function restoredWith(metadata: string): Play {
  const play = new Play();
  play.tell({ type: 'assigned', epoch: 1, partitions: [partition(0)] });
  play.tell({ type: 'restored', epoch: 1, positions: [{ ...partition(0), offset: 0, metadata }] });
  return play;
}

/** The owner before did not end in order, so that a start is committed before it happens. */
function takeFirst(play: Play): Effect[] {
  return play.engine.handle({ type: 'record', record: record(0) }, play.now);
}

describe('the engine: the metadata of commits', () => {
  it('stops the reading of its partition above three quarters of what a broker takes, until that is loaded', () => {
    const metadata = leftBehind(800);
    assert.ok(metadata.length > 0.75 * MAX_METADATA_CHARACTERS && metadata.length < 0.85 * MAX_METADATA_CHARACTERS);
    const play = restoredWith(metadata);
    takeFirst(play);
    assert.deepEqual(play.committed('0:0'), ['pause 0', 'run 0/0/0 attempt 1']);
    assert.ok(play.end(0).includes('resume 0'));
  });

  it('stops nothing below', () => {
    const metadata = leftBehind(700);
    assert.ok(metadata.length > 0.65 * MAX_METADATA_CHARACTERS && metadata.length < 0.75 * MAX_METADATA_CHARACTERS);
    const play = restoredWith(metadata);
    takeFirst(play);
    assert.deepEqual(play.committed('0:0'), ['run 0/0/0 attempt 1']);
  });

  it('is left out where a broker would refuse it', () => {
    const metadata = leftBehind(1_100);
    assert.ok(metadata.length > MAX_METADATA_CHARACTERS);
    const effects = takeFirst(restoredWith(metadata));
    const commit = effects.find((effect) => effect.type === 'commit');
    assert.deepEqual(commit?.offsets, [{ ...partition(0), offset: 0, metadata: '' }]);
    assert.ok(effects.some((effect) => effect.type === 'metadata-problem' && effect.problem === 'too-long'));
  });
});
