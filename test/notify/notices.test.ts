import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BreakerState, Disposition, Effect, EngineEvent } from '../../lib/core/events.js';
import { lettersText, messageOf, Notices } from '../../lib/notify/notices.js';

const TICK: EngineEvent = { type: 'tick' };

function breaker(state: BreakerState): Effect {
  return { type: 'breaker-changed', state, reason: 'three loads in a row found it away' };
}

function letter(letterId: number, disposition: Disposition): Effect {
  return { type: 'dead-letter', letterId, letter: { disposition } as never };
}

describe('Notices', () => {
  it('tells once that the breaker has opened, until it has closed', () => {
    const notices = new Notices();
    const told = (state: BreakerState) => notices.observe(TICK, [breaker(state)]).length;
    assert.deepEqual((['open', 'half-open', 'open', 'closed', 'open'] as const).map(told), [1, 0, 0, 0, 1]);
    const [notice] = new Notices().observe(TICK, [breaker('open')]);
    assert.match(notice?.text ?? '', /^All loads are held back, .*: three loads in a row found it away$/);
  });

  it('counts letters once the broker has them, each once, by their dispositions', () => {
    const notices = new Notices();
    assert.deepEqual(notices.observe(TICK, [letter(1, 'file-missing'), letter(2, 'file-missing')]), []);
    assert.deepEqual(notices.observe({ type: 'dead-letter-failed', letterId: 1, error: 'no' }, []), []);
    assert.equal(notices.observe({ type: 'dead-lettered', letterId: 2 }, []).length, 1);
    assert.deepEqual(notices.observe({ type: 'dead-lettered', letterId: 2 }, []), []);
    const told = notices.letters;
    assert.match(lettersText(told), /^A message was given up \(1 file-missing\)\. Look: atd-ingestion dead-letters$/);
    notices.observe(TICK, [letter(1, 'file-missing'), letter(3, 'path-denied')]);
    for (const letterId of [1, 3]) notices.observe({ type: 'dead-lettered', letterId }, []);
    assert.match(lettersText(notices.letters), /^3 messages were given up \(2 file-missing, 1 path-denied\)/);
    notices.forgetLetters(told);
    assert.match(lettersText(notices.letters), /^2 messages were given up \(1 file-missing, 1 path-denied\)/);
    notices.forgetLetters(notices.letters);
    assert.equal(notices.letters.size, 0);
  });

  it('tells of a lag beyond the bound once, and anew after half of it was caught up', () => {
    const notices = new Notices();
    const told = (lag: number | null, most: number | null = 100) => notices.lag(lag, most).length;
    assert.deepEqual(
      [100, 101, 500, 90, 101, null, 50, 101].map((lag) => told(lag)),
      [0, 1, 0, 0, 0, 0, 0, 1],
    );
    assert.deepEqual([told(1_000, null), told(1_000, 100)], [0, 1]);
  });

  it('keeps to a line of some hundred characters, and to what Slack reads as text', () => {
    const { text } = new Notices().reloadRefused(`a\nb ${'x'.repeat(2_000)}`);
    assert.ok(text.length < 510 && !text.includes('\n'), text);
    for (const before of ['', 'x']) {
      const cut = new Notices().reloadRefused(`${before}\u202e${'😀'.repeat(400)}`).text;
      assert.doesNotMatch(cut, /\p{Surrogate}|\u202e/u);
    }
    assert.deepEqual(JSON.parse(messageOf('<!channel> & "co"', 'me')), { text: '*me*: &lt;!channel&gt; &amp; "co"' });
  });
});
