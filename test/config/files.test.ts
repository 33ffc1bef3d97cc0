import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { loadConfig } from '../../lib/config/load.js';
import { isAtdError } from '../../lib/errors.js';

let directory: string;
const path = (name: string): string => join(directory, name);

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
}

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'atd-tls-files-'));
  for (const name of ['a', 'b']) {
    const subject = ['-subj', `/CN=${name}`, '-days', '2', '-nodes'];
    openssl('req', '-x509', '-newkey', 'rsa:2048', ...subject, '-keyout', `${name}.key`, '-out', `${name}.pem`);
  }
  openssl('rsa', '-aes256', '-passout', 'pass:secret', '-in', 'a.key', '-out', 'locked.key');
  openssl('x509', '-in', 'a.pem', '-outform', 'DER', '-out', 'a.der');
  writeFileSync(path('empty.pem'), '');
  writeFileSync(path('broken.pem'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
});
after(() => rmSync(directory, { recursive: true }));

/** The complaints about these files of `kafka.ssl`, without the directory. */
function complaints(files: Readonly<Record<string, string>>, more: Readonly<Record<string, string>> = {}): string[] {
  const args = Object.fromEntries(Object.entries(files).map(([key, name]) => [`kafka.ssl.${key}`, path(name)]));
  try {
    loadConfig({ file: null, env: {}, args: { 'kafka.ssl.enabled': 'true', ...args, ...more } });
    return [];
  } catch (error) {
    assert.ok(isAtdError(error));
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim().replaceAll(`${directory}/`, ''));
  }
}

describe('the TLS files of the configuration', () => {
  it('are taken where they fit', () => {
    assert.deepEqual(complaints({ ca_file: 'a.pem', cert_file: 'a.pem', key_file: 'a.key' }), []);
    assert.deepEqual(complaints({ ca_file: 'a.pem' }), []);
  });

  it('are refused where the key is that of another certificate', () => {
    assert.deepEqual(complaints({ cert_file: 'a.pem', key_file: 'b.key' }), [
      'kafka.ssl.key_file b.key is not the key of the certificate kafka.ssl.cert_file a.pem',
    ]);
  });

  it('are refused one by one, with the setting and the file', () => {
    const cases: readonly (readonly [files: Readonly<Record<string, string>>, complaint: RegExp])[] = [
      [
        { cert_file: 'a.pem', key_file: 'locked.key' },
        /^kafka\.ssl\.key_file locked\.key cannot be used: it is encrypted/,
      ],
      [{ cert_file: 'a.pem', key_file: 'a.pem' }, /^kafka\.ssl\.key_file a\.pem cannot be used: /],
      [{ cert_file: 'a.key', key_file: 'a.key' }, /^kafka\.ssl\.cert_file a\.key cannot be used: /],
      [{ ca_file: 'a.der' }, /^kafka\.ssl\.ca_file a\.der cannot be used: it holds no certificate in PEM format$/],
      [{ ca_file: 'empty.pem' }, /^kafka\.ssl\.ca_file empty\.pem cannot be used: it holds no certificate/],
      [{ ca_file: 'broken.pem' }, /^kafka\.ssl\.ca_file broken\.pem cannot be used: /],
      [{ ca_file: 'gone.pem' }, /^kafka\.ssl\.ca_file cannot be read: ENOENT/],
      [{ cert_file: 'a.pem' }, /^kafka\.ssl\.cert_file is set, and kafka\.ssl\.key_file is not/],
      [{ key_file: 'a.key' }, /^kafka\.ssl\.key_file is set, and kafka\.ssl\.cert_file is not/],
    ];
    for (const [files, complaint] of cases) {
      const found = complaints(files);
      assert.equal(found.length, 1, found.join('\n'));
      assert.match(found[0] as string, complaint);
    }
  });

  it('are refused where TLS is not switched on: the connection would be plaintext', () => {
    assert.deepEqual(complaints({ ca_file: 'a.pem' }, { 'kafka.ssl.enabled': 'false' }), [
      'kafka.ssl.ca_file is set, and kafka.ssl.enabled is false: the connection would not be encrypted',
    ]);
  });
});
