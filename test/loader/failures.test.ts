import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explain, explainFileError, oneLine, redact, type Stage } from '../../lib/loader/failures.js';
import { KNOWN_STATUSES, KNOWN_TEXTS, type KnownText } from '../../lib/loader/known-answers.js';

function failure(code: string | number, message = 'message'): Error {
  return Object.assign(new Error(message), { code });
}

type Case = readonly [error: Error, stage: Stage, exitCode: number, why: RegExp];

const CASES: readonly Case[] = [
  [failure('ECONNREFUSED'), 'describe-table', 69, /cannot be reached \(ECONNREFUSED\)/],
  [failure('ENOTFOUND'), 'describe-table', 69, /ENOTFOUND/],
  [failure('EAI_AGAIN'), 'describe-table', 69, /EAI_AGAIN/],
  [failure('ETIMEDOUT'), 'insert', 69, /ETIMEDOUT/],
  [failure('ECONNRESET'), 'insert', 75, /closed during the insert/],
  [failure('EPIPE'), 'insert', 75, /closed during the insert/],
  [failure('ECONNRESET'), 'describe-table', 69, /connection was closed/],
  [new Error('Timeout error.'), 'insert', 69, /did not answer in time/],
  [new Error('HTTP status 502: <html><h1>Bad Gateway</h1></html>'), 'insert', 69, /gateway/],
  [new Error('HTTP status 503: '), 'describe-table', 69, /gateway/],
  [new Error('HTTP status 200: <!DOCTYPE html><title>Hello</title>'), 'describe-table', 78, /a web server answered/],
  [new Error('HTTP status 404: Not Found'), 'describe-table', 78, /a web server answered/],
  [new Error('HTTP status 200: '), 'create-table', 78, /a web server answered, not ClickHouse: HTTP status 200$/],
  [new Error('HTTP status 200: '), 'insert', 75, /not known whether the rows arrived: a proxy answered/],
  [new Error('HTTP status 302: '), 'insert', 78, /a web server answered/],
  [new Error('HTTP status 429: '), 'insert', 75, /too many requests/],
  [new Error('HTTP status 429: '), 'describe-table', 75, /too many requests/],
  [
    new Error('Port 9000 is for clickhouse-client program\r\nYou must use port 8123 for HTTP.'),
    'insert',
    78,
    /native port/,
  ],
  [failure('NOT_HTTP'), 'describe-table', 78, /native port/],
  [failure('TLS_EXPECTED'), 'describe-table', 78, /speaks TLS/],
  [failure('SELF_SIGNED_CERT_IN_CHAIN'), 'describe-table', 78, /certificate/],
  [failure('CERT_HAS_EXPIRED'), 'describe-table', 78, /certificate/],
  [failure('EPROTO'), 'describe-table', 78, /does not speak TLS/],
  [failure('ERR_SSL_WRONG_VERSION_NUMBER'), 'describe-table', 78, /does not speak TLS/],
  [failure('27', 'Cannot parse input'), 'insert', 65, /ClickHouse error 27: Cannot parse input/],
  [failure('117', 'Unknown field'), 'insert', 65, /117/],
  [failure('636'), 'inspect-file', 65, /636/],
  [failure('748'), 'insert', 65, /748/],
  [failure('1001'), 'insert', 65, /1001/],
  ...['159', '202', '203', '209', '210', '241', '242', '252', '285', '319', '425', '999'].map(
    (code): Case => [failure(code), 'insert', 75, new RegExp(`error ${code}`)],
  ),
  [failure('516'), 'describe-table', 77, /516/],
  [failure('497'), 'create-table', 77, /497/],
  [failure('164'), 'insert', 77, /164/],
  [failure('81'), 'describe-table', 78, /81/],
  [failure('60'), 'describe-table', 78, /60/],
  [failure('115'), 'insert', 78, /115/],
  [failure('50', 'Unknown data type family: Strin'), 'create-table', 78, /Strin/],
  [failure('50'), 'insert', 70, /50/],
  [failure('49', 'Logical error'), 'insert', 70, /49/],
  [new TypeError('x is not a function'), 'insert', 70, /x is not a function/],
];

test('every failure has the exit code that tells a supervisor whether to try again', () => {
  for (const [error, stage, exitCode, why] of CASES) {
    const explanation = explain(error, stage);
    assert.equal(explanation.exitCode, exitCode, `${error.message} ${stage}`);
    assert.match(explanation.why, why);
    assert.notEqual(explanation.remedy, '');
  }
});

/** Every row of the tables by text and by status, with a text of a server. */
const ROWS: readonly (readonly [code: number, text: string, stage: Stage, exitCode: number, scope: string | null])[] = [
  [
    252,
    "Too many partitions for single INSERT block (more than 100). The limit is controlled by 'x'",
    'insert',
    65,
    'file',
  ],
  [252, 'Too many parts (300). Merges are processing significantly slower than inserts', 'insert', 75, null],
  [241, 'Query memory limit exceeded: would use 11.04 MiB, maximum: 9.54 MiB', 'insert', 65, 'file'],
  [241, 'Memory limit (for query) exceeded: would use 11.05 MiB, maximum: 9.54 MiB', 'insert', 65, 'file'],
  [241, 'User memory limit exceeded: would use 10.98 MiB, maximum: 9.54 MiB', 'insert', 75, null],
  [241, '(total) memory limit exceeded: would use 5 GiB', 'insert', 75, null],
  [159, 'Timeout exceeded: elapsed 1000.000 ms, maximum: 1000 ms', 'insert', 70, null],
  [159, 'Watching task /clickhouse/task_queue/ddl/query-1 is executing too long', 'create-table', 75, null],
  [1001, 'std::exception. Code: 1001, type: std::bad_alloc, e.what() = std::bad_alloc', 'insert', 75, null],
  [1001, 'std::exception. Code: 1001, type: parquet::ParquetException', 'insert', 65, 'file'],
  [60, 'Table default.t does not exist', 'describe-created', 75, 'table'],
  [60, 'Table default.t does not exist', 'describe-table', 78, 'table'],
  [43, 'Illegal type', 'insert', 65, 'file'],
  ...[16, 36, 43, 44, 46, 47, 50, 56, 62, 169, 549, 701].map(
    (code) => [code, 'x', 'create-table', 78, 'file'] as const,
  ),
  ...[23, 24, 74, 75, 76, 341].map(
    (code) => [code, 'errno: 24, strerror: Too many open files', 'insert', 75, null] as const,
  ),
];

for (const [code, text, stage, exitCode, scope] of ROWS) {
  test(`${code} '${text.slice(0, 50)}' at ${stage} is ${exitCode}, of ${scope ?? 'nobody'}`, () => {
    const explanation = explain(failure(String(code), text), stage);
    assert.deepEqual([explanation.exitCode, explanation.scope], [exitCode, scope]);
  });
}

test('each row of the tables has a case here', () => {
  const tried = (known: KnownText): boolean =>
    ROWS.some(
      ([code, text, stage]) => known.codes.includes(code) && known.text.test(text) && stage === (known.stage ?? stage),
    );
  assert.deepEqual(
    KNOWN_TEXTS.filter((known) => !tried(known)),
    [],
  );
});

test('a status of what stands before ClickHouse passes by itself, or is a limit that somebody has to raise', () => {
  const passing = [408, 425, 429, 460, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524, 527, 529, 530, 561];
  for (const status of passing) {
    for (const stage of ['describe-table', 'insert'] as const) {
      const { exitCode, why } = explain(new Error(`HTTP status ${status}: <html>`), stage);
      assert.equal(exitCode, status === 429 ? 75 : 69, why);
    }
  }
  for (const status of [413, 414, 431]) {
    const { exitCode, scope, remedy } = explain(new Error(`HTTP status ${status}: <html>`), 'insert');
    assert.deepEqual([exitCode, scope], [78, null]);
    assert.match(remedy, /proxy/);
  }
  const told = new Set([...passing, 413, 414, 431]);
  assert.deepEqual(
    KNOWN_STATUSES.flatMap(({ statuses }) => statuses).filter((status) => !told.has(status)),
    [],
  );
});

test('every failure says whose it is, where that is known', () => {
  const scopes: Readonly<Record<'connection' | 'table' | 'file' | 'unknown', readonly (string | Error)[]>> = {
    connection: [
      ...['192', '193', '194', '195', '516', '164', '452', '81', '115'],
      ...['ECONNREFUSED', 'NOT_HTTP', 'TLS_EXPECTED', 'SELF_SIGNED_CERT_IN_CHAIN', 'EPROTO'],
    ],
    table: ['60', '218', '291', '497', '724'],
    file: ['27', '117', '636', '43'],
    unknown: ['241', '252', '49', new TypeError('x is not a function'), new Error('HTTP status 413: too large')],
  };
  for (const [scope, errors] of Object.entries(scopes)) {
    for (const error of errors) {
      const found = explain(typeof error === 'string' ? failure(error) : error, 'insert').scope ?? 'unknown';
      assert.equal(found, scope, String(error));
    }
  }
  assert.equal(explain(failure('50'), 'create-table').scope, 'file');
  assert.equal(explain(new Error('HTTP status 404: Not Found'), 'describe-table').scope, 'connection');
});

test('a ClickHouse to which no connection can be had is unavailable, for whatever reason', () => {
  for (const code of ['EADDRNOTAVAIL', 'ENETDOWN', 'EHOSTDOWN']) {
    assert.equal(explain(failure(code), 'insert').exitCode, 69, code);
  }
  for (const [code, syscall] of [
    ['EMFILE', 'connect'],
    ['EPERM', 'connect'],
    ['EACCES', 'connect'],
    ['ENOBUFS', 'connect'],
    ['EAI_NODATA', 'getaddrinfo'],
    ['ENOMEM', 'getaddrinfo'],
  ] as const) {
    const { exitCode, scope, why } = explain(Object.assign(failure(code), { syscall }), 'describe-table');
    assert.deepEqual([exitCode, scope], [69, 'connection'], code);
    assert.match(why, new RegExp(`cannot be reached \\(${code}\\)`));
  }
  assert.equal(explain(Object.assign(failure('ENOMEM'), { syscall: 'read' }), 'insert').exitCode, 70);
});

test('the two refused addresses of a host name are one refusal', () => {
  const both = Object.assign(new AggregateError([failure('ECONNREFUSED'), failure('ECONNREFUSED')], ''), {
    code: 'ECONNREFUSED',
  });
  assert.equal(explain(both, 'describe-table').exitCode, 69);
});

test('a file that cannot be read is 66, a machine that is short of something is 75', () => {
  for (const code of ['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'])
    assert.equal(explainFileError(failure(code)).exitCode, 66, code);
  for (const code of ['EMFILE', 'EIO', 'ESTALE']) assert.equal(explainFileError(failure(code)).exitCode, 75, code);
  assert.equal(explainFileError(failure('EACCES')).why, 'permission denied');
});

test('any text becomes one bounded line', () => {
  const text = 'a\n\tb \u001b[31mc\u0000d: (version 26.7.2.1 (official build))\n';
  assert.equal(oneLine(text), 'a b c d');
  assert.equal(oneLine('x'.repeat(1000)), `${'x'.repeat(399)}…`);
  assert.equal(oneLine(`abc🦀${'d'.repeat(10)}`, 5), 'abc…', 'no half of a character is left');
});

test('the password is taken out wherever it stands', () => {
  assert.equal(redact('u:geheim@h says geheim', 'geheim'), 'u:***@h says ***');
  assert.equal(redact('unchanged', ''), 'unchanged');
});
