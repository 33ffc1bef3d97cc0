/** Transcripts of a loader that is not the bundled one: probes, accusations, and words that are not believed for ever. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Outcome, ProbeResult } from '../../lib/types.js';
import { COMMAND, outcome, Play, SETTINGS } from '../support/engine.js';

const OTHER = { ...COMMAND, bundled: false };
const WORKS: ProbeResult = {
  notStarted: null,
  exitCode: 0,
  reason: 'exit code 0',
  isOther: false,
  lines: ['usage: as-cli'],
};
const NO_PLUGIN: ProbeResult = {
  notStarted: null,
  exitCode: 2,
  reason: 'exit code 2',
  isOther: false,
  lines: ["as-cli: error: argument command: invalid choice: 'ingest' (choose from 'auth', 'plugin')"],
};
const WRONG_OPTION = outcome('failed', { exitCode: 2, stderrTail: 'unrecognized arguments: --compress' });

function begun(changes: ConstructorParameters<typeof Play>[0] = {}): Play {
  const permanentExitCodes = [2, 65];
  const play = new Play({ command: OTHER, retry: { ...SETTINGS.retry, permanentExitCodes }, ...changes });
  assert.deepEqual(play.tell({ type: 'loader-changed' }), ['probe']);
  play.assign(0);
  return play;
}

describe('the engine: a probe at the start', () => {
  it('is waited for, and then all begins', () => {
    const play = begun();
    assert.deepEqual(play.deliver(0), ['0 accepted']);
    assert.equal(play.wakesIn, null);
    const lines = play.tell({ type: 'probed', probe: WORKS });
    assert.deepEqual(lines, ['loader works', 'run 0/0/0 attempt 1']);
  });

  it('that accuses the loader lets nothing begin, charges nothing, and is repeated', () => {
    const play = begun();
    play.deliver(0);
    assert.deepEqual(play.tell({ type: 'probed', probe: NO_PLUGIN }), ['loader accused', 'pause 0']);
    const { state, cause, reason } = play.status.breaker;
    assert.deepEqual([state, cause], ['open', 'service-fault']);
    assert.match(reason ?? '', /has no command ingest/);
    for (const wait of [1_000, 2_000, 4_000, 4_000]) {
      assert.equal(play.wakesIn, wait);
      assert.deepEqual(play.wait(wait), ['probe']);
      assert.equal(play.wakesIn, null);
      assert.deepEqual(play.tell({ type: 'probed', probe: NO_PLUGIN }), []);
    }
    play.wait(4_000);
    assert.deepEqual(play.tell({ type: 'probed', probe: WORKS }), ['loader works', 'run 0/0/0 attempt 1', 'resume 0']);
    assert.equal(play.status.breaker.state, 'closed');
    assert.equal(play.letters.size, 0);
  });

  it('is repeated when the executable changed while it ran', () => {
    const play = begun();
    assert.deepEqual(play.tell({ type: 'loader-changed' }), []);
    assert.deepEqual(play.tell({ type: 'probed', probe: NO_PLUGIN }), ['loader accused', 'probe']);
    play.tell({ type: 'probed', probe: WORKS });
    assert.equal(play.status.breaker.state, 'closed');
  });

  it('is not made while the service stops', () => {
    const play = begun();
    play.tell({ type: 'probed', probe: WORKS });
    play.deliver(0);
    play.drain(5_000);
    assert.deepEqual(play.tell({ type: 'loader-changed' }), []);
  });

  it('is no reason to wait in a drain', () => {
    const play = begun();
    play.deliver(0);
    assert.ok(play.drain(1_000).includes('drained') || play.wait(1_000).includes('drained'));
  });
});

describe('the engine: an end that may be the fault of the loader', () => {
  function running(ending: Outcome = WRONG_OPTION): Play {
    const play = begun({ slots: 2 });
    play.tell({ type: 'probed', probe: WORKS });
    for (const offset of [0, 1, 2]) play.deliver(offset);
    play.end(0);
    assert.deepEqual(play.end(1, ending), ['probe'], 'it keeps its slot and nothing is decided');
    return play;
  }

  it('is charged to the file when the loader works', () => {
    const play = running();
    const lines = play.tell({ type: 'probed', probe: WORKS });
    assert.ok(lines.includes('letter 1 permanent-failure of 1'), lines.join('\n'));
  });

  it('is not charged when the loader does not work', () => {
    const play = running();
    const lines = play.tell({ type: 'probed', probe: NO_PLUGIN });
    assert.deepEqual(lines.slice(0, 3), ['loader accused', '0/1/0 service-fault', '0/1/0 waits uncharged']);
    assert.equal(play.letters.size, 0);
    assert.ok(play.end(2).includes('0/2/0 succeeded'), 'what runs may end');
    play.wait(1_000);
    assert.ok(play.tell({ type: 'probed', probe: WORKS }).includes('run 0/1/0 attempt 2'));
  });

  it('needs a probe that began after it', () => {
    const play = running();
    assert.deepEqual(play.end(2, WRONG_OPTION), []);
    const lines = play.tell({ type: 'probed', probe: WORKS });
    assert.ok(lines.includes('0/1/0 failed') && !lines.includes('0/2/0 failed') && lines.includes('probe'));
    assert.ok(play.tell({ type: 'probed', probe: NO_PLUGIN }).includes('0/2/0 service-fault'));
  });

  it('is no file`s when the loader was exchanged since the attempt began, whichever looks first', () => {
    for (const tell of [
      (play: Play) => play.tell({ type: 'probed', probe: { ...WORKS, isOther: true } }),
      (play: Play) => {
        play.tell({ type: 'loader-changed' });
        return play.tell({ type: 'probed', probe: WORKS });
      },
    ]) {
      const play = running();
      play.wait(1);
      const lines = tell(play);
      assert.ok(lines.includes('0/1/0 machine-fault') && lines.includes('0/1/0 waits uncharged'), lines.join('\n'));
      assert.equal(play.letters.size, 0);
      assert.equal(play.status.breaker.state, 'closed', 'the loader of now works');
    }
  });

  it('is no file`s when a probe accused the loader after the attempt began, and the next one found it mended', () => {
    const play = running();
    play.end(2, WRONG_OPTION);
    play.tell({ type: 'probed', probe: NO_PLUGIN });
    const lines = play.tell({ type: 'probed', probe: WORKS });
    assert.ok(lines.includes('0/2/0 machine-fault'), lines.join('\n'));
    assert.equal(play.letters.size, 0);
  });

  it('is the file`s in the end where the loader is another one with each run', () => {
    const play = begun({ slots: 1 });
    play.tell({ type: 'probed', probe: WORKS });
    play.deliver(0);
    for (let uncharged = 0; uncharged < 5; uncharged += 1) {
      play.tell({ type: 'loader-changed' });
      assert.ok(play.end(0, outcome('failed', { exitCode: 65 })).includes('0/0/0 waits uncharged'), String(uncharged));
      play.tell({ type: 'probed', probe: WORKS });
      while (play.status.running.length === 0) play.wait(play.wakesIn as number);
    }
    play.tell({ type: 'loader-changed' });
    assert.ok(play.end(0, outcome('failed', { exitCode: 65 })).some((line) => line.startsWith('letter 1')));
  });

  it('may have any exit code when the loader was exchanged while it ran', () => {
    const play = running();
    play.tell({ type: 'loader-changed' });
    play.wait(1);
    assert.ok(play.end(2, outcome('failed', { exitCode: 70 })).includes('0/2/0 machine-fault'));
  });

  it('is the file`s where the loader is the bundled one, which is never probed', () => {
    const play = new Play();
    play.assign(0);
    play.deliver(0);
    assert.deepEqual(play.end(0, WRONG_OPTION), ['0/0/0 failed', '0/0/0 waits']);
  });

  it('is a traceback from making its directory too, and no other exit code', () => {
    const error = "PermissionError: [Errno 13] Permission denied: '/home/x/.as-cli'";
    running(outcome('failed', { exitCode: 1, stderrTail: `Traceback | ${error}` }));
    const play = begun();
    play.tell({ type: 'probed', probe: WORKS });
    play.deliver(0);
    assert.ok(play.end(0, outcome('failed', { exitCode: 1, stderrTail: 'ValueError: bad' })).includes('0/0/0 waits'));
  });

  it('leaves the record to its next reader when the service stops meanwhile', () => {
    const play = running();
    play.drain(5_000);
    play.end(2);
    const lines = play.wait(5_000);
    assert.ok(lines.includes('0/1/0 stopped'), lines.join('\n'));
    assert.equal(play.letters.size, 0);
  });

  it('is not held while the service stops, and not charged either', () => {
    const play = begun({ slots: 1 });
    play.tell({ type: 'probed', probe: WORKS });
    play.deliver(0);
    play.drain(5_000);
    assert.ok(play.end(0, WRONG_OPTION).includes('0/0/0 stopped'));
    assert.equal(play.letters.size, 0);
  });
});

describe('the engine: a loader that says again and again that ClickHouse is away', () => {
  const SOON = { ...SETTINGS.retry, backoffMs: 100, maxBackoffMs: 100, maxUnchargedMs: 100 };
  const WORDS = outcome('sink-unavailable', { exitCode: 1 });

  /** Ends the job once more, each time after another one was loaded or not; returns how often it was not charged. */
  function repeats(play: Play, ending: Outcome, others: boolean, times: number): number {
    let uncharged = 0;
    for (let time = 0; time < times && play.letters.size === 0; time += 1) {
      if (others) {
        play.deliver(time + 1);
        while (!play.status.running.some(({ job }) => job.offset === time + 1)) play.wait(play.wakesIn as number);
        play.end(time + 1);
      }
      while (!play.status.running.some(({ job }) => job.offset === 0)) play.wait(play.wakesIn as number);
      if (play.end(0, ending).includes('0/0/0 waits uncharged')) uncharged += 1;
    }
    return uncharged;
  }

  function playing(): Play {
    const play = new Play({ command: OTHER, retry: SOON, slots: 2 });
    play.assign(0);
    play.deliver(0);
    return play;
  }

  it('is charged from the sixth time on, when others are loaded meanwhile', () => {
    const play = playing();
    assert.equal(repeats(play, WORDS, true, 20), 5);
    assert.equal(play.letters.get(1)?.disposition, 'attempts-exhausted');
    assert.equal(play.letters.get(1)?.attempts, 3);
    assert.equal(play.status.breaker.state, 'closed', 'nobody else waits for it');
  });

  it('is believed for as long as nothing else is loaded', () => {
    assert.equal(repeats(playing(), WORDS, false, 40), 40);
  });

  it('is believed for ever where its exit code says so', () => {
    assert.equal(repeats(playing(), outcome('sink-unavailable', { exitCode: 75 }), true, 40), 40);
  });
});
