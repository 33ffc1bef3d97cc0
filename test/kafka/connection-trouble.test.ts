import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ConnectionSettings, explainEnd, explainError } from '../../lib/kafka/connection-trouble.js';

const BROKER = 'kafka-1:9093';
const TLS: ConnectionSettings = { tls: true, ca: '/etc/ca.pem', cert: null, user: false };
const MTLS: ConnectionSettings = { ...TLS, cert: '/etc/client.pem' };
const CLEAR: ConnectionSettings = { tls: false, ca: null, cert: null, user: false };

describe('an error of a connection', () => {
  const REFUSED = /^kafka-1:9093 does not let this client in without a certificate that it trusts \(ERR_SSL_\S+\): /;
  for (const [code, settings, words] of [
    ['SELF_SIGNED_CERT_IN_CHAIN', TLS, /not trusted \(SELF.*kafka\.ssl\.ca_file, which is \/etc\/ca\.pem$/],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', { ...TLS, ca: null }, /kafka\.ssl\.ca_file, which is not set$/],
    ['CERT_HAS_EXPIRED', TLS, /does not hold now \(CERT_HAS_EXPIRED\): renew it on the broker/],
    ['CERT_NOT_YET_VALID', TLS, /does not hold now .*clock/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', TLS, /made for another name \(what it said\): give kafka\.bootstrap_servers/],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', TLS, REFUSED],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', TLS, /set kafka\.ssl\.cert_file and kafka\.ssl\.key_file$/],
    ['ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN', MTLS, /have \/etc\/client\.pem \(kafka\.ssl\.cert_file\) signed/],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', MTLS, REFUSED],
    ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', MTLS, /renewed in time$/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', TLS, /instead of speaking TLS.*kafka\.ssl\.enabled is true/],
  ] as const) {
    it(`names the side, the setting and the remedy: ${code}`, () => {
      const said = explainError({ message: 'what it said\n', code }, BROKER, settings);
      assert.match(said, words);
      assert.ok(said.includes(BROKER), said);
    });
  }

  it('keeps its own words where nothing better is known', () => {
    assert.equal(
      explainError({ message: 'connect ECONNREFUSED\n', code: 'ECONNREFUSED' }, BROKER, TLS),
      'connect ECONNREFUSED',
    );
    assert.equal(explainError({ message: 'what' }, BROKER, TLS), 'what');
    assert.equal(explainError({ message: 'x', code: 'ERR_SSL_SSLV3_ALERT_DECODE_ERROR' }, BROKER, TLS), 'x');
  });

  it('has no code of its own where TLS was cut off', () => {
    const message = 'Client network socket disconnected before secure TLS connection was established';
    assert.match(
      explainError({ message, code: 'ECONNRESET' }, BROKER, TLS),
      /^kafka-1:9093 ended the connection instead/,
    );
  });
});

describe('an end without an answer', () => {
  it('names what the broker may have waited for', () => {
    const begin = 'kafka-1:9093 closed the connection before it answered: it is starting or stopping';
    for (const [settings, rest] of [
      [CLEAR, ', or expects TLS (kafka.ssl.enabled) or a user (kafka.sasl.mechanism)'],
      [{ ...CLEAR, user: true }, ', or expects TLS (kafka.ssl.enabled)'],
      [TLS, ', or expects a user (kafka.sasl.mechanism) or a client certificate (kafka.ssl.cert_file)'],
      [MTLS, ', or expects a user (kafka.sasl.mechanism)'],
      [{ ...MTLS, user: true }, ''],
    ] as const) {
      assert.equal(explainEnd(BROKER, settings), begin + rest);
    }
  });
});
