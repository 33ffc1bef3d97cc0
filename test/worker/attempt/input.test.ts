import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { FileSeen } from '../../../lib/types.js';
import { type Admitted, checkInput } from '../../../lib/worker/attempt/input.js';
import { createLooker, LastingLauncher } from '../../../lib/worker/launch/choose.js';
import { DIRECT } from '../../../lib/worker/launch/direct.js';
import type { Looker } from '../../../lib/worker/launch/launcher.js';
import { startLauncher } from '../../../lib/worker/launch/launcher-process.js';
import { LAUNCHER } from '../../../lib/worker/launch/launcher-program.js';
import { WarmLauncher } from '../../../lib/worker/launch/warm.js';
import { command } from '../../support/commands.js';
import { type HangingDisk, mountHangingDisk } from '../../support/hanging-disk.js';
import { patience, stateOf, waitUntil } from '../../support/processes.js';

const NEVER = new Promise<void>(() => undefined);
const directory = realpathSync(mkdtempSync(join(tmpdir(), 'atd-input-')));
const file = join(directory, 'für "alle".csv');
writeFileSync(file, '');
truncateSync(file, 5_000_000_000);
symlinkSync(file, join(directory, 'link'));
symlinkSync('loop', join(directory, 'loop'));
symlinkSync(directory, join(directory, 'same'));
mkdirSync(join(directory, 'inner'));
execFileSync('mkfifo', [join(directory, 'pipe')]);
const socket = createServer().listen(join(directory, 'socket'));
await once(socket, 'listening');
const REMEDY = 'not a regular file; announce a file of data';

/** The bundled loader as it stays: all that it does here is to look. */
const WARM = [fileURLToPath(new URL('../../../lib/loader/warm.js', import.meta.url)), 'ingest'];
const lookers: [name: string, looker: LastingLauncher | WarmLauncher | null][] = [
  ['the thread itself', null],
  ['a loader that stays', new WarmLauncher(() => undefined)],
];
const launcherProcess = await startLauncher(LAUNCHER);
if (launcherProcess !== null) {
  lookers.push([LAUNCHER.name, new LastingLauncher(LAUNCHER, launcherProcess, () => undefined)]);
}
const disk: HangingDisk | null = await mountHangingDisk();
const skip = disk === null && 'this user may not mount a file system';
after(async () => {
  socket.close();
  await disk?.end();
  for (const [, looker] of lookers) await looker?.close();
  rmSync(directory, { recursive: true });
});

function wantedOf(changes: Parameters<typeof command>[2]) {
  return command(process.execPath, WARM, changes);
}

function look(looker: Looker | null, path: string, allowedRoots: readonly string[] = [], timeoutMs = patience(60_000)) {
  return checkInput(wantedOf({ input: { file: path, allowedRoots }, timeoutMs }), looker, NEVER);
}

for (const [name, looker] of lookers) {
  describe(`a look at a file by ${name}`, () => {
    const isAdmitted = async (path: string, bytes: number): Promise<void> => {
      const { modifiedAt, ...found } = (await look(looker, path)) as Admitted;
      assert.deepEqual(found, { kind: 'admitted', bytes }, path);
      // Two looks at a file may be by two of them, and then it has not changed in between.
      assert.equal(modifiedAt, Math.floor(statSync(path).mtimeMs));
    };

    it('finds a regular file behind links, with its size and time', async () => {
      for (const path of [file, join(directory, 'link'), join(directory, 'same', 'link')]) {
        await isAdmitted(path, 5_000_000_000);
      }
    });

    it('follows links before it judges where the file lies', async () => {
      const isIn = async (...roots: string[]) => (await look(looker, join(directory, 'link'), roots)).kind;
      assert.equal(await isIn(join(directory, 'same')), 'admitted');
      assert.equal(await isIn(join(directory, 'inner'), '/nowhere'), 'refused');
    });

    it('finds out whether a file has settled, by its time or by another look', async () => {
      const settle = async (path: string, seen: FileSeen | null, ms = 60_000) => {
        const input = { file: path, allowedRoots: [], settling: { ms, seen } };
        return checkInput(wantedOf({ input, timeoutMs: patience(60_000) }), looker, NEVER);
      };
      const young = join(directory, 'young');
      writeFileSync(young, 'x');
      const old = join(directory, 'old');
      writeFileSync(old, 'x');
      utimesSync(old, 1_000, 1_000);
      assert.equal((await settle(old, null)).kind, 'admitted');
      const found = await settle(young, null);
      assert.ok(found.kind === 'refused' && found.result === 'file-unsettled' && found.seen !== undefined);
      assert.equal(found.seen.bytes, 1);
      const long = { ...found.seen, at: found.seen.at - 60_000 };
      assert.equal((await settle(young, long)).kind, 'admitted');
      assert.equal((await settle(young, { ...long, bytes: 0 })).kind, 'refused');
      assert.equal((await settle(young, { ...long, modifiedAt: 0 })).kind, 'refused');
    });

    it('admits an empty file, and names that no one would choose: their contents are the matter of the loader', async () => {
      for (const name of [
        'empty',
        '-rf',
        '%s%n',
        'a\nb',
        '$(id)',
        ' ',
        "'",
        'n'.repeat(255),
        '*',
        '..x',
        '\u{1f600}',
      ]) {
        writeFileSync(join(directory, name), '');
        await isAdmitted(join(directory, name), 0);
      }
    });

    it('refuses what the kernel makes up, also behind a link', async () => {
      symlinkSync('/proc/self/environ', join(directory, `environ-${name}`));
      for (const path of [
        join(directory, `environ-${name}`),
        '/proc/self/status',
        '/proc/cpuinfo',
        '/sys/kernel/notes',
      ]) {
        if (!existsSync(path)) continue;
        const found = await look(looker, path);
        assert.ok(found.kind === 'refused' && found.result === 'path-denied', path);
        assert.match(
          found.reason,
          /is made up by the kernel \((proc|sysfs)\), not a regular file; announce a file of data$/,
        );
      }
    });

    it('says what is wrong with all else', async () => {
      const found = [];
      for (const path of ['none', 'link/x', 'loop', 'x'.repeat(300), 'inner', '/dev/null', 'pipe', 'socket']) {
        const one = await look(looker, resolve(directory, path));
        found.push(one.kind === 'refused' ? [one.result, one.reason.replace(directory, '').slice(-60)] : one);
      }
      assert.deepEqual(found, [
        ['file-missing', 'no such file: /none'],
        ['file-missing', 'no such file: /link/x'],
        ['path-denied', '/loop leads nowhere: ELOOP'],
        ['path-denied', `${'x'.repeat(60)} leads nowhere: ENAMETOOLONG`.slice(-60)],
        ['path-denied', `/inner is a directory, ${REMEDY}`.slice(-60)],
        ['path-denied', `/dev/null is a device, ${REMEDY}`.slice(-60)],
        ['path-denied', `/pipe is a named pipe, ${REMEDY}`.slice(-60)],
        ['path-denied', `/socket is a socket, ${REMEDY}`.slice(-60)],
      ]);
    });
  });
}

for (const [name, looker] of lookers) {
  if (looker === null) continue;
  describe(`a look at a disk that hangs by ${name}`, { skip }, () => {
    const path = join(disk?.directory ?? '', 'x');

    it('ends at the deadline of the attempt, and the next look is by another process', async () => {
      assert.equal((await look(looker, file)).kind, 'admitted');
      const before = looker.pid ?? 0;
      const found = await look(looker, path, [], 2_000);
      assert.deepEqual(found, {
        kind: 'refused',
        result: 'timed-out',
        reason: `no answer of the disk about ${path} after 2 s`,
      });
      await waitUntil(() => stateOf(before) === 'D', patience(5_000), 'it cannot even be killed');
      assert.equal((await look(looker, file)).kind, 'admitted');
      assert.notEqual(looker.pid, before);
    });

    it('ends at once with a stop', async () => {
      const wanted = wantedOf({ input: { file: path, allowedRoots: [] } });
      const stop = new Promise<void>((resolve) => setImmediate(resolve));
      assert.deepEqual(await checkInput(wanted, looker, stop), { kind: 'not-started' });
      assert.equal((await look(looker, file)).kind, 'admitted');
    });

    it('counts a root as a look as well', async () => {
      const found = await look(looker, file, [path], 100);
      assert.equal(found.kind === 'refused' && found.result, 'timed-out');
    });
  });
}

it('is by the loader that stays, which then loads the file, and which somebody may have stopped', async () => {
  const pids: (number | null)[] = [];
  const launcher = new WarmLauncher(({ pid }) => pids.push(pid));
  assert.equal(await createLooker(launcher), launcher);
  assert.equal((await look(launcher, file)).kind, 'admitted');
  process.kill(launcher.pid ?? 0, 'SIGSTOP');
  await waitUntil(() => stateOf(launcher.pid ?? 0) === 'T', 60_000, 'it is stopped');
  assert.equal((await look(launcher, file)).kind, 'admitted');
  const listener = { started: () => {}, stdout: () => {}, stderr: () => {} };
  const launch = await launcher.launch(wantedOf({}), listener);
  assert.ok(launch.kind === 'running');
  const exit = await launch.child.exited;
  assert.deepEqual([exit.kind === 'exited' && exit.code, pids.length], [64, 1]);
  await launcher.close();
});

it('costs no attempt where the loader that stays dies of it', async () => {
  const launcher = new WarmLauncher(() => undefined);
  assert.equal((await look(launcher, file)).kind, 'admitted');
  process.kill(launcher.pid ?? 0, 'SIGSTOP');
  const looking = look(launcher, file);
  process.kill(launcher.pid ?? 0, 'SIGKILL');
  const found = await looking;
  assert.equal(found.kind === 'refused' && found.result, 'machine-fault');
  assert.equal((await look(launcher, file)).kind, 'admitted');
  await launcher.close();
});

it('knows as many roots as there are', async () => {
  const launcher = new WarmLauncher(() => undefined);
  const many = Array.from({ length: 5_000 }, (_, n) => join('/nowhere', 'x'.repeat(200), `${n}`));
  assert.equal((await look(launcher, file, [...many, directory])).kind, 'admitted');
  await launcher.close();
});

it('is by a process of its own where children are started directly', async () => {
  const looker = await createLooker(DIRECT);
  assert.ok(looker !== null);
  assert.equal((await look(looker, file)).kind, 'admitted');
  await looker.close();
});
