import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { loadConfig } from '../../lib/config/load.js';

type Arguments = Readonly<Record<string, string>>;

function load(args: Arguments): void {
  loadConfig({ file: null, env: {}, args });
}

const PLACE = mkdtempSync(join(tmpdir(), 'atd-combinations-'));
writeFileSync(join(PLACE, 'schema'), '{"a": "String"}');
writeFileSync(join(PLACE, 'token'), 'secret');
after(() => rmSync(PLACE, { recursive: true }));

const DEAD_LETTER = 'service.dead_letter.topic';

/** Settings that are each valid, and a value of the second that goes with the first. */
const PAIRS: readonly (readonly [args: Arguments, key: string, sensible: string])[] = [
  [{ 'kafka.topic': 'files', [DEAD_LETTER]: 'files' }, DEAD_LETTER, 'files.dlq'],
  [{ 'kafka.topic': 'my.files', [DEAD_LETTER]: 'my_files' }, DEAD_LETTER, 'my_letters'],
  [{ [DEAD_LETTER]: '', 'kafka.topic': 'f'.repeat(246) }, 'kafka.topic', 'f'.repeat(245)],
  [{ 'kafka.topic': 'a', 'tenants.set_aside': 'topic', [DEAD_LETTER]: 'a_waiting' }, DEAD_LETTER, 'a.dlq'],
  [{ 'tenants.set_aside': 'topic', 'kafka.topic': 'f'.repeat(242) }, 'kafka.topic', 'f'.repeat(241)],
  [
    { 'service.circuit_breaker.max_open_seconds': '1', 'service.circuit_breaker.open_seconds': '1.5' },
    'service.circuit_breaker.open_seconds',
    '1',
  ],
  [
    { 'ingest.max_queued_bytes': '1048576', 'ingest.max_message_bytes': '1048577' },
    'ingest.max_message_bytes',
    '1048576',
  ],
  [{ 'kafka.topic': 'files', [DEAD_LETTER]: 'files.control' }, DEAD_LETTER, 'files.letters'],
  [{ 'kafka.topic': 'my.files', [DEAD_LETTER]: 'my_files_control' }, DEAD_LETTER, 'control'],
  [
    { 'service.circuit_breaker.exit_codes': '69,75', 'service.retry.permanent_exit_codes': '2,75' },
    'service.retry.permanent_exit_codes',
    '2,65',
  ],
  [{ 'ingest.max_queued_jobs': '3', thread_pool_size: '4' }, 'thread_pool_size', '3'],
  [{ default_table: 'loads', 'ledger.table': 'loads' }, 'ledger.table', 'atd__loads'],
  [{ default_table: 'loads_current', 'ledger.table': 'loads' }, 'ledger.table', 'atd__loads'],
  [{ 'tenants.allowed': 'acme, Loads', 'ledger.table': 'atd_loads' }, 'ledger.table', 'atd__loads'],
  [{ 'tenants.allowed': 'loads_acts', 'ledger.table': 'atd_loads' }, 'ledger.table', 'atd__loads'],
  [{ 'tenants.allowed': 'loads_current', 'ledger.table': 'atd_loads' }, 'ledger.table', 'atd__loads'],
  [{ 'tenants.allowed': 'acme,logs', default_table: 'atd_logs' }, 'default_table', 'atd__logs'],
  [{ 'ingest.provenance': 'true', 'tables.partition_by': 'toDate(_loaded_at)' }, 'tables.partition_by', 'toDate(Day)'],
  [{ schema_file: join(PLACE, 'schema'), log_file: join(PLACE, 'schema') }, 'log_file', join(PLACE, 'log')],
  [{ 'http.token_file': join(PLACE, 'token'), log_file: join(PLACE, 'token') }, 'log_file', join(PLACE, 'log')],
];

describe('settings that make no sense together', () => {
  for (const [args, key, sensible] of PAIRS) {
    const keys = Object.keys(args);
    it(`are refused, and both are named: ${keys.join(', ')}`, () => {
      assert.throws(
        () => load(args),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'ATD_CONFIG_INVALID');
          const lines = error.message.split('\n').slice(1);
          assert.equal(lines.length, 1, error.message);
          for (const name of keys) assert.ok(lines[0]?.includes(name), `${name} is named: ${lines[0]}`);
          return true;
        },
      );
      load({ ...args, [key]: sensible });
    });
  }

  it('are not: the name of a topic that Kafka does not allow is wrong by itself', () => {
    for (const topic of ['a b', 'a/b', '.', '..', 'f'.repeat(250), 'ä', 'a:9092']) {
      for (const key of ['kafka.topic', DEAD_LETTER]) {
        assert.throws(() => load({ [key]: topic }), new RegExp(`${key.replaceAll('.', '\\.')} must match`));
      }
    }
    load({ 'kafka.topic': 'f'.repeat(249), [DEAD_LETTER]: '...' });
  });
});
