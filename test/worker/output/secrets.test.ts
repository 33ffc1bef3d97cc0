import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { maskOf, secretsOf } from '../../../lib/worker/output/secrets.js';

describe('the secrets of a command', () => {
  it('are the values of variables and options that are named so', () => {
    const env = {
      CLICKHOUSE_PASSWORD: 'from-env',
      AS_DB_PASSWORD: 'from-env',
      AS_VAULT_TOKEN: 'a-token',
      AS_API_KEY: 'a-key-of-one',
      PATH: '/usr/bin',
      ATD_DEDUP_TOKEN: 'files/0/5/0@1',
      AS_PASSWORD_FILE: '/run/secrets/password',
    };
    const args = ['ingest', 'records', '--db-password', 'from-argv', '--s3-secret=joined', '--file', '/a'];
    assert.deepEqual(secretsOf({ args, env }), ['from-env', 'a-token', 'a-key-of-one', 'from-argv', 'joined']);
  });

  it('are those of options by each way to write one, and of addresses', () => {
    const args = [
      '--api-key',
      'of-a-key',
      '--DB_PASSWORD=of-upper-case',
      '--db-passwd=of-short',
      '--url=http://u:of-url@db',
    ];
    assert.deepEqual(secretsOf({ args, env: {} }), ['of-a-key', 'of-upper-case', 'of-short', 'of-url']);
    assert.deepEqual(secretsOf({ args: ['--file', 's3://bucket/a:b@c', '--db-password-file=/a/b'], env: {} }), []);
  });

  it('are none that are too short to be told from other text', () => {
    assert.deepEqual(secretsOf({ args: ['--db-password'], env: { CLICKHOUSE_PASSWORD: 'abc' } }), []);
  });
});

describe('a mask', () => {
  const mask = maskOf(['p@ss "word"/1', 'other-secret']);

  for (const [what, text, masked] of [
    ['as it is', 'cannot log in with p@ss "word"/1', 'cannot log in with ***'],
    ['again and again', 'other-secretother-secret', '******'],
    ['in an address', 'http://u:p%40ss%20%22word%22%2F1@db:8123/', 'http://u:***@db:8123/'],
    ['in JSON', '{"password":"p@ss \\"word\\"/1"}', '{"password":"***"}'],
    ['at the beginning of a text that was cut', '-secret is wrong', '*** is wrong'],
    ['at the end of a text that was cut', 'the password is other-se', 'the password is ***'],
    ['not where there is none', 'no secret word here', 'no secret word here'],
  ] as const) {
    it(`finds a secret ${what}`, () => assert.equal(mask(text), masked));
  }

  it('finds a secret before another one that is a part of it', () => {
    assert.equal(maskOf(['abcd', 'abcdefgh'])('x abcdefgh y'), 'x *** y');
  });

  it('leaves text as it is where there is no secret', () => assert.equal(maskOf([])('abc'), 'abc'));
});
