import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeOwnership, Ownership } from '../../../lib/kafka/group/ownership.js';

function said(ownership: Ownership): { since: number; owned: [string, readonly number[]][] } {
  const { since, owned } = decodeOwnership(ownership.encode());
  return { since, owned: [...owned] };
}

describe('what a member says of its partitions', () => {
  it('is nothing before it was given any', () => {
    assert.deepEqual(said(new Ownership()), { since: 0, owned: [] });
  });

  it('is what it was given last, and since when', () => {
    const ownership = new Ownership();
    ownership.assigned(4, { files: [3, 1, 10] });
    assert.deepEqual(said(ownership), { since: 4, owned: [['files', [1, 3, 10]]] });
    ownership.assigned(5, { files: [1] });
    assert.deepEqual(said(ownership), { since: 5, owned: [['files', [1]]] });
  });

  it('stays the same to the byte while the member is given the same again', () => {
    const ownership = new Ownership();
    ownership.assigned(4, { files: [1, 2] });
    const before = ownership.encode();
    for (const generation of [5, 5, 6]) ownership.assigned(generation, { files: [2, 1] });
    assert.deepEqual(ownership.encode(), before);
  });

  it('begins anew after a generation in which others may have had the partitions', () => {
    const ownership = new Ownership();
    ownership.assigned(4, { files: [1] });
    ownership.assigned(6, { files: [1] });
    assert.equal(said(ownership).since, 6);
    // A group that was deleted counts from the beginning.
    ownership.assigned(1, { files: [1] });
    assert.equal(said(ownership).since, 1);
  });

  it('counts as nothing where it is anything else', () => {
    const nothing = { owned: new Map(), since: 0 };
    assert.deepEqual(decodeOwnership(null), nothing);
    for (const text of ['', '{', 'null', '[]', '{"since":"1","owned":{}}', '{"since":1,"owned":[]}', '{"since":1}']) {
      assert.deepEqual(decodeOwnership(Buffer.from(text)), nothing, text);
    }
    const odd = '{"since":1,"owned":{"files":[0,-1,1.5,"2",null,1e99,3],"__proto__":[1],"x":{}}}';
    assert.deepEqual(
      [...decodeOwnership(Buffer.from(odd)).owned],
      [
        ['files', [0, 3]],
        ['__proto__', [1]],
        ['x', []],
      ],
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decodeOwnership(bytes)));
    fc.assert(fc.property(fc.json(), (text) => void decodeOwnership(Buffer.from(text))));
  });
});
