/** `atd-ingestion pause`, `resume` and `reload`, of a service as a process. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { produce } from '../sandbox/topics.js';
import { runCli } from '../support/cli.js';
import { OnTerminal } from '../support/pty.js';
import { createPlace, startService, writeScript } from '../support/service-process.js';

const DEADLINE_MS = 60_000;

describe('a person at the command line', () => {
  it('pauses a tenant, sees that it is, and has it go on', async (t) => {
    const place = await createPlace(t);
    const token = writeScript(place, 'token', 'a-token-of-this-test');
    const service = await startService(t, place, { http: { token_file: token } });
    const ask = (...args: readonly string[]) => runCli([...args, '--url', service.http]);
    const change = (...args: readonly string[]) => ask(...args, '--token-file', token);

    const paused = await change('pause', 'acme', '--for', '1h', '--reason', 'their disk is full');
    assert.deepEqual([paused.code, paused.stderr], [0, '']);
    assert.match(paused.stdout, /^acme is paused until \d{4}-\S+Z, in all instances of the group\n$/);
    await service.seen('tenant.paused', 1, DEADLINE_MS);
    assert.match((await ask('status')).stdout, /^Paused +acme by \S+@\S+ for .*: their disk is full$/m);

    const file = writeScript(place, 'load', 'true');
    await produce(place.kafka.brokers, place.topic, [{ value: JSON.stringify({ filename: file, tenant: 'acme' }) }]);
    await produce(place.kafka.brokers, place.topic, [{ value: JSON.stringify({ filename: file, tenant: 'globex' }) }]);
    const [first] = await service.seen('job.loaded', 1, DEADLINE_MS);
    assert.equal(first?.['tenant'], 'globex');

    const wrong = writeScript(place, 'wrong', 'another-token');
    const refused = await ask('resume', 'acme', '--token-file', wrong);
    assert.deepEqual([refused.code, refused.stdout], [77, '']);
    assert.equal(refused.stderr, 'atd-ingestion: nothing was changed: the token is wrong\n');
    const odd = await change('resume', 'a b');
    assert.deepEqual([odd.code, odd.stdout], [64, '']);
    assert.match(odd.stderr, /nothing was changed: "a%20b" is no tenant|nothing was changed: not here/);

    const resumed = await change('resume', 'acme', '--json');
    assert.deepEqual([resumed.code, JSON.parse(resumed.stdout)], [0, { tenant: 'acme', paused: false }]);
    await service.seen('job.loaded', 2, DEADLINE_MS);
    assert.match((await change('pause', '-')).stdout, /^what has no tenant is paused until somebody resumes it, /);
    assert.equal(await service.stop(), 0);
  });

  it('pauses the tenant under the cursor of top, and has it go on', async (t) => {
    const place = await createPlace(t);
    const token = writeScript(place, 'token', 'a-token-of-this-test');
    const service = await startService(t, place, { http: { token_file: token } });
    const filename = writeScript(place, 'load', 'true');
    const values = ['globex', 'globex', 'acme'].map((tenant) => ({ value: JSON.stringify({ filename, tenant }) }));
    await produce(place.kafka.brokers, place.topic, values);
    await service.seen('job.loaded', 3, DEADLINE_MS);
    const args = ['top', '--url', service.http, '--token-file', token];
    const top = new OnTerminal(t, args, [80, 24], { NO_COLOR: '1' });
    await top.shows(/p pause\/resume/);
    top.press('l');
    await top.shows(/^> globex .*\n {2}acme /m);
    top.press('\u001b[B');
    await top.shows(/^ {2}globex .*\n> acme /m);
    // It stays with its tenant.
    top.press('n');
    await top.shows(/^> acme .*\n {2}globex /m);
    top.press('p');
    await top.shows(/acme is paused until somebody resumes it/);
    await service.seen('tenant.paused', 1, DEADLINE_MS);
    top.press('\u001b[B');
    await top.shows(/^P acme .*\n> globex /m);
    top.press('\u001b[A');
    await top.shows(/^> acme /m);
    top.press('p');
    await top.shows(/acme goes on/);
    await service.seen('tenant.resumed', 1, DEADLINE_MS);
    // Ctrl-C, as the terminal gives it to who reads keys.
    top.press('\u0003');
    assert.deepEqual(await top.ended, { code: 0, signal: null, isCooked: true });
    assert.deepEqual([[...top.terminal.colours], top.terminal.tooLong], [[], []]);
    assert.equal(await service.stop(), 0);
  });

  it('has settings taken over, and is told which are wrong', async (t) => {
    const place = await createPlace(t);
    const token = writeScript(place, 'token', 'a-token-of-this-test');
    const service = await startService(t, place, { http: { token_file: token } });
    const settings = join(place.directory, `${service.clientId}.yaml`);
    const reload = () => runCli(['reload', '--url', service.http, '--token-file', token]);
    const text = readFileSync(settings, 'utf8');

    writeFileSync(settings, text.replace(/^log_level: .*$/m, 'log_level: info'));
    const taken = await reload();
    assert.deepEqual([taken.code, taken.stdout], [0, 'changed:\n  log_level: "debug" -> "info"\n']);
    assert.equal((await reload()).stdout, 'no setting has changed\n');

    writeFileSync(settings, text.replace(/^log_level: .*$/m, 'log_level: loud'));
    const refused = await reload();
    assert.deepEqual([refused.code, refused.stdout], [78, '']);
    assert.match(
      refused.stderr,
      /^atd-ingestion: nothing was changed: [\s\S]*log_level[\s\S]*the settings from before hold\n$/,
    );
    assert.equal(await service.stop(), 0);
  });

  const MISUSE: readonly (readonly [args: readonly string[], code: number, says: RegExp])[] = [
    [['pause'], 64, /pause needs one tenant, or - for the messages without one$/],
    [['pause', 'a', 'b'], 64, /pause needs one tenant/],
    [['pause', 'a', '--for', 'soon'], 64, /--for soon is no time; it looks like 90s, 30m, 1h or 2d$/],
    [['resume', 'a'], 64, /needs the token of the service; name the file that has it by --token-file, /],
    [['resume', 'a', '--token-file', '/nowhere/token'], 78, /the token cannot be read: ENOENT.*\/nowhere\/token/],
    [
      ['reload', '--token-file', '/etc/hostname', '--url', 'http://127.0.0.1:1'],
      2,
      /no answer of a service from http:/,
    ],
    [['reload', '--token-file', '/etc/hostname', '--url', 'here'], 64, /--url here is no address/],
  ];
  for (const [args, code, says] of MISUSE) {
    it(`is told what is wrong with ${args.join(' ')}`, async () => {
      const result = await runCli(args);
      assert.deepEqual([result.code, result.stdout], [code, ''], result.stderr);
      assert.match(result.stderr.trimEnd(), says);
    });
  }
});
