/** Loaders in Python that are forked: as if they were executed, and executed where that cannot be had. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import type { MotherLimits } from '../../../lib/pool/mothers.js';
import { readStat } from '../../../lib/processes/process-table.js';
import type { Command, Outcome } from '../../../lib/types.js';
import { compileSinkRules } from '../../../lib/worker/attempt/classify.js';
import { supervise } from '../../../lib/worker/attempt/supervise.js';
import { createLauncher } from '../../../lib/worker/launch/choose.js';
import { DIRECT } from '../../../lib/worker/launch/direct.js';
import type { Launcher } from '../../../lib/worker/launch/launcher.js';
import { wantedBy } from '../../../lib/worker/launch/prefork/place.js';
import type { PreforkLauncher } from '../../../lib/worker/launch/prefork/prefork-launcher.js';
import { command } from '../../support/commands.js';
import { type Preforking, PYTHON, startPreforking } from '../../support/prefork.js';
import { isAlive, markedAreGone, processesWithMarker, waitUntil } from '../../support/processes.js';

const SINK = compileSinkRules({ exitCodes: [], patterns: [] });
/** More modules than it takes to be worth an import, and none that does anything. */
const IMPORTS = 'import http.client';
const IS_FULL = process.env['FAULTS'] === 'full';
const WITHOUT = { skip: PYTHON === null ? 'there is no Python' : false };

const directory = mkdtempSync(join(tmpdir(), 'atd-prefork-test-'));
after(() => rmSync(directory, { recursive: true }));

const opened: Preforking[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
});

async function open(limits: Partial<MotherLimits> = {}): Promise<Preforking> {
  const preforking = await startPreforking(limits);
  opened.push(preforking);
  return preforking;
}

let made = 0;

/** A loader in a folder of its own, with the modules that it may import. */
function loader(text: string, modules: Readonly<Record<string, string>> = {}, interpreter = PYTHON): string {
  made += 1;
  const folder = join(directory, String(made));
  mkdirSync(folder);
  for (const [name, source] of Object.entries(modules)) writeFileSync(join(folder, `${name}.py`), source);
  const file = join(folder, 'loader');
  writeFileSync(file, `#!${interpreter}\n${IMPORTS}\n${text}\n`, { mode: 0o755 });
  return file;
}

interface Ran {
  readonly outcome: Outcome;
  readonly lines: readonly string[];
  readonly parent: number | null;
}

async function run(launcher: Launcher, wanted: Command, onStarted: (pid: number) => void = () => {}): Promise<Ran> {
  const lines: string[] = [];
  let parent: number | null = null;
  const outcome = await supervise(wanted, {
    launcher,
    sink: SINK,
    onStarted: (pid) => {
      parent = readStat(pid)?.parent ?? null;
      onStarted(pid);
    },
    onSignalled: () => {},
    onLine: (stream, text) => lines.push(`${stream}: ${text}`),
    onRequest: () => {},
  });
  return { outcome, lines, parent };
}

/**
 * A first file, whose modules are loaded then; the next is forked with them. A machine that is quick enough is told that a
 * module may have been written while it was imported, and begins anew.
 */
async function learn(preforking: Preforking, file: string, args: readonly string[] = []): Promise<void> {
  const { launcher, news } = preforking;
  const isLoaded = () => news.some(({ state }) => state === 'loaded');
  do {
    await waitUntil(() => launcher.prepared(command(file, args)), 60_000, 'there is a launcher');
    const heard = news.length;
    const { outcome } = await run(launcher, command(file, args));
    assert.equal(outcome.result, 'succeeded', outcome.reason);
    await waitUntil(() => isLoaded() || news.length > heard, 60_000, 'its modules are loaded, or are not');
    assert.notEqual(news.at(-1)?.state, 'off', JSON.stringify(news));
  } while (!isLoaded());
  await run(launcher, command(file, args));
  await waitUntil(() => launcher.prepared(command(file, args)), 60_000, 'there is a launcher with these modules');
}

const isForked = ({ parent }: Ran, { launcher }: Preforking) => parent !== process.pid && parent !== launcher.pid;

/** What a loader may do, by the word that it is given. Each is the same, executed or forked. */
const DOINGS = `
import atexit, os, signal, sys, threading, time, tempfile, subprocess, multiprocessing, random
from concurrent.futures import ThreadPoolExecutor
def deep(): raise ValueError('a failure\\nof two lines')
def late():
    time.sleep(0.05); print('thread is done')
what = sys.argv[1]
print(what, __name__, os.path.basename(__file__), len(sys.argv), sys.path[0] == os.path.dirname(os.path.realpath(__file__)))
if what == 'three': sys.exit(3)
elif what == 'large': sys.exit(300)
elif what == 'negative': sys.exit(-1)
elif what == 'words': sys.exit('it went wrong')
elif what == 'nothing': sys.exit(None)
elif what == 'raises': deep()
elif what == 'chained':
    try: deep()
    except ValueError as error: raise KeyError('another') from error
elif what == 'syntax': exec('x = = 1')
elif what == 'interrupted': raise KeyboardInterrupt
elif what == 'aborts': os.abort()
elif what == 'leaves': os._exit(5)
elif what == 'atexit': atexit.register(print, 'good bye')
elif what == 'much': print('x' * 200 + '\\n' * 1, end='' ); sys.stdout.write(('y' * 99 + '\\n') * 2000)
elif what == 'thread': threading.Thread(target=late).start()
elif what == 'daemon-thread': threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
elif what == 'pool': print(list(ThreadPoolExecutor(2).map(abs, [-1, -2])))
elif what == 'process':
    child = multiprocessing.get_context('fork').Process(target=print, args=('from a process',)); child.start(); child.join()
elif what == 'program': print(subprocess.run([sys.executable, '-c', 'print(1 + 1)'], stdout=subprocess.PIPE).stdout)
elif what == 'left-open': file = open(sys.argv[2], 'w'); file.write('written')
elif what == 'no-stdin': print(repr(sys.stdin.read()))
elif what == 'closed': sys.stdout.close()
elif what == 'signals':
    print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, [signal.getsignal(n) == signal.SIG_DFL for n in (15, 1, 17)])
    print(signal.pthread_sigmask(signal.SIG_BLOCK, []), [signal.getsignal(n) == signal.SIG_IGN for n in (13, 25)])
elif what == 'descriptors':
    kinds = [os.path.realpath(f'/proc/self/fd/{n}').split('/')[-1].split(':')[0] for n in range(3, 100) if os.path.lexists(f'/proc/self/fd/{n}')]
    print('pipe' in kinds)
elif what == 'recursion':
    def again(depth): return depth if depth == 990 else again(depth + 1)
    print(again(0))
elif what == 'pickle':
    import pickle
    class Thing: pass
    print(pickle.loads(pickle.dumps(Thing())).__class__.__module__)
elif what == 'session': print(os.getpid() == os.getsid(0) == os.getpgid(0))
`;
const WORDS = [...DOINGS.matchAll(/what == '([\w-]+)'/g)].map(([, word]) => word as string);

describe('a loader that is forked', WITHOUT, () => {
  it('does and says what it does when it is executed', async () => {
    const preforking = await open();
    const file = loader(DOINGS);
    await learn(preforking, file, ['nothing']);
    for (const word of WORDS) {
      const places = ['direct', 'forked'].map((way) => join(directory, `${word}-${way}`));
      const direct = await run(DIRECT, command(file, [word, places[0] ?? '']));
      const forked = await run(preforking.launcher, command(file, [word, places[1] ?? '']));
      assert.ok(isForked(forked, preforking), `${word} was not forked: ${JSON.stringify(preforking.news)}`);
      const said = ({ outcome, lines }: Ran) => ({
        lines: [...lines].sort(),
        ...{ code: outcome.exitCode, signal: outcome.signal, result: outcome.result },
      });
      assert.deepEqual(said(forked), said(direct), word);
      if (word !== 'left-open') continue;
      assert.deepEqual(
        places.map((place) => readFileSync(place, 'utf8')),
        ['written', 'written'],
      );
    }
  });

  it('has its own arguments and variables, for itself, for the kernel and for what it starts', async () => {
    const preforking = await open();
    const file = loader(`import os, sys, time, json, subprocess
of_kernel = lambda name: open(f'/proc/self/{name}').read().rstrip('\\0').split('\\0')
print(json.dumps([sys.argv[1:], of_kernel('cmdline')[1:], sorted(of_kernel('environ')) == sorted(f'{k}={v}' for k, v in os.environ.items())]))
print(subprocess.check_output(['/bin/sh', '-c', 'echo $ATD_JOB_ID $ATD_ROOM']).decode().strip())
print(json.dumps(dict(os.environ)))`);
    const first = command(file, ['first']);
    await learn(preforking, file, ['first']);
    for (const env of [{ ATD_TENANT: 'é=\n"' }, { ATD_TENANT: 'x'.repeat(3_000), TRACEPARENT: '00-1' }, {}]) {
      const wanted = command(file, ['a b', '', 'é'], { env });
      const ran = await run(preforking.launcher, wanted);
      assert.ok(isForked(ran, preforking), JSON.stringify(preforking.news));
      const said = ran.lines.map((line) => line.slice('stdout: '.length));
      assert.deepEqual(JSON.parse(said[0] ?? ''), [['a b', '', 'é'], [file, 'a b', '', 'é'], true]);
      assert.equal(said[1], wanted.jobId);
      // The interpreter itself sets it where the locale is C.
      const { LC_CTYPE: _, ...seen } = JSON.parse(said[2] ?? '') as Record<string, string>;
      assert.deepEqual(seen, wanted.env);
    }
    assert.notEqual(first.jobId, '');
    // One that is longer than what the kernel has room for is executed.
    const long = await run(preforking.launcher, command(file, [], { env: { ATD_TENANT: 'x'.repeat(60_000) } }));
    assert.deepEqual([long.outcome.result, isForked(long, preforking)], ['succeeded', false]);
    // What belongs to the loader and not to the job makes another mother.
    const other = command(file, [], { env: { AS_DB_HOST: 'elsewhere' } });
    assert.ok(await preforking.launcher.prepared(other));
    const ran = await run(preforking.launcher, other);
    assert.ok(ran.lines.some((line) => line.includes('"AS_DB_HOST": "elsewhere"')));
  });

  it('is found by its marker from its start on, and ended at its deadline with all that it began', async () => {
    const preforking = await open();
    const file = loader(`import subprocess, sys, time
if len(sys.argv) > 1:
    subprocess.Popen(['setsid', 'sleep', '1000']); print('begun', flush=True); time.sleep(1000)`);
    await learn(preforking, file);
    const wanted = command(file, ['wait'], { timeoutMs: 3_000, graceMs: 60_000 });
    let found: number[] = [];
    const ran = await run(preforking.launcher, wanted, (pid) => {
      found = processesWithMarker(wanted.entry).filter((each) => each === pid);
    });
    assert.ok(isForked(ran, preforking));
    assert.equal(found.length, 1);
    assert.deepEqual([ran.outcome.result, ran.outcome.signalsSent], ['timed-out', ['SIGTERM']]);
    await markedAreGone(wanted.entry);
  });

  it('throws its own dice', async () => {
    const preforking = await open();
    // What numpy's generator would do: it is seeded at the import, and anew by its function.
    const seeded =
      'import os\nstate = os.urandom(8).hex()\ndef seed():\n    global state\n    state = os.urandom(8).hex()\n';
    const file = loader(
      'import sys, uuid, random\nimport numpy.random\nprint(uuid.uuid4(), random.random(), numpy.random.state)',
    );
    const numpy = join(file, '..', 'numpy');
    mkdirSync(numpy);
    writeFileSync(join(numpy, '__init__.py'), '');
    writeFileSync(join(numpy, 'random.py'), seeded);
    await learn(preforking, file);
    const said: string[] = [];
    for (let i = 0; i < 3; i++) said.push(...(await run(preforking.launcher, command(file, []))).lines);
    const thrown = said.flatMap((line) => line.split(' ').slice(1));
    assert.deepEqual([thrown.length, new Set(thrown).size], [9, 9], said.join('\n'));
  });

  it('is executed at every attempt but the first', async () => {
    const preforking = await open();
    const file = loader('');
    await learn(preforking, file);
    const attempt = async (number: string) =>
      isForked(await run(preforking.launcher, command(file, [], { env: { ATD_ATTEMPT: number } })), preforking);
    assert.deepEqual([await attempt('1'), await attempt('2')], [true, false]);
  });

  it('has one mother for all threads, which nothing of is left in the end', async () => {
    const preforking = await open();
    const { mothers } = preforking;
    const file = loader('');
    await learn(preforking, file);
    const pid = mothers.pid ?? 0;
    const others = await Promise.all(
      [1, 2].map(() => createLauncher('prefork', () => undefined, mothers.of.bind(mothers))),
    );
    for (const other of others) {
      assert.ok(await (other as typeof preforking.launcher).prepared(command(file, [])));
      assert.equal((await run(other, command(file, []))).outcome.result, 'succeeded');
    }
    assert.equal(mothers.pid, pid);
    await Promise.all(others.map((other) => other.close()));
    await preforking.close();
    await waitUntil(() => !isAlive(pid), 10_000, 'the mother is gone');
    const places = readdirSync(tmpdir()).filter((name) => name.startsWith('atd-prefork-'));
    const ours = places.filter((name) => existsSync(join(tmpdir(), name, 'socket')) && name.includes(String(pid)));
    assert.deepEqual(ours, []);
  });
});

/** What an import may do that no child could be forked after, and the name of the reason. */
const UNFIT: readonly (readonly [code: string, module: string])[] = [
  ['threads', 'import threading, time\nthreading.Thread(target=time.sleep, args=(1000,), daemon=True).start()'],
  ['descriptors', "file = open('/dev/null')"],
  ['directory', "import os\nos.chdir('/')"],
  ['signals', 'import signal\nsignal.signal(signal.SIGUSR1, print)'],
  ['environment', "import os\nos.environ['FROM_IMPORT'] = '1'"],
  ['job-variable', "import os\nJOB = os.environ.get('ATD_JOB_ID')"],
];

describe('a loader that cannot be forked', WITHOUT, () => {
  for (const [code, module] of UNFIT) {
    it(`for its ${code} is executed from then on, and says why`, async () => {
      const preforking = await open();
      const { launcher, news, hears } = preforking;
      const file = loader(`import unfit\nprint('loaded')`, { unfit: module });
      assert.ok(await launcher.prepared(command(file, [])));
      assert.equal((await run(launcher, command(file, []))).outcome.result, 'succeeded');
      await hears(({ state }) => state === 'off', 'it is off');
      assert.equal(news.at(-1)?.code, code, JSON.stringify(news));
      // The launcher that there was turns the next one down.
      for (let i = 0; i < 3; i++) {
        const ran = await run(launcher, command(file, []));
        assert.deepEqual([ran.outcome.result, ran.lines], ['succeeded', ['stdout: loaded']]);
        if (i > 0) assert.equal(isForked(ran, preforking), false);
      }
      assert.equal(await launcher.prepared(command(file, [])), false);
    });
  }

  it('because it is no Python is executed', async () => {
    const { launcher, news } = await open();
    const file = loader('');
    writeFileSync(file, '#!/bin/sh\nexit 3\n');
    assert.equal(await launcher.prepared(command(file, [])), false);
    assert.equal((await run(launcher, command(file, []))).outcome.exitCode, 3);
    assert.deepEqual([news.at(-1)?.state, news.at(-1)?.code], ['off', 'no-python']);
  });

  it('and hangs twice without a word is executed from then on', async () => {
    const { launcher, news, hears } = await open();
    const file = loader('import sys, time\ntime.sleep(1000 if len(sys.argv) > 1 else 0)');
    assert.ok(await launcher.prepared(command(file, [])));
    for (let i = 0; i < 2; i++) {
      const ran = await run(launcher, command(file, ['hang'], { timeoutMs: 2_000, graceMs: 100 }));
      assert.equal(ran.outcome.result, 'timed-out');
    }
    // It may have been idle for imports that take their time.
    await hears(({ state }) => state === 'off', 'it is off');
    assert.equal(news.at(-1)?.code, 'idle');
  });
});

describe('a mother of loaders', WITHOUT, () => {
  it('is retired when a module changes, and never when a file beside it does', async () => {
    const preforking = await open();
    const { launcher, news, hears } = preforking;
    const file = loader('import words\nprint(words.SAID)', { words: "SAID = 'old'" });
    await learn(preforking, file);
    writeFileSync(join(file, '..', 'events.parquet'), 'data');
    assert.ok(isForked(await run(launcher, command(file, [])), preforking));
    rmSync(join(file, '..', 'words.py'));
    writeFileSync(join(file, '..', 'words.py'), "SAID = 'newer'");
    assert.deepEqual((await run(launcher, command(file, []))).lines, ['stdout: newer']);
    await hears(({ code }) => code === 'changed', 'the mother is retired');
    await learn(preforking, file);
    assert.deepEqual((await run(launcher, command(file, []))).lines, ['stdout: newer']);
    assert.deepEqual(
      news.filter(({ state }) => state === 'off'),
      [],
    );
  });

  it('costs no file an attempt when the loader is exchanged while it loads', async () => {
    const preforking = await open();
    const gate = join(directory, 'gate');
    const file = loader(
      `import os, sys, time, words
if len(sys.argv) > 1:
    print('begun', flush=True)
    while not os.path.exists(sys.argv[1]): time.sleep(0.01)
    sys.exit('no command ingest')`,
      { words: "SAID = 'old'" },
    );
    await learn(preforking, file);
    let pid = 0;
    const running = run(preforking.launcher, command(file, [gate]), (started) => {
      pid = started;
    });
    await waitUntil(() => pid !== 0, 60_000, 'it runs');
    writeFileSync(join(file, '..', 'words.py'), "SAID = 'newer, in its place'");
    writeFileSync(gate, '');
    const ran = await running;
    const { outcome } = ran;
    assert.ok(isForked(ran, preforking), JSON.stringify(preforking.news));
    assert.equal(outcome.result, 'machine-fault', outcome.reason);
    assert.match(outcome.reason, /no command ingest; the loader was exchanged meanwhile \(.*words\.py\)/);
  });

  it('is retired when a module was overwritten before it is to load more of them', async () => {
    const preforking = await open();
    const { launcher, hears } = preforking;
    const file = loader(
      `import sys, time, words
if len(sys.argv) > 1:
    import configparser, csv, unittest, xml.dom.minidom
    # Neither its folder, nor all files within a second of the last look, are looked through for a load that went well.
    with open(words.__file__, 'w') as module: module.write("SAID = 'newer, in its place'")
    time.sleep(0.5)
print(words.SAID)`,
      { words: "SAID = 'old'" },
    );
    await learn(preforking, file);
    const ran = await run(launcher, command(file, ['more']));
    assert.ok(isForked(ran, preforking), JSON.stringify(preforking.news));
    await hears(({ code }) => code === 'changed', 'the mother is retired');
    assert.deepEqual((await run(launcher, command(file, []))).lines, ['stdout: newer, in its place']);
  });

  it('does not begin when its pool is closed meanwhile', async () => {
    const { mothers } = await open();
    const wanted = wantedBy(command(loader(''), []));
    const place = mothers.of(wanted);
    await mothers.close();
    assert.equal((await place).kind, 'none');
  });

  it('is replaced after so many files', async () => {
    const preforking = await open({ files: 5 });
    const { launcher, mothers, news } = preforking;
    const file = loader('');
    await learn(preforking, file);
    const first = mothers.pid ?? 0;
    // A thread that has nothing to do must not keep it.
    const idle = (await createLauncher('prefork', () => undefined, mothers.of.bind(mothers))) as PreforkLauncher;
    await waitUntil(() => idle.prepared(command(file, [])), 60_000, 'another thread has a launcher');
    for (let i = 0; i < 5; i++) assert.equal((await run(launcher, command(file, []))).outcome.result, 'succeeded');
    await waitUntil(() => !isAlive(first), 60_000, 'the first mother is gone');
    await learn(preforking, file);
    await idle.close();
    assert.notEqual(mothers.pid, first);
    // A quick machine has begun anew while it learned.
    assert.deepEqual(
      news.filter(({ state, code }) => state !== 'loaded' && code !== 'changed'),
      [],
    );
  });

  it('that is killed costs nothing: what runs ends well, and the next is executed or has another one', async () => {
    const preforking = await open();
    const { launcher, mothers } = preforking;
    const gate = join(directory, 'gate-of-the-killed');
    const file = loader(`import os, sys, time
if len(sys.argv) > 1:
    while not os.path.exists(sys.argv[1]): time.sleep(0.01)`);
    await learn(preforking, file);
    const mother = mothers.pid ?? 0;
    const ran = await run(launcher, command(file, [gate]), () => {
      process.kill(mother, 'SIGKILL');
      writeFileSync(gate, '');
    });
    assert.equal(ran.outcome.result, 'succeeded', ran.outcome.reason);
    await waitUntil(() => mothers.pid !== mother, 60_000, 'its death is noticed');
    assert.equal((await run(launcher, command(file, []))).outcome.result, 'succeeded');
    await learn(preforking, file);
    assert.notEqual(mothers.pid, mother);
  });

  it('ends the child of a launcher that is killed, which costs the child`s file an attempt', async () => {
    const preforking = await open();
    const file = loader('import sys, time\ntime.sleep(1000 if len(sys.argv) > 1 else 0)');
    await learn(preforking, file);
    const wanted = command(file, ['wait']);
    const ran = await run(preforking.launcher, wanted, (pid) => {
      process.kill(readStat(pid)?.parent ?? 0, 'SIGKILL');
    });
    assert.equal(ran.outcome.result, 'thread-lost', ran.outcome.reason);
    await markedAreGone(wanted.entry);
    await learn(preforking, file);
  });

  it('is at home in each Python from 3.8 on that is installed', async () => {
    // In the ordinary run the oldest and the newest that there is.
    const all = [...pythons()].sort(([a], [b]) => a - b);
    const found = IS_FULL ? all : all.filter((_, index) => index === 0 || index === all.length - 1);
    for (const [version, python] of found) {
      const preforking = await open();
      const file = loader('import sys\nprint(sys.version_info[:2])\nsys.exit(len(sys.argv) - 1)', {}, python);
      if (version < 308) {
        await preforking.launcher.prepared(command(file, []));
        assert.equal(preforking.news.at(-1)?.code, 'version', python);
        continue;
      }
      await learn(preforking, file);
      const ran = await run(preforking.launcher, command(file, ['x']));
      assert.deepEqual([ran.outcome.exitCode, isForked(ran, preforking)], [1, true], python);
    }
  });
});

/** By hundred times the major version and the minor. */
function pythons(): Map<number, string> {
  const places = [join(homedir(), '.pyenv/versions'), '/usr/bin'].filter((place) => existsSync(place));
  const programs = places.flatMap((place) =>
    readdirSync(place).map((name) => (place === '/usr/bin' ? join(place, name) : join(place, name, 'bin/python3'))),
  );
  const found = new Map<number, string>();
  for (const program of [PYTHON ?? '', ...programs.filter((each) => /\/python3(\.\d+)?$/.test(each))]) {
    const { stdout } = spawnSync(program, ['-c', 'import sys; print(sys.version_info[0] * 100 + sys.version_info[1])']);
    const version = Number(String(stdout).trim());
    if (version >= 307 && !found.has(version)) found.set(version, program);
  }
  return found;
}
