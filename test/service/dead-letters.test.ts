/** `atd-ingestion dead-letters`, of what a service has given up. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { produce } from '../sandbox/topics.js';
import { runCli } from '../support/cli.js';
import { createPlace, type Place, startService, writeScript } from '../support/service-process.js';

const DEADLINE_MS = 60_000;

/** The command with the settings of the service. */
function ask({ directory }: Place, clientId: string, ...args: readonly string[]) {
  return runCli(['dead-letters', ...args, '--config', join(directory, `${clientId}.yaml`)]);
}

describe('atd-ingestion dead-letters', () => {
  it('lists, chooses, counts and shows what was given up, and says so where nothing was', async (t) => {
    const place = await createPlace(t);
    const service = await startService(t, place);
    const { clientId } = service;
    const none = await ask(place, clientId);
    assert.deepEqual([none.code, none.stderr], [0, '']);
    assert.equal(none.stdout, `no such dead letters in ${place.topic}.dlq\n`);

    const bad = writeScript(place, 'bad', 'echo "row 12 is no row" >&2; exit 65');
    const worse = writeScript(place, 'worse', 'exit 66');
    await produce(place.kafka.brokers, place.topic, [
      { value: JSON.stringify({ filename: bad, tenant: 'acme' }), key: 'k', partition: 0 },
      { value: JSON.stringify({ filename: worse, tenant: 'globex' }), partition: 1 },
      { value: 'no JSON', partition: 2 },
    ]);
    await service.seen('letter.sent', 3, DEADLINE_MS);

    const all = await ask(place, clientId);
    assert.deepEqual([all.code, all.stderr], [0, '']);
    assert.match(all.stdout, new RegExp(`^3 dead letters in ${place.topic}\\.dlq$`, 'm'));
    assert.match(all.stdout, /^\d\/\d+ {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ {2}acme {2}permanent-failure$/m);
    assert.match(all.stdout, /^\d\/\d+ .*\(no tenant\) {2}invalid-message$/m);

    const chosen = await runCli([
      'dlq',
      '--tenant',
      'acme',
      '--file',
      '*/bad',
      '--since',
      '1h',
      '--json',
      '--config',
      join(place.directory, `${clientId}.yaml`),
    ]);
    const [letter, ...others] = chosen.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual([others, letter.tenant, letter.files, letter.exitCode], [[], 'acme', [bad], 65]);
    assert.equal(letter.source, `${place.topic}/0/0`);

    const groups = await ask(place, clientId, 'list', '--group-by', 'disposition');
    assert.match(groups.stdout, /^ +2 .*permanent-failure$/m);
    assert.match(groups.stdout, /^ +1 .*invalid-message$/m);

    const shown = await ask(place, clientId, 'show', `${letter.partition}/${letter.offset}`);
    assert.deepEqual([shown.code, shown.stderr], [0, '']);
    for (const part of [
      'row 12 is no row',
      `stood at ${place.topic}/0/0; 1 attempt, exit code 65`,
      'Key\n  k\n',
      '"tenant":"acme"',
    ]) {
      assert.ok(shown.stdout.includes(part), `${part}\n${shown.stdout}`);
    }

    const limited = await ask(place, clientId, '--limit', '1');
    assert.match(limited.stdout, /^3 dead letters in .*, the newest 1 of them shown \(--limit\)$/m);
    assert.equal(
      (await ask(place, clientId, '--since', '2100-01-01')).stdout,
      `no such dead letters in ${place.topic}.dlq\n`,
    );
    assert.equal(await service.stop(), 0);
  });

  const MISUSE: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [['shwo', '0/1'], /unknown action shwo; did you mean show\?$/],
    [['show'], /a letter is named by its place, PARTITION\/OFFSET/],
    [['show', '0-1'], /a letter is named by its place, .*, not "0-1"$/],
    [['list', 'x'], /unexpected argument x$/],
    [['--group-by', 'tenent'], /--group-by tenent is not known; did you mean tenant\?$/],
    [['--limit', '0'], /--limit 0 is no number of letters from 1 on$/],
    [['--since', 'noon'], /--since noon is neither a span/],
  ];
  for (const [args, says] of MISUSE) {
    it(`refuses ${args.join(' ')} in one line`, async () => {
      const { code, stdout, stderr } = await runCli(['dead-letters', ...args]);
      assert.deepEqual([code, stdout], [64, '']);
      assert.match(stderr.trimEnd(), says);
    });
  }

  it('says which brokers it looked for', async () => {
    const { code, stderr } = await runCli(['dlq'], { ATD_KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:1' });
    assert.equal(code, 1);
    assert.match(stderr, /^atd-ingestion: cannot read atd-topic\.dlq: .*; check kafka\.bootstrap_servers\n$/);
  });
});
