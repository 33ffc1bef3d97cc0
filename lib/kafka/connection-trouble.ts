/** Why a connection to a broker fails, for who can change that: which setting or certificate it is, and what to do. Decides only. */

export interface ConnectionSettings {
  readonly tls: boolean;
  /** Files; null where they are not set. */
  readonly ca: string | null;
  readonly cert: string | null;
  /** Whether it shows user and password. */
  readonly user: boolean;
}

const UNTRUSTED: ReadonlySet<string> = new Set(
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'].concat([
    ...['SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'CERT_SIGNATURE_FAILURE', 'CERT_UNTRUSTED'],
  ]),
);
const OUT_OF_TIME: ReadonlySet<string> = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);
/** What the other side of TLS says of the client's certificate, or of its absence; versions of OpenSSL begin it differently. */
const REFUSED =
  /^ERR_SSL_.*ALERT_(?:BAD_CERTIFICATE|CERTIFICATE_[A-Z]+|UNKNOWN_CA|UNSUPPORTED_CERTIFICATE|HANDSHAKE_FAILURE)$/;
const NO_TLS = /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|UNKNOWN_PROTOCOL|BAD_RECORD_TYPE)$/;

/** @param broker `host:port` */
export function explainError(
  { message, code = '' }: { readonly message: string; readonly code?: string | undefined },
  broker: string,
  settings: ConnectionSettings,
): string {
  if (UNTRUSTED.has(code)) {
    const authority = settings.ca === null ? 'is not set' : `is ${settings.ca}`;
    return `the certificate of ${broker} is not trusted (${code}): name the file of its authority by kafka.ssl.ca_file, which ${authority}`;
  }
  if (OUT_OF_TIME.has(code)) {
    return `the certificate of ${broker} does not hold now (${code}): renew it on the broker, or set this machine's clock`;
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const remedy = "give kafka.bootstrap_servers, and the broker's advertised.listeners, a name that it was made for";
    return `the certificate of ${broker} was made for another name (${message.trim()}): ${remedy}`;
  }
  if (REFUSED.test(code)) {
    const remedy =
      settings.cert === null
        ? 'set kafka.ssl.cert_file and kafka.ssl.key_file'
        : `have ${settings.cert} (kafka.ssl.cert_file) signed by an authority that the broker trusts, and renewed in time`;
    return `${broker} does not let this client in without a certificate that it trusts (${code}): ${remedy}`;
  }
  if (NO_TLS.test(code) || /before secure TLS connection/.test(message)) {
    return `${broker} ended the connection instead of speaking TLS: it is starting, or has another port for TLS (kafka.ssl.enabled is true)`;
  }
  return message.trim();
}

/** Of one that the broker has closed before it answered what it was asked. */
export function explainEnd(broker: string, { tls, cert, user }: ConnectionSettings): string {
  const wants = [
    ...(tls ? [] : ['TLS (kafka.ssl.enabled)']),
    ...(user ? [] : ['a user (kafka.sasl.mechanism)']),
    ...(tls && cert === null ? ['a client certificate (kafka.ssl.cert_file)'] : []),
  ];
  const why = wants.length === 0 ? '' : `, or expects ${wants.join(' or ')}`;
  return `${broker} closed the connection before it answered: it is starting or stopping${why}`;
}
