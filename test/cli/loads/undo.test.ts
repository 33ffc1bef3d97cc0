/** `loads undo` at a terminal, which script(1) makes: it counts, asks, and takes nothing but a yes for one. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { toRow } from '../../../lib/ledger/table.js';
import { temporaryDirectory } from '../../support/cli.js';
import { createLedgerPlace, LOAD } from '../../support/ledger.js';

const MAIN = new URL('../../../lib/cli/main.js', import.meta.url).href;
const QUESTION = 'Delete 7 rows of 1 load from';

/** @param answer what is typed when the question stands there */
async function onTerminal(args: readonly string[], answer: string): Promise<{ code: number | null; text: string }> {
  const script = `import { main } from "${MAIN}"; await main(process.argv.slice(1));`;
  const words = [process.execPath, '--input-type=module', '-e', script, '--', ...args].map((word) => `'${word}'`);
  const child = spawn('script', ['-qec', `stty cols 60; exec ${words.join(' ')}`, '/dev/null'], {
    env: { PATH: '/usr/bin:/bin' },
  });
  let text = '';
  let isAnswered = false;
  child.stdout.setEncoding('utf8').on('data', (data: string) => {
    text += data;
    if (isAnswered || !text.includes(QUESTION)) return;
    isAnswered = true;
    child.stdin.write(answer);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, text };
}

test('nothing is deleted before somebody says yes at the terminal', async (t) => {
  const place = await createLedgerPlace(t);
  const { database } = place.table;
  await place.store.write([JSON.stringify(toRow(LOAD))], 'first');
  await place.execute(`CREATE TABLE ${database}.atd_acme (n Int8, _load_id UUID) ENGINE = MergeTree ORDER BY n`);
  await place.execute(`INSERT INTO ${database}.atd_acme SELECT number, '${LOAD.loadId}' FROM numbers(7)`);
  await place.execute(`INSERT INTO ${database}.atd_acme SELECT number, generateUUIDv4() FROM numbers(3)`);
  const { host, port, user, password } = place.clickHouse;
  const config = join(temporaryDirectory(t), 'atd.yaml');
  writeFileSync(config, JSON.stringify({ clickhouse: { host, port, user, password, database }, http: { port: 1 } }));
  const counted = async (): Promise<number> => {
    const [row] = await place.rows<{ n: number | string }>(`SELECT count() AS n FROM ${database}.atd_acme`);
    return Number(row?.n);
  };
  const undo = (answer: string) => onTerminal(['loads', 'undo', LOAD.loadId, '--config', config], answer);
  for (const answer of ['\r', 'n\r', 'yesterday\r', '\u0004', '\u0003']) {
    const { code, text } = await undo(answer);
    assert.deepEqual([code, await counted()], [1, 10], `${JSON.stringify(answer)}: ${text}`);
    assert.match(text.replaceAll(/\s+/g, ' '), /7 rows of \S+\.atd_acme: \/in\/5 \(19655eca-/);
  }
  const { code, text } = await undo('y\r');
  assert.deepEqual([code, await counted()], [0, 3], text);
  assert.match(text, /1 load undone, 7 rows deleted/);
});
