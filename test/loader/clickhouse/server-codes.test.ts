/** ClickHouse's codes, by the names that the engine itself has for them -> exit codes. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { explain } from '../../../lib/loader/failures.js';
import { type Bench, startBench } from '../as-cli.js';

let bench: Bench;
/** Code by name. */
let codes: ReadonlyMap<string, number>;

before(async () => {
  bench = await startBench();
  const rows = await bench.rows(
    "SELECT number AS code, errorCodeToName(number) AS name FROM numbers(1100) WHERE name != ''",
  );
  codes = new Map(rows.map(({ code, name }) => [String(name), Number(code)]));
});

after(async () => {
  await bench.stop();
});

function exitCodeOf(code: number): number {
  return explain(Object.assign(new Error('text'), { code: String(code) }), 'insert').exitCode;
}

const EXIT_CODES: readonly (readonly [exitCode: number, what: string, names: string])[] = [
  [
    65,
    'what is wrong with the file',
    `CANNOT_PARSE_TEXT CANNOT_PARSE_QUOTED_STRING CANNOT_PARSE_INPUT_ASSERTION_FAILED ATTEMPT_TO_READ_AFTER_EOF
    CANNOT_READ_ALL_DATA CANNOT_PARSE_DATE CANNOT_PARSE_DATETIME CANNOT_PARSE_NUMBER CANNOT_PARSE_UUID CANNOT_PARSE_BOOL
    CANNOT_PARSE_IPV4 CANNOT_PARSE_IPV6 CANNOT_READ_MAP_FROM_TEXT CHECKSUM_DOESNT_MATCH CANNOT_DECOMPRESS
    ZLIB_INFLATE_FAILED ZSTD_DECODER_FAILED LZ4_DECODER_FAILED SNAPPY_UNCOMPRESS_FAILED CORRUPTED_DATA INCORRECT_DATA
    TYPE_MISMATCH VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN DECIMAL_OVERFLOW
    VIOLATED_CONSTRAINT UNKNOWN_ELEMENT_OF_ENUM CANNOT_EXTRACT_TABLE_STRUCTURE UNEXPECTED_DATA_AFTER_PARSED_VALUE
    PARQUET_EXCEPTION AVRO_EXCEPTION STD_EXCEPTION`,
  ],
  [
    75,
    'what passes',
    `TIMEOUT_EXCEEDED QUOTA_EXCEEDED TOO_MANY_SIMULTANEOUS_QUERIES NO_FREE_CONNECTION SOCKET_TIMEOUT NETWORK_ERROR
    CANNOT_ALLOCATE_MEMORY MEMORY_LIMIT_EXCEEDED TABLE_IS_READ_ONLY NOT_ENOUGH_SPACE TOO_MANY_PARTS NO_ZOOKEEPER
    KEEPER_EXCEPTION TOO_FEW_LIVE_REPLICAS UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE UNKNOWN_STATUS_OF_INSERT ABORTED
    QUERY_WAS_CANCELLED ALL_CONNECTION_TRIES_FAILED S3_ERROR SERVER_OVERLOADED TCP_CONNECTION_LIMIT_REACHED
    HTTP_CONNECTION_LIMIT_REACHED TABLE_IS_BEING_RESTARTED ASYNC_LOAD_WAIT_FAILED DISTRIBUTED_TOO_MANY_PENDING_BYTES`,
  ],
  [
    77,
    'what this user may not do',
    `READONLY UNKNOWN_USER WRONG_PASSWORD REQUIRED_PASSWORD IP_ADDRESS_NOT_ALLOWED DATABASE_ACCESS_DENIED ACCESS_DENIED
    AUTHENTICATION_FAILED USER_EXPIRED SETTING_CONSTRAINT_VIOLATION TABLE_SIZE_EXCEEDS_MAX_DROP_SIZE_LIMIT`,
  ],
  [78, 'what is set wrongly', 'UNKNOWN_DATABASE UNKNOWN_TABLE UNKNOWN_SETTING TOO_MANY_TABLES'],
  [70, 'what says nothing of the file or the server', 'LOGICAL_ERROR SYNTAX_ERROR UNKNOWN_FUNCTION NOT_IMPLEMENTED'],
];

for (const [exitCode, what, names] of EXIT_CODES) {
  test(`${exitCode} is ${what}`, () => {
    for (const name of names.split(/\s+/)) {
      const code = codes.get(name);
      assert.ok(code !== undefined, `the engine knows no ${name}`);
      assert.equal(exitCodeOf(code), exitCode, name);
    }
  });
}

test('every code that has a meaning here is one of ClickHouse', () => {
  const known = new Set(codes.values());
  for (let code = 1; code < 1100; code++) if (!known.has(code)) assert.equal(exitCodeOf(code), 70, String(code));
});

test('a file with too many partitions for one block is given up, and says what may be done', async () => {
  const file = await bench.writeSelect('days.csv', 'SELECT number AS id FROM numbers(150)', 'CSVWithNames');
  const { code, stderr } = await bench.load(file, 'days', ['--create-table', '--partition-by', 'id']);
  assert.equal(code, 65);
  assert.match(stderr, /Too many partitions for single INSERT block .*; sort the file by the partition key, /);
});
