import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inOneLine, withoutControl, wrap } from '../../lib/util/plain-text.js';

describe('text for a terminal', () => {
  it('has nothing that turns its direction, has no width or moves the cursor', () => {
    for (const character of ['\u001b', '\u009b', '\r', '\u202e', '\u2066', '\u200b', '\u2028', '\ufeff']) {
      assert.equal(withoutControl(`a${character}b`), 'a\ufffdb', JSON.stringify(character));
    }
    assert.equal(inOneLine('/data/a\nb'), '/data/a\ufffdb');
    assert.equal(withoutControl('größe 👩‍💻'), 'größe 👩‍💻');
  });

  it('is cut into lines of which none has a line break, whatever follows that', () => {
    assert.deepEqual(wrap('/data/a\ns and more\nB', 9), ['/data/a s', 'and', 'more B']);
    assert.deepEqual(wrap('/data/a\n5 min', 80), ['/data/a 5 min']);
  });
});
