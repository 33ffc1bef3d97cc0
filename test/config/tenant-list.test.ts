import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseTenantList } from '../../lib/config/tenant-list.js';

describe('a list of tenants', () => {
  it('has one name a line, as messages spell it, with comments and empty lines', () => {
    const text = '\uFEFF# ours\r\nAcme\r\n\r\n  globex  # since May\n#initech\nacme\n0_9';
    assert.deepEqual([...parseTenantList(text)], ['acme', 'globex', '0_9']);
  });

  for (const [text, why] of [
    ['', /^it names no tenant$/],
    ['\n# nobody\n', /^it names no tenant$/],
    ['acme\nglobex, initech\n', /^line 2 \("globex, initech"\) is no tenant: 1 to 63 letters, digits and underscores$/],
    ['acme globex', /^line 1 /],
    ['- acme', /^line 1 /],
    ['größe', /^line 1 /],
    [`acme\n${'a'.repeat(64)}`, /^line 2 /],
    ['acme\n\0', /^line 2 /],
    [`${'x y'.repeat(1_000)}`, /^line 1 \("[xy ]{80}"\)/],
  ] as const) {
    it(`is refused as a whole: ${JSON.stringify(text.slice(0, 30))}`, () => {
      assert.throws(() => parseTenantList(text), { message: why });
    });
  }
});
