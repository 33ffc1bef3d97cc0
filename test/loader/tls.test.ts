/** HTTPS: a TLS server before the ClickHouse of the sandbox, with certificates that the test makes. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createServer, type Server } from 'node:tls';
import { type Bench, type Ended, startBench } from './as-cli.js';

const skip = spawnSync('openssl', ['version']).status !== 0 && 'there is no openssl to make certificates with';

describe('as-cli over HTTPS', { skip }, () => {
  let bench: Bench;
  let server: Server;
  let port: number;
  let file: string;

  /** A certificate that is its own authority, for the address 127.0.0.1 alone. */
  function certificate(name: string): { readonly key: Buffer; readonly cert: Buffer } {
    const key = bench.path(`${name}.key`);
    const cert = bench.path(`${name}.pem`);
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
        ...['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
      ],
      { stdio: 'ignore' },
    );
    return { key: readFileSync(key), cert: readFileSync(cert) };
  }

  before(async () => {
    bench = await startBench();
    file = await bench.write('a.csv', 'a,b\n1,x\n2,y\n');
    certificate('stranger');
    server = createServer(certificate('server'), (socket) => {
      const onward = connect(bench.clickhouse.port, bench.clickhouse.host);
      socket.on('error', () => onward.destroy());
      onward.on('error', () => socket.destroy());
      socket.pipe(onward).pipe(socket);
    });
    // A client that does not trust the certificate ends the handshake.
    server.on('tlsClientError', () => undefined);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });

  after(async () => {
    server?.close();
    await bench?.stop();
  });

  function load(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return bench.load(file, 'over_tls', ['--create-table', ...args], { CLICKHOUSE_PORT: String(port), ...env });
  }

  it('loads where the authority is named, by the argument or by the variable', async () => {
    const byArgument = await load(['--db-secure', '--db-ca-file', bench.path('server.pem')]);
    assert.deepEqual([byArgument.code, byArgument.stderr], [0, '']);
    const byVariable = await load([], { CLICKHOUSE_SECURE: 'true', CLICKHOUSE_CA_FILE: bench.path('server.pem') });
    assert.deepEqual([byVariable.code, byVariable.stderr], [0, '']);
    assert.deepEqual(await bench.rows('SELECT count() AS n FROM over_tls'), [{ n: 4 }]);
  });

  it('refuses a certificate of an authority that it does not know, whatever the environment asks for', async () => {
    for (const ca of [[], ['--db-ca-file', bench.path('stranger.pem')]]) {
      const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' };
      const { code, stdout, stderr } = await load(['--db-secure', ...ca], env);
      assert.deepEqual([code, stdout], [78, ''], stderr);
      assert.match(
        stderr,
        /^as-cli: cannot read .*: its certificate is not trusted \(\w+\); name its authority by --db-ca/,
      );
    }
  });

  it('refuses a certificate of another host', async () => {
    const ca = ['--db-secure', '--db-ca-file', bench.path('server.pem')];
    const { code, stderr } = await load([...ca, '--db-host', 'localhost']);
    assert.equal(code, 78, stderr);
    assert.match(stderr, /not trusted \(ERR_TLS_CERT_ALTNAME_INVALID\); give the --db-host that it was made for/);
  });

  it('says so where one side speaks TLS and the other does not', async () => {
    const clear = await load([]);
    // Node's server closes without an alert, which is no proof of TLS.
    assert.equal(clear.code, 69, clear.stderr);
    assert.match(clear.stderr, /the connection was closed .*; check .* whether it wants --db-secure/);
    const secure = await bench.load(file, 'over_tls', ['--db-secure']);
    assert.equal(secure.code, 78, secure.stderr);
    assert.match(secure.stderr, /it does not speak TLS on this port.*; leave out --db-secure/);
  });
});
