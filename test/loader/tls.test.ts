/** HTTPS: a TLS server before the ClickHouse of the sandbox, with certificates that the test makes. */
import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Authority, type Certificate, whyNoCertificates } from '../sandbox/certificates.js';
import { type Bench, type Ended, startBench } from './as-cli.js';
import { serveTls, type TlsFront } from './tls-front.js';

const skip = whyNoCertificates;

describe('as-cli over HTTPS', { skip }, () => {
  let bench: Bench;
  /** Before the ClickHouse: with a certificate that holds, and with one that has expired. */
  const servers: TlsFront[] = [];
  let port: number;
  let expiredPort: number;
  let file: string;

  async function serve(certificate: Certificate): Promise<number> {
    const server = await serveTls(bench.clickhouse, certificate);
    servers.push(server);
    return server.port;
  }

  before(async () => {
    bench = await startBench();
    file = await bench.write('a.csv', 'a,b\n1,x\n2,y\n');
    const directory = dirname(file);
    const authority = new Authority(directory, 'authority');
    new Authority(directory, 'stranger');
    port = await serve(authority.issue('server'));
    expiredPort = await serve(authority.issue('expired', { days: -1 }));
  });

  after(async () => {
    for (const server of servers) server.close();
    await bench?.stop();
  });

  function load(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return bench.load(file, 'over_tls', ['--create-table', ...args], { CLICKHOUSE_PORT: String(port), ...env });
  }

  it('loads where the authority is named, by the argument or by the variable', async () => {
    const byArgument = await load(['--db-secure', '--db-ca-file', bench.path('authority.pem')]);
    assert.deepEqual([byArgument.code, byArgument.stderr], [0, '']);
    const byVariable = await load([], { CLICKHOUSE_SECURE: 'true', CLICKHOUSE_CA_FILE: bench.path('authority.pem') });
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
    const ca = ['--db-secure', '--db-ca-file', bench.path('authority.pem')];
    const { code, stderr } = await load([...ca, '--db-host', 'localhost']);
    assert.equal(code, 78, stderr);
    assert.match(stderr, /not trusted \(ERR_TLS_CERT_ALTNAME_INVALID\); give the --db-host that it was made for/);
  });

  it('refuses a certificate that has expired, and says that it is to be renewed', async () => {
    const ca = ['--db-secure', '--db-ca-file', bench.path('authority.pem')];
    const { code, stdout, stderr } = await load(ca, { CLICKHOUSE_PORT: String(expiredPort) });
    assert.deepEqual([code, stdout], [78, ''], stderr);
    assert.match(
      stderr,
      /^as-cli: cannot read .*: its certificate is not trusted \(CERT_HAS_EXPIRED\); have it renewed/,
    );
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
