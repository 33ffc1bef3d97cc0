import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DistantFile, LatestText } from '../../lib/util/distant-file.js';

let directory: string;
const path = (name: string): string => join(directory, name);

before(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'atd-distant-')));
  mkdirSync(path('folder'));
  writeFileSync(path('-file'), 'äöü\n\n');
  symlinkSync('-file', path('link'));
  writeFileSync(path('large'), '');
  truncateSync(path('large'), 16 * 1024 * 1024 + 1);
});
after(() => rmSync(directory, { recursive: true }));

/** The machine as it is, and one that has no small programs. */
for (const [where, search] of [
  ['with the programs of the machine', null],
  ['without any', '/nonexistent'],
] as const) {
  describe(`a file of another disk, ${where}`, () => {
    const before = process.env['PATH'];
    const asIf = async <Result>(ask: () => Promise<Result>): Promise<Result> => {
      if (search !== null) process.env['PATH'] = search;
      try {
        return await ask();
      } finally {
        process.env['PATH'] = before;
      }
    };

    it('is read to its last byte, by a link and by any name', async () => {
      for (const name of ['-file', 'link']) {
        assert.equal(await asIf(() => new DistantFile(path(name)).read()), 'äöü\n\n');
      }
    });

    it('is looked at through links: what it is, and whether it is another one', async () => {
      const look = (name: string) => asIf(() => new DistantFile(path(name)).look());
      assert.deepEqual(await look('link'), await look('-file'));
      assert.notEqual((await look('folder')).identity, (await look('-file')).identity);
      assert.deepEqual([(await look('link')).isFile, (await look('folder')).isFile], [true, false]);
      assert.equal((await look('large')).isFile, true);
    });

    it('says why it cannot be read', async () => {
      const read = (name: string) => asIf(() => new DistantFile(path(name)).read());
      await assert.rejects(read('gone'), /[Nn]o such file/);
      await assert.rejects(read('folder'), /a directory/);
      await assert.rejects(read('large'), /it has more than 16777216 bytes/);
      await assert.rejects(
        asIf(() => new DistantFile(path('gone')).look()),
        /[Nn]o such file/,
      );
    });

    it('keeps its last text while there is none, and has the new one then', async () => {
      const latest = new LatestText(path('secret'), 'old\n', (text) => text.trim());
      await asIf(() => latest.refresh());
      assert.equal(latest.text, 'old');
      writeFileSync(path('secret'), 'new\n');
      await asIf(() => latest.refresh());
      assert.equal(latest.text, 'new');
      rmSync(path('secret'));
    });
  });
}
