import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { checkRoots } from '../../lib/config/files.js';
import { loadConfig } from '../../lib/config/load.js';
import { listSettings } from '../../lib/config/schema.js';
import { isAtdError } from '../../lib/errors.js';
import { parseSchemaFile } from '../../lib/loader/clickhouse/columns.js';

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
  mkdirSync(path('folder'));
  execFileSync('mkfifo', [path('pipe')]);
  writeFileSync(path('broken.pem'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
});
after(() => rmSync(directory, { recursive: true }));

/** The complaints about these files of `kafka.ssl`, without the directory. */
function complaints(files: Readonly<Record<string, string>>, more: Readonly<Record<string, string>> = {}): string[] {
  const args = Object.fromEntries(Object.entries(files).map(([key, name]) => [`kafka.ssl.${key}`, path(name)]));
  return complaintsAbout({ 'kafka.ssl.enabled': 'true', ...args, ...more });
}

function complaintsAbout(args: Readonly<Record<string, string>>): string[] {
  try {
    loadConfig({ file: null, env: {}, args });
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
      [
        { ca_file: 'a.der' },
        /^kafka\.ssl\.ca_file a\.der cannot be used: it holds no certificate in PEM format; name a PEM file of certificates$/,
      ],
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

describe('a path in the configuration', () => {
  /** All that it takes for the setting to be used. */
  const BESIDE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'kafka.ssl': { 'kafka.ssl.enabled': 'true' },
    'kafka.sasl': { 'kafka.sasl.mechanism': 'plain', 'kafka.sasl.username': 'me' },
  };
  const filesOf = listSettings()
    .map(([key]) => key)
    .filter((key) => key.endsWith('_file'));

  it('is one of these, each of which is looked at', () => {
    assert.deepEqual(filesOf.sort(), [
      'clickhouse.password_file',
      'http.token_file',
      'kafka.sasl.password_file',
      'kafka.ssl.ca_file',
      'kafka.ssl.cert_file',
      'kafka.ssl.key_file',
      'log_file',
      'notify.webhook_file',
      'schema_file',
      'tenants.allowed_file',
    ]);
  });

  for (const key of filesOf) {
    for (const [what, file] of [
      ['a directory', () => path('folder')],
      ['a pipe', () => path('pipe')],
      ['a device', () => '/dev/null'],
    ] as const) {
      it(`is refused where it leads to ${what}: ${key}`, () => {
        const found = complaintsAbout({ ...BESIDE[key.replace(/\.[^.]*$/, '')], [key]: file() });
        const [complaint = ''] = found.filter((line) => line.startsWith(`${key} `));
        const name = file().replace(`${directory}/`, '');
        for (const part of [name, `it is ${what}`, '; name ']) assert.ok(complaint.includes(part), found.join('\n'));
      });
    }
  }

  const CONTENTS: readonly (readonly [key: string, contents: string, complaint: RegExp])[] = [
    ['schema_file', 'a: String', /it is no JSON; name a JSON file such as/],
    ['schema_file', '{"a": "String" "b"}', /it is no JSON \(at position 15.*\); name a JSON file such as/],
    ['schema_file', '', /it is no JSON; name a JSON file/],
    ['schema_file', '["a"]', /it is no JSON object of column name -> ClickHouse type; name/],
    ['schema_file', 'null', /it is no JSON object/],
    ['schema_file', '{}', /it names no column; name/],
    ['schema_file', '{"": "String"}', /a column of it has an empty name; name/],
    ['schema_file', '{"a": {"type": "String"}}', /its column "a" has no text as its type; name/],
    ['http.token_file', ' \n', /it is empty; name a file with one word/],
    ['http.token_file', 'two words', /it holds more than one word; name/],
    ['http.token_file', 'größe', /it holds characters that no header can carry; name/],
    ['tenants.allowed_file', '# none\n', /it names no tenant; name a text file with one tenant a line/],
  ];
  for (const [key, contents, complaint] of CONTENTS) {
    it(`is refused where it leads to ${JSON.stringify(contents)}: ${key}`, () => {
      writeFileSync(path('contents'), contents);
      const [found, ...more] = complaintsAbout({ [key]: path('contents') });
      assert.deepEqual(more, []);
      assert.match(found ?? '', complaint);
      assert.ok(found?.startsWith(`${key} contents cannot be used: `), found);
    });
  }

  it('is refused for a schema only where the loader would refuse it too', () => {
    for (const [key, contents] of CONTENTS) {
      if (key === 'schema_file') assert.equal(parseSchemaFile(contents).kind, 'invalid', contents);
    }
  });

  it('quotes nothing of a file, which may be that of a secret', () => {
    writeFileSync(path('secret'), 'hunter2');
    assert.doesNotMatch(complaintsAbout({ schema_file: path('secret') }).join(), /hunter/);
  });

  it('of the log is refused where no file can come to be', () => {
    assert.match(
      complaintsAbout({ log_file: path('a.pem/log') }).join(),
      /log_file .*: .*a\.pem is a file; name a file below/,
    );
    assert.match(complaintsAbout({ log_file: `${path('new')}/` }).join(), /it is a directory; name a file in it/);
    assert.deepEqual(complaintsAbout({ log_file: path('new/deep/log') }), []);
    assert.deepEqual(complaintsAbout({ log_file: path('a.pem') }), []);
  });

  it('of a root is refused where it leads to a file, and warned of where it leads nowhere', () => {
    assert.deepEqual(checkRoots([path('folder'), '/cert/none', path('a.pem')]), {
      complaints: [`ingest.allowed_roots has ${path('a.pem')}, which is a file: no file lies in it; name a directory`],
      warnings: ['ingest.allowed_roots has /cert/none, which is not there: no file below it is loaded before it is'],
    });
  });
});
