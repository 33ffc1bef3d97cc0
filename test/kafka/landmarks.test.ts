/** Whether a topic is the one that it was: the real client, against a broker that does what it is told. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { isMadeAnew, type Landmark } from '../../lib/kafka/landmarks.js';
import { hastyKafka } from '../support/group-member.js';
import { ScriptedBroker } from '../support/scripted-broker.js';

const TOPIC = 'files';

/** Two partitions of three messages each, with these times. */
async function startBroker(t: TestContext): Promise<ScriptedBroker> {
  const broker = await ScriptedBroker.start(t, { topics: { [TOPIC]: 2 } });
  for (const partition of [0, 1]) {
    for (const timestamp of [10, 20, 30]) {
      broker.topics.append(TOPIC, partition, [{ value: Buffer.from('{}'), timestamp: timestamp + partition }]);
    }
  }
  return broker;
}

const at = (partition: number, offset: number, timestamp: number): Landmark => ({ partition, offset, timestamp });

describe('a topic of the same name', () => {
  const CASES: Readonly<Record<string, readonly [landmarks: readonly Landmark[], isOther: boolean]>> = {
    'has other messages everywhere: it was made anew': [[at(0, 2, 29), at(1, 0, 10), at(1, 2, 32)], true],
    'has one of its messages still': [[at(0, 2, 29), at(1, 0, 11), at(1, 2, 32)], false],
    'has lost a message, which proves nothing': [[at(0, 2, 29), at(1, 5, 99)], false],
    'has a message whose time is not known, which proves nothing': [[at(0, 2, 29), at(1, 0, Number.NaN)], false],
    'is known by no message': [[], false],
  };
  for (const [what, [landmarks, isOther]] of Object.entries(CASES)) {
    it(what, async (t) => {
      const broker = await startBroker(t);
      const question = { kafka: hastyKafka(broker), groupId: 'loads', topic: TOPIC };
      assert.equal(await isMadeAnew(question, landmarks), isOther);
    });
  }
});
