import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, chmod, mkdtemp, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { LoadError } from '../../../lib/loader/failures.js';
import { openSourceFile } from '../../../lib/loader/file/source-file.js';

let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'atd-source-'));
});

after(async () => {
  await rm(directory, { recursive: true });
});

function exits(exitCode: number, message: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof LoadError, String(error));
    assert.equal(error.exitCode, exitCode);
    assert.match(error.message, message);
    return true;
  };
}

test('the bytes that are streamed are those of the file, over several chunks', async () => {
  const path = join(directory, 'big');
  const data = Buffer.alloc(600_000, 'abcdefg');
  await writeFile(path, data);
  const file = await openSourceFile(path);
  assert.equal(file.bytes, data.length);
  const chunks: Buffer[] = [];
  for await (const chunk of file.stream()) chunks.push(chunk);
  assert.ok(chunks.length > 1);
  assert.ok(Buffer.concat(chunks).equals(data));
  assert.equal(Buffer.from(await file.read(599_997, 100)).toString(), data.subarray(599_997).toString());
  await file.close();
});

test('what was opened is what is read, also when the name is replaced meanwhile', async () => {
  const path = join(directory, 'replaced');
  await writeFile(path, 'old');
  await writeFile(`${path}.new`, 'newer');
  const file = await openSourceFile(path);
  await rename(`${path}.new`, path);
  assert.equal(Buffer.from(await file.read(0, 10)).toString(), 'old');
  await file.close();
});

test('a file that becomes shorter while it is read is worth another attempt', async () => {
  const path = join(directory, 'shrinks');
  await writeFile(path, Buffer.alloc(600_000));
  const file = await openSourceFile(path);
  await truncate(path, 300_000);
  await assert.rejects(
    async () => {
      for await (const _ of file.stream());
    },
    exits(74, /became shorter/),
  );
  await file.close();
});

for (const [what, change, message] of [
  ['grows', (path: string) => appendFile(path, 'more'), /it grew while it was read/],
  ['is written to', (path: string) => writeFile(path, Buffer.alloc(600_000, 'y')), /it was written to while/],
] as const) {
  test(`a file that ${what} while it is read ends with an error before its last bytes`, async () => {
    const path = join(directory, what.replaceAll(' ', '-'));
    await writeFile(path, Buffer.alloc(600_000, 'x'));
    // Long ago, since the clock of a file system ticks in milliseconds.
    await utimes(path, 1, 1);
    const file = await openSourceFile(path);
    let bytes = 0;
    await assert.rejects(
      async () => {
        for await (const chunk of file.stream()) {
          if (bytes === 0) await change(path);
          bytes += (chunk as Buffer).length;
        }
      },
      exits(74, message),
    );
    assert.ok(bytes > 0 && bytes < 600_000, `${bytes}`);
    await file.close();
  });
}

test('a missing file, a directory, a pipe and a dangling link are no input', async () => {
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const link = join(directory, 'link');
  await symlink(join(directory, 'nowhere'), link);
  await assert.rejects(openSourceFile(join(directory, 'none')), exits(66, /none: no such file/));
  await assert.rejects(openSourceFile(directory), exits(66, /it is a directory/));
  await assert.rejects(openSourceFile(pipe), exits(66, /not a regular file/));
  await assert.rejects(openSourceFile(link), exits(66, /no such file/));
});

test('a file without permission is no input', {
  skip: process.getuid?.() === 0 && 'root may read everything',
}, async () => {
  const path = join(directory, 'closed');
  await writeFile(path, 'x');
  await chmod(path, 0);
  await assert.rejects(openSourceFile(path), exits(66, /permission denied/));
});
