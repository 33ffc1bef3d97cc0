/** What messages, letters and copies say of files, by the records that a service and the commands send. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { letterOf } from '../../../lib/cli/letters/letter.js';
import type { Handled } from '../../../lib/cli/letters/marks.js';
import { PathIndex } from '../../../lib/cli/reconcile/path-index.js';
import { type Marks, TopicMarks } from '../../../lib/cli/reconcile/topic-marks.js';
import { REPLAY_OF_HEADER } from '../../../lib/core/rules/replays.js';
import type { KafkaRecord } from '../../../lib/types.js';
import { letterRecord } from '../../support/letters.js';

const AT = Date.UTC(2026, 10, 28, 5);
const HANDLED: Handled = { act: 'replayed', by: 'me@here', at: AT };

function message(offset: number, value: object, headers: Readonly<Record<string, string>> = {}): KafkaRecord {
  const bytes = Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]);
  return {
    ...{ topic: 'files', partition: 0, offset, key: null, timestamp: AT + offset },
    ...{ value: Buffer.from(JSON.stringify(value)), headers: Object.fromEntries(bytes) },
  };
}

class Scene {
  readonly index = new PathIndex(['/in/a', '/in/b']);
  readonly marks = new TopicMarks(this.index, (path) => (path === '/in/b' ? 'ACME' : undefined));

  letter(offset: number, files: readonly string[], handled: Handled | null = null, at = 1204): this {
    const given = {
      topic: 'files',
      offset,
      timestamp: AT + offset,
      files,
      value: { filename: ['/in/a', '/in/b'], tenant: 'acme' },
    };
    const record = letterRecord(given, 3, at);
    const letter = letterOf(record);
    assert.ok(letter !== null);
    this.marks.letter(letter, record.value, handled);
    return this;
  }

  of(path: string): Partial<Marks> {
    const marks = this.marks.of(this.index.find(path));
    return Object.fromEntries(Object.entries(marks).filter(([, value]) => value !== null && value !== false));
  }
}

describe('a path', () => {
  it('is found among many, and one that is not there is not', () => {
    const paths = Array.from({ length: 5_000 }, (_, n) => `/in/file-${n}.csv`);
    const index = new PathIndex([...paths, ...paths]);
    assert.equal(index.size, 5_000);
    assert.equal(new Set(paths.map((path) => index.find(path))).size, 5_000);
    assert.deepEqual([index.find('/in/file-5000.csv'), index.find(''), new PathIndex([]).find('/in/a')], [-1, -1, -1]);
  });
});

describe('what the topic says of a file', () => {
  it('is nothing where no message names it', () => {
    const scene = new Scene();
    scene.marks.message(message(1, { filename: '/in/c' }), true);
    scene.marks.message({ ...message(2, {}), value: null }, true);
    scene.marks.message(message(3, { file: 7 }), true);
    assert.deepEqual([scene.of('/in/a'), scene.of('/in/b')], [{}, {}]);
  });

  it('is that it waits, and that it is done once a commit has passed its message', () => {
    const scene = new Scene();
    scene.marks.message(message(1, { filename: '/in/a', size: 7 }), true);
    scene.marks.message(message(2, { filename: ['/in/a', '/in/b'], tenant: ' Acme' }), false);
    assert.deepEqual(scene.of('/in/a'), { isOpen: true, doneAt: AT + 1, doneSize: 7 });
    assert.deepEqual(scene.of('/in/b'), { isOpen: true });
  });

  it('is that another tenant has it, whose message is not given up', () => {
    const scene = new Scene().letter(1, ['/in/b']);
    scene.marks.message(message(1, { filename: '/in/b', tenant: 'globex' }), true);
    assert.deepEqual(scene.of('/in/b').elsewhere, undefined);
    scene.marks.message(message(2, { filename: '/in/b' }), true);
    assert.deepEqual(scene.of('/in/b').elsewhere, { tenant: null });
  });

  it('is that it was given up, where a letter names it; the other files of the message are loaded', () => {
    const scene = new Scene().letter(1, ['/in/a']);
    scene.marks.message(message(1, { filename: ['/in/a', '/in/b'], tenant: 'acme' }), true);
    const text = 'permanent-failure: as-cli ended with exit code 65: row 12: no number';
    assert.deepEqual(scene.of('/in/a'), { letter: { partition: 3, offset: 1204, text } });
    assert.deepEqual(scene.of('/in/b'), { doneAt: AT + 1 });
  });

  it('is that all files of a message were given up that was refused as a whole', () => {
    const scene = new Scene().letter(1, []);
    scene.marks.message(message(1, { filename: ['/in/a', '/in/b'], tenant: 'acme' }), true);
    assert.deepEqual(Object.keys({ ...scene.of('/in/a') }), ['letter']);
    assert.deepEqual(Object.keys({ ...scene.of('/in/b') }), ['letter']);
  });

  it('is that it was given up as soon as the letter is there, before the commit', () => {
    const scene = new Scene().letter(1, ['/in/a']);
    scene.marks.message(message(1, { filename: '/in/a' }), false);
    assert.deepEqual(Object.keys(scene.of('/in/a')), ['letter']);
  });

  const replay = (offset: number) =>
    message(offset, { filename: '/in/a' }, { [REPLAY_OF_HEADER]: `files/0/1@${AT + 1}` });

  it('is what became of the replay, where its letter was replayed', () => {
    const [waits, done, dead] = [new Scene(), new Scene(), new Scene().letter(1, ['/in/a'], null, 1300)];
    for (const scene of [waits, done, dead]) {
      scene.letter(1, ['/in/a'], HANDLED);
      scene.marks.message(message(1, { filename: '/in/a' }), true);
    }
    waits.marks.message(replay(5), false);
    assert.deepEqual(waits.of('/in/a'), { isOpen: true });
    done.marks.message(replay(5), true);
    assert.deepEqual(done.of('/in/a'), { doneAt: AT + 5 });
    dead.marks.message(replay(5), true);
    assert.equal(dead.of('/in/a').letter?.offset, 1300);
  });

  it('is that it was given up, and that somebody has discarded the letter', () => {
    const scene = new Scene().letter(1, ['/in/a'], { ...HANDLED, act: 'discarded' });
    assert.match(scene.of('/in/a').letter?.text ?? '', / \(discarded\)$/);
  });

  it('is what became of its newest message', () => {
    const [loaded, dead] = [new Scene().letter(1, ['/in/a']), new Scene().letter(2, ['/in/a'])];
    for (const scene of [loaded, dead]) {
      for (const offset of [1, 2]) scene.marks.message(message(offset, { filename: '/in/a' }), true);
    }
    assert.deepEqual(loaded.of('/in/a'), { doneAt: AT + 2 });
    assert.equal(dead.of('/in/a').letter?.offset, 1204);
  });

  it('is that it waits, where the message was set aside and its copy is not done', () => {
    const value = Buffer.from('{"filename":"/in/a"}');
    for (const [ends, expected] of [
      [[false], { isOpen: true }],
      [[false, true], { doneAt: AT + 1 }],
    ] as const) {
      const scene = new Scene();
      for (const isDone of ends) scene.marks.aside('files/0/1', value, isDone);
      scene.marks.message(message(1, { filename: '/in/a' }), true);
      assert.deepEqual(scene.of('/in/a'), expected);
    }
  });
});
