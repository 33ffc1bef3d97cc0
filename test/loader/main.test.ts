import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { RECORDS_OPTIONS } from '../../lib/loader/options/records-options.js';
import { TENANT_OPTIONS } from '../../lib/loader/options/tenant-options.js';
import { VIEW_OPTIONS } from '../../lib/loader/options/view-options.js';
import { quietPort } from '../sandbox/ports.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { asCli, type Ended, run } from './as-cli.js';

let directory: string;
let file: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'atd-main-'));
  file = join(directory, 'a.csv');
  await writeFile(file, 'a\n1\n');
});

after(async () => {
  await rm(directory, { recursive: true });
});

const OPTIONS = { records: RECORDS_OPTIONS, tenant: TENANT_OPTIONS, view: VIEW_OPTIONS };

test('each level of commands has help with an example', async () => {
  const levels = [[], ['ingest'], ...Object.keys(OPTIONS).map((command) => ['ingest', command])];
  for (const level of levels) {
    const { code, stdout, stderr } = await asCli([...level, '--help']);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.match(stdout, new RegExp(`^${['as-cli', ...level].join(' ')}: `));
    assert.match(stdout, /^Usage: as-cli ingest /m);
    assert.match(stdout, /^Examples?:\n.*as-cli ingest /m);
  }
});

test('the help of a command has every option', async () => {
  for (const [command, options] of Object.entries(OPTIONS)) {
    const { stdout } = await asCli(['ingest', command, '--help']);
    for (const { name } of options) assert.match(stdout, new RegExp(`^  --${name}\\b`, 'm'));
    assert.ok(
      stdout.split('\n').every((line) => line.length <= 120),
      stdout,
    );
  }
});

const MISUSES: readonly (readonly [args: readonly string[], line: RegExp])[] = [
  [[], /no command given; see as-cli --help/],
  [['ingest'], /no command given; see as-cli ingest --help/],
  [['ingset'], /unknown command 'ingset' \(did you mean 'ingest'\?\); see as-cli --help/],
  [['ingest', 'record'], /unknown command 'record' \(did you mean 'records'\?\)/],
  [['ingest', 'constructor'], /unknown command 'constructor'/],
  [['--verbose'], /unknown option '--verbose'/],
  [['--version', 'ingest'], /unknown option '--version'/],
  [['ingest', 'tenant', '--list-table'], /unknown option '--list-table' \(did you mean '--list-tables'\?\)/],
  [['ingest', 'view', '--table', 't'], /unknown option '--table'.*; see as-cli ingest view --help/],
  [['ingest', 'records', '--fiel', 'x'], /unknown option '--fiel' \(did you mean '--file'\?\)/],
];

test('it says which version it is', async () => {
  const { version } = JSON.parse(await readFile(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  assert.deepEqual(await asCli(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
});

test('a misuse is one line on stderr and exit code 64', async () => {
  for (const [args, line] of MISUSES) {
    const { code, stdout, stderr } = await asCli(args);
    assert.deepEqual({ code, stdout }, { code: 64, stdout: '' }, stderr);
    assert.match(stderr, /^as-cli: [^\n]+\n$/);
    assert.match(stderr, line);
  }
});

test('a misuse of the loader is there for every file, and its report says so', async () => {
  const { code, stdout } = await asCli(['ingest', 'records', '--json', '--fiel', 'x']);
  const report = JSON.parse(stdout) as Readonly<Record<string, unknown>>;
  assert.deepEqual([code, report['exitCode'], report['scope']], [64, 64, 'connection']);
});

async function load(port: number, env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const args = [
    'ingest',
    'records',
    '--file',
    file,
    '--table-name',
    't',
    '--db-host',
    '127.0.0.1',
    '--db-port',
    `${port}`,
  ];
  return await asCli([...args, '--db-password', 'geheim'], env);
}

async function withServer(onConnection: (socket: Socket) => void, use: (port: number) => Promise<void>): Promise<void> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await use((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}

test('a port where nobody listens is an unavailable ClickHouse', async () => {
  const port = await quietPort();
  const { code, stderr } = await load(port);
  assert.equal(code, 69, stderr);
  assert.match(
    stderr,
    new RegExp(`^as-cli: cannot read table default\\.t on 127\\.0\\.0\\.1:${port}: .*ECONNREFUSED.*; check`),
  );
  assert.ok(!stderr.includes('geheim'));
});

test('the native port is recognised by what it answers', async () => {
  const answer =
    'HTTP/1.0 400 Bad Request\r\n\r\nPort 9000 is for clickhouse-client program\r\nYou must use port 8123 for HTTP.\r\n';
  await withServer(
    (socket) => socket.once('data', () => socket.end(answer)),
    async (port) => {
      const { code, stderr } = await load(port);
      assert.equal(code, 78, stderr);
      assert.match(stderr, /this looks like the native port; use the HTTP port 8123/);
    },
  );
});

test('a gateway without a ClickHouse behind it and a closed connection are an unavailable ClickHouse', async () => {
  const page = '<html><h1>502 Bad Gateway</h1></html>';
  const answer = `HTTP/1.1 502 Bad Gateway\r\nContent-Length: ${page.length}\r\n\r\n${page}`;
  for (const text of [answer, '']) {
    await withServer(
      (socket) => socket.once('data', () => socket.end(text)),
      async (port) => {
        const { code, stderr } = await load(port);
        assert.equal(code, 69, stderr);
      },
    );
  }
});

/** Whether a request has come to its end, in however many pieces. */
function isWhole(request: string): boolean {
  const headers = request.indexOf('\r\n\r\n');
  if (headers < 0) return false;
  if (/^transfer-encoding: *chunked/im.test(request)) return request.endsWith('\r\n0\r\n\r\n');
  const [, length = '0'] = /^content-length: *(\d+)/im.exec(request) ?? [];
  return request.length >= headers + 4 + Number(length);
}

test('an insert that a proxy answers with an empty success is not taken for a load', async () => {
  const column = '{"name":"a","type":"String"}\n';
  const described = `HTTP/1.1 200 OK\r\nX-ClickHouse-Query-Id: q\r\nContent-Length: ${column.length}\r\n\r\n${column}`;
  const empty = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
  const answer = (socket: Socket): void => {
    let request = '';
    socket.on('data', (bytes) => {
      request += String(bytes);
      if (!isWhole(request)) return;
      socket.write(request.includes('INSERT') ? empty : described);
      request = '';
    });
  };
  await withServer(answer, async (port) => {
    const { code, stdout, stderr } = await load(port);
    assert.deepEqual({ code, stdout }, { code: 75, stdout: '' }, stderr);
    assert.match(
      stderr,
      /^as-cli: cannot load .*a\.csv into default\.t on 127\.0\.0\.1:\d+: it is not known whether the rows arrived: a proxy answered the insert, not ClickHouse: HTTP status 200; look at that proxy and try again: the same ATD_DEDUP_TOKEN adds no row twice\n$/,
    );
  });
});

test('a password that a server repeats is not printed', async () => {
  const body = 'Code: 516. DB::Exception: no such password: geheim. (AUTHENTICATION_FAILED)';
  const answer = `HTTP/1.1 403 Forbidden\r\nX-ClickHouse-Exception-Code: 516\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  await withServer(
    (socket) => socket.once('data', () => socket.end(answer)),
    async (port) => {
      const { code, stderr } = await load(port);
      assert.equal(code, 77, stderr);
      assert.match(stderr, /no such password: \*\*\*/);
    },
  );
});

test('a failure is reported as JSON too, where the report is wanted so, with whose it is', async () => {
  const answer = (code: number): string => {
    const body = `Code: ${code}. DB::Exception: no. (NO)`;
    return `HTTP/1.1 403 Forbidden\r\nX-ClickHouse-Exception-Code: ${code}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  };
  for (const [code, scope] of [
    [516, 'connection'],
    [497, 'table'],
  ] as const) {
    await withServer(
      (socket) => socket.once('data', () => socket.end(answer(code))),
      async (port) => {
        const { stdout, stderr } = await load(port, { ATD_OUTPUT: 'json' });
        const report = JSON.parse(stdout) as Readonly<Record<string, unknown>>;
        assert.deepEqual([report['exitCode'], report['scope']], [77, scope]);
        assert.equal(stderr, `as-cli: ${report['error']}\n`);
        assert.equal((await load(port)).stdout, '');
      },
    );
  }
});

const OUT_DIR = fileURLToPath(new URL('../..', import.meta.url));

test('the executable runs through a symbolic link', {
  skip: basename(OUT_DIR) !== 'dist' && 'it imports dist',
}, async () => {
  const link = join(directory, 'as-cli');
  await symlink(join(OUT_DIR, '..', 'bin', 'as-cli'), link);
  const { code, stdout, stderr } = await run(link, ['--help'], {});
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.match(stdout, /Usage/);
});
