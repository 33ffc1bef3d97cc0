import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFile,
  chmod,
  link,
  mkdir,
  mkdtemp,
  realpath,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { LoadError } from '../../../lib/loader/failures.js';
import { openSourceFile } from '../../../lib/loader/file/source-file.js';
import { PACKAGE_ROOT } from '../../support/package-root.js';

const SWAPPER = join(PACKAGE_ROOT, 'test/fixtures/swap-directory.mjs');

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
  await assert.rejects(openSourceFile(pipe), exits(66, /it is a named pipe, not a regular file; name a file of data/));
  await assert.rejects(openSourceFile('/dev/null'), exits(66, /it is a device, not a regular file/));
  const socket = createServer().listen(join(directory, 'socket'));
  await once(socket, 'listening');
  await assert.rejects(openSourceFile(join(directory, 'socket')), exits(66, /it is a socket.*, not a regular file/));
  socket.close();
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

test('what the kernel makes up is no input, whatever leads there', async () => {
  const path = join(directory, 'made-up');
  await symlink('/proc/self/environ', path);
  const reason = /it is made up by the kernel \((proc|sysfs)\), not a regular file; name a file of data/;
  for (const one of [path, '/proc/self/status', '/sys/kernel/uevent_seqnum']) {
    await assert.rejects(openSourceFile(one), exits(66, reason));
  }
});

test('an empty file and names that no one would choose are files like others', async () => {
  for (const name of ['-rf', '%s%n', 'a\nb', 'n'.repeat(255), '..x', '$(id)']) {
    await writeFile(join(directory, name), '');
    const file = await openSourceFile(join(directory, name), [directory]);
    assert.equal(file.bytes, 0);
    await file.close();
  }
});

test('a file must lie below one of the roots, links followed on both sides', async () => {
  const at = await realpath(await mkdtemp(join(directory, 'roots-')));
  for (const name of ['in', 'in-too', 'out']) {
    await mkdir(join(at, name));
    await writeFile(join(at, name, 'a.csv'), name);
  }
  await symlink(join(at, 'out', 'a.csv'), join(at, 'in', 'leads-out.csv'));
  await symlink(join(at, 'in', 'a.csv'), join(at, 'out', 'leads-in.csv'));
  await symlink(join(at, 'out'), join(at, 'in', 'directory'));
  await symlink(join(at, 'in'), join(at, 'root'));
  // A hard link is the file itself: there is no other place that it leads to.
  await link(join(at, 'out', 'a.csv'), join(at, 'in', 'hard.csv'));
  const roots = [join(at, 'none'), join(at, 'in')];
  for (const name of ['in/a.csv', 'out/leads-in.csv', 'in/hard.csv', 'root/a.csv']) {
    await (await openSourceFile(join(at, name), roots)).close();
    await (await openSourceFile(join(at, name), [join(at, 'root')])).close();
  }
  const reason = /it leads to .*out\/a\.csv, outside ingest\.allowed_roots; announce a file below one of them/;
  for (const name of ['out/a.csv', 'in/leads-out.csv', 'in/directory/a.csv', 'in/../out/a.csv']) {
    await assert.rejects(openSourceFile(join(at, name), roots), exits(66, reason), name);
  }
  await assert.rejects(openSourceFile(join(at, 'in-too/a.csv'), roots), exits(66, /outside ingest\.allowed_roots/));
});

for (const swapped of ['directory', 'link'] as const) {
  test(`a ${swapped} that is swapped while files are opened never leads outside the roots`, async (t) => {
    const at = await realpath(await mkdtemp(join(directory, 'swapped-')));
    for (const name of ['root/real', 'out']) {
      await mkdir(join(at, name), { recursive: true });
      await writeFile(join(at, name, 'a.csv'), name);
    }
    const path = join(at, 'root', swapped === 'link' ? 'link' : 'real');
    if (swapped === 'link') await symlink(join(at, 'root/real'), path);
    const swapper = spawn(process.execPath, [SWAPPER, path, join(at, 'out')], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => swapper.kill('SIGKILL'));
    await once(swapper.stdout, 'data');
    const seen = { inside: 0, refused: 0, missing: 0 };
    while (seen.inside < 200 || seen.refused < 200) {
      // Opening and reading so little never leaves the loop, in which the end of the other process is told.
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(swapper.exitCode, null);
      try {
        const file = await openSourceFile(join(path, 'a.csv'), [join(at, 'root')]);
        assert.equal(Buffer.from(await file.read(0, 100)).toString(), 'root/real');
        await file.close();
        seen.inside += 1;
      } catch (error) {
        if (!(error instanceof LoadError)) throw error;
        seen[/outside/.test(error.message) ? 'refused' : 'missing'] += 1;
      }
    }
    t.diagnostic(JSON.stringify(seen));
  });
}
