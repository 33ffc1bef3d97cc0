/**
 * What has to hold of each part that reads what others write, whatever that is. Each takes the module that it is about, so that
 * a copy with a planted bug can stand in its place. They know nothing of how the module does it.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type * as Load from '../../lib/config/load.js';
import type * as CommitMetadata from '../../lib/core/offsets/commit-metadata.js';
import type * as Command from '../../lib/core/rules/command.js';
import type * as Decode from '../../lib/core/rules/decode.js';
import type * as Headers from '../../lib/core/rules/headers.js';
import type * as Routing from '../../lib/core/rules/routing.js';
import { isAtdError } from '../../lib/errors.js';
import type * as HttpAnswer from '../../lib/loader/clickhouse/http-answer.js';
import type { HeaderValue, Job } from '../../lib/types.js';
import type * as LauncherProtocol from '../../lib/worker/launch/launcher-protocol.js';
import { record } from './engine.js';

/** `lib/…` -> what is asked of it. */
export interface Properties {
  readonly 'core/rules/decode.js': (module: typeof Decode) => fc.IProperty<unknown>;
  readonly 'core/rules/routing.js': (module: typeof Routing) => fc.IProperty<unknown>;
  readonly 'core/rules/headers.js': (module: typeof Headers) => fc.IProperty<unknown>;
  readonly 'core/rules/command.js': (module: typeof Command) => fc.IProperty<unknown>;
  readonly 'core/offsets/commit-metadata.js': (module: typeof CommitMetadata) => fc.IProperty<unknown>;
  readonly 'config/load.js': (module: typeof Load) => fc.IProperty<unknown>;
  readonly 'worker/launch/launcher-protocol.js': (module: typeof LauncherProtocol) => fc.IProperty<unknown>;
  readonly 'loader/clickhouse/http-answer.js': (module: typeof HttpAnswer) => fc.IProperty<unknown>;
}

/** Names and texts that mean something to somebody, and any other. */
const NAMES = [
  'filename',
  'file_path',
  'tenant',
  'format',
  'size',
  '__proto__',
  'constructor',
  'toString',
  'traceparent',
];
const name = () => fc.oneof(fc.constantFrom(...NAMES), fc.string({ unit: 'binary', maxLength: 12 }));
const path = () =>
  fc.oneof(
    fc.constantFrom('/in/a', '/in/b', '/inside/a', 'relative', '--file', '', '/in/a\0b', '/in/\n'),
    fc.string({ unit: 'binary', maxLength: 20 }).map((text) => `/${text}`),
    fc.integer({ min: 1_300, max: 4_200 }).map((length) => `/${'é'.repeat(length)}`),
  );
const tenant = () =>
  fc.oneof(
    fc.constantFrom('acme', ' ACME ', 'a-b', '_x', '../x', 'K', ''),
    fc.string({ unit: 'binary', maxLength: 70 }),
  );

function message(): fc.Arbitrary<Uint8Array> {
  const files = fc.oneof(
    path(),
    fc.array(path(), { maxLength: 4 }),
    path().map((file) => [file, file]),
    fc.array(fc.oneof(path(), fc.jsonValue({ maxDepth: 1 })), { maxLength: 4 }),
  );
  const likely = fc.record(
    { filename: files, file_path: files, tenant: tenant(), size: fc.oneof(fc.double(), fc.string()) },
    { requiredKeys: [] },
  );
  const inherited = files.map((value) => `{"__proto__": {"filename": ${JSON.stringify(value)}}}`);
  const texts = fc.oneof(
    likely.map((value) => JSON.stringify(value)),
    fc.dictionary(name(), fc.jsonValue({ maxDepth: 2 })).map((value) => JSON.stringify(value)),
    inherited,
    fc.json(),
    fc.string({ unit: 'binary' }),
  );
  return fc.oneof(
    texts.map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 60 }),
  );
}

const MAX_BYTES = 1_000;

function decoding({ decode }: typeof Decode) {
  return fc.property(message(), (bytes) => {
    const decoded = decode(bytes, MAX_BYTES);
    if (decoded.kind === 'poison') {
      assert.ok(decoded.reason.length > 0 && decoded.reason.length < 400, decoded.reason);
      return;
    }
    assert.equal(decoded.kind, 'request');
    if (decoded.kind !== 'request') return;
    const { files, tenant, format, size } = decoded.request;
    const own = new Map<string, unknown>(Object.entries(JSON.parse(Buffer.from(bytes).toString('utf8')) as object));
    assert.ok(bytes.length <= MAX_BYTES);
    assert.deepEqual(files, [...new Set([own.get('filename') ?? own.get('file_path')].flat())]);
    assert.ok(files.length > 0 && files.every((file) => typeof file === 'string' && file !== ''));
    assert.equal(tenant, own.get('tenant') ?? null);
    assert.ok(format === null || format === own.get('format'));
    assert.ok(size === null || (size === own.get('size') && size >= 0 && size <= 2 ** 50));
  });
}

function routing({ planJobs, judgeInput }: typeof Routing) {
  const request = fc.record({
    files: fc.uniqueArray(path(), { minLength: 1, maxLength: 4 }),
    tenant: fc.option(tenant()),
    format: fc.constant(null),
    size: fc.option(fc.nat()),
  });
  const allowed = fc.constantFrom<readonly string[]>([], ['acme']);
  const roots = fc.constantFrom<readonly string[]>([], ['/in'], ['/in/'], ['/in', '/out']);
  return fc.property(
    request,
    allowed,
    fc.boolean(),
    path(),
    roots,
    (wanted, allowedTenants, tenantRequired, real, allowedRoots) => {
      const rules = {
        tablePrefix: 'atd',
        defaultTable: 'logs',
        allowedTenants: new Set(allowedTenants),
        tenantRequired,
      };
      const planned = planJobs(record(7, {}), wanted, rules);
      const realPath = real.startsWith('/') ? real : '/';
      const { result } = judgeInput('/in/a', { kind: 'regular', realPath }, allowedRoots);
      const isInside = allowedRoots.some((root) => realPath.startsWith(`${root.replace(/\/$/, '')}/`));
      assert.equal(result === 'ok', allowedRoots.length === 0 || isInside, realPath);
      if (!Array.isArray(planned)) return;
      assert.deepEqual(
        planned.map(({ file }) => file),
        wanted.files,
      );
      assert.equal(new Set(planned.map(({ id }) => id)).size, planned.length);
      for (const { file, table, tenant: of } of planned as Job[]) {
        assert.ok(file.startsWith('/') && Buffer.byteLength(file) < 4_096, 'an absolute path of a bounded length');
        assert.ok(
          [...file].every((one) => one >= ' ' && (one < '\x7f' || one > '\x9f')),
          'no control characters',
        );
        assert.ok(of === null || /^[a-z0-9][a-z0-9_]{0,62}$/.test(of), String(of));
        assert.equal(table, of === null ? 'logs' : `atd_${of}`);
        assert.ok(of === null ? !tenantRequired : allowedTenants.length === 0 || allowedTenants.includes(of));
      }
    },
  );
}

function heading({ readTraceparent, letterDiagnosis, ownHeaders }: typeof Headers) {
  const trace = fc
    .tuple(fc.constantFrom('00', 'ff', '0G'), fc.constantFrom('', '-x', '-\n', `-${'x'.repeat(200)}`, '\0'))
    .map(([version, rest]) => `${version}-${'0af7'.repeat(8)}-${'b7ad'.repeat(4)}-01${rest}`);
  const one = fc.oneof(
    trace,
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  );
  const value = fc.oneof(one, fc.array(one, { maxLength: 3 })) as fc.Arbitrary<HeaderValue>;
  const names = fc.oneof(
    name(),
    fc.constantFrom('atd.replay-count', 'atd.disposition', '__connect.errors.topic', 'atd.key-bytes'),
  );
  const text = fc.string({ unit: 'binary', maxLength: 5_000 });
  return fc.property(fc.dictionary(names, value), text, fc.array(text, { maxLength: 8 }), (headers, reason, files) => {
    const traceparent = readTraceparent(headers);
    assert.ok(traceparent === null || /^[\x20-\x7e]{55,184}$/.test(traceparent), 'what an environment can hold');
    const letter = { record: record(7, {}, { headers }), disposition: 'invalid-message', reason, files } as const;
    const more = { attempts: 0, exitCode: null, signal: null, stderrTail: '', firstFailedAt: 0 };
    const diagnosis = letterDiagnosis({ ...letter, ...more }, 'group');
    const characters = Object.values(diagnosis).reduce((sum, each) => sum + each.length, 0);
    assert.ok(characters < 22_000, `${characters} characters`);
    assert.match(diagnosis['atd.replay-count'] ?? '', /^\d{1,9}$/);
    const own = ownHeaders(headers, diagnosis);
    for (const key of Object.keys(own)) assert.ok(!Object.hasOwn(diagnosis, key) && key !== 'atd.key-bytes', key);
    const foreign = Object.keys(headers).filter((key) => !/^(atd|__connect)\./.test(key));
    assert.deepEqual(
      foreign.filter((key) => !(key in own)),
      [],
    );
  });
}

function commanding({ commandTemplate, buildCommand }: typeof Command) {
  const texts = fc.option(fc.string({ unit: 'binary', maxLength: 12 }));
  const secret = fc.string({ unit: fc.constantFrom('§', 'ß'), minLength: 4, maxLength: 12 });
  return fc.property(
    texts,
    texts,
    secret,
    fc.boolean(),
    fc.boolean(),
    path(),
    (host, user, password, bundled, isArgv, file) => {
      const rules: Command.CommandRules = {
        ...{
          executable: '/bin/as-cli',
          executableArgs: ['x'],
          bundled,
          createTable: true,
          batchSize: 7,
          schemaFile: null,
        },
        tables: { engine: null, orderBy: null, partitionBy: null, onCluster: null, durable: true },
        clickhouse: { host, port: 1, database: null, user, password, secure: false },
        passwordIn: isArgv ? 'argv' : 'environment',
        ...{ additionalArgs: ['--last'], timeoutMs: 1, graceMs: 1, allowedRoots: [], environment: { PATH: '/bin' } },
      };
      const job = { id: 't/0/1/0', file, table: 'atd_x', tenant: 'x', timestamp: 5, traceparent: null } as Job;
      const template = commandTemplate(rules);
      const [first, second] = [buildCommand(job, 1, template), buildCommand({ ...job, file: '/other' }, 2, template)];
      const at = first.args.indexOf('--file');
      assert.deepEqual(first.args.slice(at, at + 4), ['--file', file, '--table-name', 'atd_x']);
      assert.deepEqual(
        first.args.toSpliced(at + 1, 1),
        second.args.toSpliced(at + 1, 1),
        'a job changes its own places only',
      );
      assert.equal(first.args.at(-1), '--last');
      assert.equal(first.args.includes(password), isArgv);
      assert.equal(Object.values(first.env).includes(password), !isArgv);
      assert.equal(first.env['ATD_DEDUP_TOKEN'], second.env['ATD_DEDUP_TOKEN']);
      assert.deepEqual([first.env['ATD_ATTEMPT'], second.env['ATD_ATTEMPT']], ['1', '2']);
    },
  );
}

function offsetMap({ encodeMetadata, decodeMetadata }: typeof CommitMetadata) {
  const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 })), { maxLength: 30 });
  const counts = fc.record(
    { failed: fc.nat(9), timedOut: fc.nat(9), interrupted: fc.nat(9) },
    { noNullPrototype: true },
  );
  const attempts = fc.array(fc.tuple(fc.nat(5_000), counts), { maxLength: 5 });
  const foreign = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => btoa(String.fromCharCode(...bytes))),
  );
  return fc.property(
    fc.nat(1e9),
    steps,
    attempts,
    fc.boolean(),
    foreign,
    fc.nat(200),
    (position, gaps, spent, clean, strange, at) => {
      let end = position;
      const completed = gaps.map(([gap, length]): [number, number] => {
        const from = end + gap;
        end = from + length;
        return [from, end];
      });
      const map = { completed, attempts: new Map(spent.map(([ahead, each]) => [position + ahead, each])), clean };
      const text = encodeMetadata(position, map);
      assert.deepEqual(decodeMetadata(position, text), map);
      // A changed one is refused, or says something that can be.
      const changed = text.slice(0, at) + strange + text.slice(at + 1);
      for (const each of [strange, changed]) {
        const read = decodeMetadata(position, each);
        let last = position;
        for (const [from, to] of read?.completed ?? []) {
          assert.ok(from >= last && to >= from && Number.isSafeInteger(to), `${from} to ${to} after ${last}`);
          last = to;
        }
        for (const offset of read?.attempts.keys() ?? []) assert.ok(Number.isSafeInteger(offset) && offset >= position);
      }
    },
  );
}

function configuration({ loadConfig, describeConfig }: typeof Load) {
  const directory = mkdtempSync(join(tmpdir(), 'atd-fuzz-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'settings.yaml');
  const keys = fc.constantFrom(
    'kafka',
    'topic',
    'sasl',
    'ssl',
    'clickhouse',
    'password',
    'port',
    'service',
    'retry',
    'thread_pool_size',
    '__proto__',
    'x',
  );
  const tree = fc.letrec((tie) => ({
    node: fc.oneof({ maxDepth: 3 }, fc.jsonValue({ maxDepth: 1 }), fc.dictionary(keys, tie('node'), { maxKeys: 4 })),
  })).node;
  const texts = fc.oneof(
    tree.map((value) => JSON.stringify(value)),
    fc.string({ unit: 'binary' }),
  );
  const variables = fc.dictionary(
    fc.constantFrom(
      'ATD_KAFKA_TOPIC',
      'ATD_THREAD_POOL_SIZE',
      'ATD_HTTP_PORT',
      'ATD_TENANTS_ALLOWED',
      'ATD_X',
      'ATD_AS_CLI_TIMEOUT',
    ),
    fc.string({ unit: 'binary', maxLength: 12 }),
  );
  const SECRET = 'geheim-§§§';
  return fc.property(texts, variables, (text, env) => {
    writeFileSync(file, text);
    try {
      const { config, warnings } = loadConfig({ file, env: { ...env, ATD_CLICKHOUSE_PASSWORD: SECRET }, args: {} });
      assert.ok(Object.isFrozen(config) && Object.isFrozen(config.kafka.ssl));
      const { thread_pool_size: size, kafka } = config;
      assert.ok(size === 'auto' || (Number(size) >= 1 && Number(size) <= 256));
      assert.ok(kafka.topic.length <= 249);
      assert.ok(!JSON.stringify([describeConfig(config), warnings]).includes(SECRET));
    } catch (error) {
      assert.ok(isAtdError(error) && error.code === 'ATD_CONFIG_INVALID', String(error));
      assert.ok(error.message.length > 10 && !error.message.includes(SECRET), error.message);
    }
  });
}

/** Cuts bytes into pieces at these places. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length));
}

const cuts = () => fc.array(fc.nat(5_000), { maxLength: 12 });

function launcherReplies({ ReplyReader }: typeof LauncherProtocol) {
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.constantFrom('0\0f\x007\x005\0/in/a', '2').map((text) => Buffer.from(text)),
  );
  const reply = fc.tuple(fc.constantFrom(...'RSFOEXLoe?'), payload).map(([kind, bytes]) => {
    const header = Buffer.alloc(5);
    header.write(kind, 'latin1');
    header.writeUInt32LE(bytes.length, 1);
    return Buffer.concat([header, bytes]);
  });
  const stream = fc.oneof(
    fc.array(reply, { maxLength: 6 }).map((all) => Buffer.concat(all)),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  );
  /** All that is told, with output joined, or up to what cannot be read. */
  const read = (parts: readonly Buffer[]): string => {
    const told: string[] = [];
    const outputs = { stdout: '', stderr: '' };
    const reader = new ReplyReader(
      (each) => told.push(JSON.stringify(each), JSON.stringify(outputs)),
      (which, chunk) => (outputs[which] += Buffer.from(chunk).toString('hex')),
    );
    try {
      for (const part of parts) reader.push(part);
    } catch (error) {
      assert.ok(error instanceof Error);
      told.push('cannot be read');
    }
    return [...told, JSON.stringify(outputs)].join('\n');
  };
  return fc.property(stream, cuts(), (bytes, at) => assert.equal(read(pieces(bytes, at)), read([bytes])));
}

function httpAnswers({ AnswerReader, NotHttpError }: typeof HttpAnswer) {
  const body = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
  const chunked = (text: string) => `${text.length.toString(16)};x=y\r\n${text}\r\n`;
  const whole = fc
    .tuple(fc.constantFrom(200, 404, 500), fc.array(body, { maxLength: 4 }), fc.constantFrom('length', 'chunks', 'end'))
    .map(([status, parts, how]) => {
      const text = parts.join('');
      const head = `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 ${status} Words\r\nX-ClickHouse-Query-Id: 7\r\n`;
      if (how === 'length') return { status, text, answer: `${head}Content-Length: ${text.length}\r\n\r\n${text}` };
      if (how === 'end') return { status, text, answer: `${head}\r\n${text}` };
      const chunks = parts.filter((part) => part !== '').map(chunked);
      return { status, text, answer: `${head}Transfer-Encoding: chunked\r\n\r\n${chunks.join('')}0\r\nX: y\r\n\r\n` };
    });
  const read = (parts: readonly Buffer[]) => {
    const told = { headers: [] as string[], body: '', status: 0, done: false, problem: false };
    const reader = new AnswerReader({
      header: (key, value) => told.headers.push(`${key}: ${value}`),
      body: (bytes) => (told.body += Buffer.from(bytes).toString('latin1')),
    });
    try {
      for (const part of parts) reader.push(part);
      reader.end();
    } catch (error) {
      assert.ok(error instanceof NotHttpError, String(error));
      told.problem = true;
    }
    return { ...told, status: reader.status, done: reader.done };
  };
  return fc.property(
    whole,
    cuts(),
    fc.nat(300),
    fc.string({ unit: 'binary', maxLength: 8 }),
    ({ status, text, answer }, at, place, strange) => {
      const right = read(pieces(Buffer.from(answer, 'latin1'), at));
      assert.deepEqual([right.status, right.body, right.done, right.problem], [status, text, true, false]);
      assert.ok(right.headers.includes('x-clickhouse-query-id: 7'));
      // Also what is damaged says the same in whatever pieces it comes, and does not pass for whole with less of it.
      const damaged = Buffer.from(answer.slice(0, place) + strange + answer.slice(place + 1), 'latin1');
      assert.deepEqual(read(pieces(damaged, at)), read([damaged]));
    },
  );
}

export const PROPERTIES: Properties = {
  'core/rules/decode.js': decoding,
  'core/rules/routing.js': routing,
  'core/rules/headers.js': heading,
  'core/rules/command.js': commanding,
  'core/offsets/commit-metadata.js': offsetMap,
  'config/load.js': configuration,
  'worker/launch/launcher-protocol.js': launcherReplies,
  'loader/clickhouse/http-answer.js': httpAnswers,
};
