/** How the tests wait: not beyond the end of a service, and not less for a question that was not answered. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitUntil } from './processes.js';
import { launch } from './service-process.js';

const DEADLINE_MS = 600_000;

test('what a service is waited for is in vain when it has ended, which says how, and what it wrote last', async () => {
  const service = launch(['--config', '/nowhere/atd.yaml']);
  await assert.rejects(
    service.until(() => false, DEADLINE_MS, 'a line'),
    /^Error: the service has ended with exit code 78, so this cannot come any more: a line\n[\s\S]*cannot read the configuration file/,
  );
});

test('what holds when the service has ended is not in vain', async () => {
  const service = launch(['--config', '/nowhere/atd.yaml']);
  let code: number | string | null = null;
  void service.exited.then((exited) => {
    code = exited;
  });
  await service.until(() => code !== null, DEADLINE_MS, 'the end');
  await service.until(() => code === 78, DEADLINE_MS, 'the exit code');
});

test('a question that was not answered is asked again, and any other error is one', async () => {
  let asked = 0;
  const question = async (): Promise<boolean> => {
    asked += 1;
    if (asked === 1) throw Object.assign(new Error('no coordinator'), { name: 'KafkaJSProtocolError' });
    if (asked === 2) await fetch('http://127.0.0.1:1/');
    return asked === 3;
  };
  await waitUntil(question, DEADLINE_MS, 'an answer');
  assert.equal(asked, 3);
  await assert.rejects(
    waitUntil(() => assert.fail('it never will'), DEADLINE_MS, 'an answer'),
    /it never will/,
  );
});
