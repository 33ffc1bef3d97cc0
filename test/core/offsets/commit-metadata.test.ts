import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type AttemptCounts,
  decodeMetadata,
  encodeMetadata,
  MAX_ATTEMPTS,
  MAX_METADATA_CHARACTERS,
  type Range,
} from '../../../lib/core/offsets/commit-metadata.js';
import { seededRandom } from '../../support/random.js';

const NONE: ReadonlyMap<number, AttemptCounts> = new Map();

function roundTrip(position: number, completed: readonly Range[], attempts = NONE, clean = false): void {
  const metadata = encodeMetadata(position, { completed, attempts, clean });
  assert.deepEqual(decodeMetadata(position, metadata), { completed, attempts, clean });
}

const bytesOf = (metadata: string): number[] => [...atob(metadata)].map((character) => character.charCodeAt(0));
const ofBytes = (...bytes: number[]): string => btoa(String.fromCharCode(...bytes));

/** What other versions read, and have written: a change of it loads records again wherever two versions meet. */
const WRITTEN: readonly (readonly [
  what: string,
  position: number,
  completed: readonly Range[],
  bytes: readonly number[],
])[] = [
  ['bits from the position on', 500, [[501, 502]], [1, 1, 1, 0b10]],
  ['bits with the position itself', 5, [[5, 7]], [1, 1, 1, 0b11]],
  ['bits up to the end of a byte', 0, [[1, 8]], [1, 1, 1, 0b1111_1110]],
  [
    'bits in several bytes',
    0,
    [
      [1, 2],
      [10, 11],
    ],
    [1, 1, 2, 0b10, 0b100],
  ],
  ['runs where they are as short as bits', 0, [[1, 10]], [1, 0, 2, 1, 9]],
  [
    'several runs as short as bits',
    7,
    [
      [8, 9],
      [27, 33],
    ],
    [1, 0, 4, 1, 1, 18, 6],
  ],
  ['a run that is shorter than bits', 10, [[12, 20_012]], [1, 0, 4, 2, 0xa0, 0x9c, 0x01]],
];

describe('The bytes of the offset map', () => {
  for (const [what, position, completed, bytes] of WRITTEN) {
    it(`are ${what}`, () => {
      const metadata = { completed, attempts: NONE, clean: false };
      assert.deepEqual(bytesOf(encodeMetadata(position, metadata)), bytes);
      assert.deepEqual(decodeMetadata(position, ofBytes(...bytes)), metadata);
    });
  }

  it('say at last what records from the position on have cost, and before all whether the run ended cleanly', () => {
    const behind: readonly [number, AttemptCounts] = [4, { failed: 9, timedOut: 9, interrupted: 9 }];
    const ahead: readonly (readonly [number, AttemptCounts])[] = [
      [5, { failed: 1, timedOut: 2, interrupted: 3 }],
      [300, { failed: 0, timedOut: 0, interrupted: 1 }],
    ];
    const bytes = [1, 2, 0, 0, 1, 2, 3, 0xa7, 0x02, 0, 0, 1];
    const encoded = encodeMetadata(5, { completed: [], attempts: new Map([behind, ...ahead]), clean: true });
    assert.deepEqual(bytesOf(encoded), bytes);
    assert.deepEqual(decodeMetadata(5, encoded), { completed: [], attempts: new Map(ahead), clean: true });
  });

  it('have the cost of no more records than are kept', () => {
    const counts = { failed: 1, timedOut: 0, interrupted: 0 };
    const attempts = new Map(Array.from({ length: MAX_ATTEMPTS + 1 }, (_, offset) => [offset, counts]));
    const decoded = decodeMetadata(0, encodeMetadata(0, { completed: [], attempts, clean: false }));
    assert.deepEqual([...(decoded?.attempts.keys() ?? [])], [...attempts.keys()].slice(0, MAX_ATTEMPTS));
  });

  const REFUSED: readonly (readonly [what: string, ...bytes: number[]])[] = [
    ['have another version', 2, 0, 0],
    ['have a flag that this version does not know', 1, 4, 0],
    ['end before the flags', 1],
    ['end before the length', 1, 0],
    ['end within the length', 1, 0, 0x80],
    ['have a length that no number can be', 1, 0, ...Array<number>(11).fill(0x80), 0],
    ['have a length of more than 53 bits', 1, 0, ...Array<number>(8).fill(0xff), 0],
    ['end before the runs do', 1, 0, 3, 1, 1],
    ['end before the bits do', 1, 1, 2, 0b10],
    ['have a run without a length', 1, 0, 1, 5],
    ['have a run with half a length', 1, 0, 2, 5, 0x80],
    ['end within the cost of a record', 1, 0, 0, 5, 1, 1],
    ['end within a number of the cost', 1, 0, 0, 5, 1, 1, 0x80],
  ];
  for (const [what, ...bytes] of REFUSED) {
    it(`are refused if they ${what}`, () => assert.equal(decodeMetadata(0, ofBytes(...bytes)), null));
  }
});

describe('The offset map', () => {
  it('of nothing is the empty string', () => {
    assert.equal(encodeMetadata(7, { completed: [], attempts: NONE, clean: false }), '');
    roundTrip(7, []);
  });

  it('comes back as it was', () => {
    roundTrip(0, [[1, 2]]);
    roundTrip(1_000_000_000_000, [[1_000_000_000_300, 1_000_000_020_300]]);
    roundTrip(5, [], new Map([[5, { failed: 2, timedOut: 7, interrupted: 1 }]]));
    roundTrip(5, [[6, 9]], new Map([[10, { failed: 0, timedOut: 0, interrupted: 300 }]]), true);
    roundTrip(5, [], NONE, true);
  });

  it('comes back as it was, whatever is completed', () => {
    const random = seededRandom(1);
    for (let n = 0; n < 500; n += 1) {
      const position = random.below(1_000_000);
      const completed: [number, number][] = [];
      let at = position;
      for (let runs = random.below(40); runs > 0; runs -= 1) {
        const from = at + 1 + random.below(runs % 2 === 0 ? 3 : 200);
        at = from + 1 + random.below(runs % 3 === 0 ? 2 : 500);
        completed.push([from, at]);
      }
      roundTrip(position, completed);
    }
  });

  it('of 20,000 offsets ahead of one that is stuck takes a few characters', () => {
    const metadata = encodeMetadata(0, { completed: [[1, 20_001]], attempts: NONE, clean: false });
    assert.ok(metadata.length <= 16, metadata);
  });

  it('of every second offset in 20,000 still fits', () => {
    const completed = Array.from({ length: 10_000 }, (_, n): Range => [2 * n + 1, 2 * n + 2]);
    const metadata = encodeMetadata(0, { completed, attempts: NONE, clean: false });
    assert.ok(metadata.length < MAX_METADATA_CHARACTERS, String(metadata.length));
    assert.deepEqual(decodeMetadata(0, metadata)?.completed, completed);
  });

  it('has as many characters as brokers accept by default', () => {
    assert.equal(MAX_METADATA_CHARACTERS, 4_096);
  });

  it('is believed up to a span of four million offsets', () => {
    const spanning = (span: number) =>
      decodeMetadata(0, encodeMetadata(0, { completed: [[1, span]], attempts: NONE, clean: false }));
    assert.deepEqual(spanning(4_000_000)?.completed, [[1, 4_000_000]]);
    assert.equal(spanning(4_000_001), null);
  });

  it('that is foreign, damaged or absurd is refused', () => {
    const whole = encodeMetadata(0, {
      completed: [[1, 300]],
      attempts: new Map([[0, { failed: 1, timedOut: 0, interrupted: 0 }]]),
      clean: false,
    });
    const cut = btoa(atob(whole).slice(0, -1));
    const absurd = btoa(String.fromCharCode(1, 0, 9, 1, 255, 255, 255, 255, 255, 255, 127, 0));
    for (const metadata of ['not ours', 'AgAA', btoa('\u0001'), btoa('\u0001\u0009\u0000'), cut, absurd]) {
      assert.equal(decodeMetadata(0, metadata), null, metadata);
    }
  });
});
