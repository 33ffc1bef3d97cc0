import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  AS_IT_IS,
  EXCERPT_BYTES,
  firstForm,
  type LetterForm,
  type LetterParts,
  leftOut,
  nextForm,
  type Objection,
  objectionIn,
  UNCLEAR_REFUSALS,
} from '../../../lib/core/rules/letter-form.js';

const PARTS: LetterParts = { hasKey: true, valueBytes: 1_000_000, headers: 3, excerptBytes: EXCERPT_BYTES };
const BARE: LetterParts = { hasKey: false, valueBytes: 10, headers: 0, excerptBytes: EXCERPT_BYTES };

/** The forms that a letter is sent in while each is refused for the same reason. */
function ladder(objection: Objection, parts: LetterParts): string[] {
  const rungs: string[] = [];
  for (let form: LetterForm | null = AS_IT_IS; form !== null; form = nextForm(form, objection, parts)) {
    rungs.push(`${form.value} ${form.headers} ${form.key} ${form.time} ${form.diagnosis}`);
  }
  return rungs;
}

describe('nextForm', () => {
  it('gives up the value first, then the headers, then the key, of a letter that is too large', () => {
    assert.deepEqual(ladder('size', PARTS), [
      'whole all own now full',
      'excerpt all own now full',
      'excerpt none own now full',
      'excerpt none coordinates now full',
      'empty none coordinates now short',
    ]);
  });

  it('does not send the same again: what there is none of cannot be left out', () => {
    assert.deepEqual(ladder('size', BARE), ['whole all own now full', 'empty none coordinates now short']);
  });

  it('gives a letter without a key one before anything is left out', () => {
    assert.deepEqual(ladder('content', { ...PARTS, hasKey: false }), [
      'whole all own now full',
      'whole all coordinates now full',
      'whole none coordinates now full',
      'excerpt none coordinates now full',
      'empty none coordinates now short',
    ]);
  });

  it('keeps the key and the value as long as the headers may be what is wrong', () => {
    assert.equal(ladder('content', PARTS)[1], 'whole none own now full');
  });

  it('leaves the time to the topic where that is what is wrong', () => {
    assert.deepEqual(ladder('time', BARE).slice(0, 2), ['whole all own now full', 'whole all own none full']);
  });

  it('comes to an end whatever is refused in whatever order', () => {
    const objections: readonly Objection[] = ['size', 'time', 'content'];
    for (let choice = 0; choice < 3 ** 8; choice += 1) {
      let form: LetterForm | null = AS_IT_IS;
      let left = choice;
      let sent = 0;
      for (; form !== null; sent += 1) {
        assert.ok(sent < 8);
        form = nextForm(form, objections[left % 3] as Objection, PARTS);
        left = Math.floor(left / 3);
      }
    }
  });
});

describe('firstForm', () => {
  it('is the fullest one within the bound', () => {
    const most = 1_000_000;
    const [whole, excerpt, headers] = [most + EXCERPT_BYTES - 50, 10, 50];
    const sizes = (form: LetterForm) =>
      (form.value === 'whole' ? whole : excerpt) + (form.headers === 'all' ? headers : 0);
    assert.deepEqual(firstForm(PARTS, most, sizes), AS_IT_IS);
    assert.deepEqual(
      leftOut(
        firstForm(PARTS, most, (form) => sizes(form) + 1),
        PARTS,
      ),
      ['value'],
    );
    const beyond = (form: LetterForm) => sizes(form) + most + EXCERPT_BYTES - 59;
    assert.deepEqual(leftOut(firstForm(PARTS, most, beyond), PARTS), ['value', 'headers']);
  });

  it('carries no value that is longer than a message may be, however small the letter is', () => {
    assert.equal(firstForm(PARTS, PARTS.valueBytes, () => 0).value, 'whole');
    assert.equal(firstForm(PARTS, PARTS.valueBytes - 1, () => 0).value, 'excerpt');
  });

  it('is the least one where nothing is within the bound', () => {
    assert.equal(firstForm(PARTS, 0, () => Number.POSITIVE_INFINITY).diagnosis, 'short');
  });
});

describe('objectionIn', () => {
  it('is what the answer says, whatever was said before', () => {
    assert.deepEqual([objectionIn('size', 0), objectionIn('time', 99), objectionIn(null, 99)], ['size', 'time', null]);
  });

  it('takes a letter that is refused without a word of why to be at fault after some tries, and not before', () => {
    assert.equal(objectionIn('unclear', UNCLEAR_REFUSALS - 1), null);
    assert.equal(objectionIn('unclear', UNCLEAR_REFUSALS), 'content');
  });
});
