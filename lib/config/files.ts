/** Files that settings name: can they be read, and can they do what they are for? */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { accessSync, constants, readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { listSettings } from './schema.js';
import { parseTenantList } from './tenant-list.js';

/** What a file must be, beside readable. */
const CHECKS: Readonly<Record<string, (file: string) => void>> = {
  'kafka.ssl.ca_file': requireAuthorities,
  'kafka.ssl.cert_file': (file) => void createSecureContext({ cert: readFileSync(file) }),
  'kafka.ssl.key_file': requirePrivateKey,
  'tenants.allowed_file': (file) => void parseTenantList(readFileSync(file, 'utf8')),
};

/**
 * One complaint per file that is of no use. Secrets are read elsewhere.
 *
 * @param readSetting the value of a setting by its dotted key, valid or not
 */
export function checkFiles(readSetting: (key: string) => unknown): string[] {
  const complaints = listSettings().flatMap(([key, { readable }]) =>
    readable ? complain(key, readSetting(key), CHECKS[key] ?? (() => undefined)) : [],
  );
  const [certFile, keyFile] = [readSetting('kafka.ssl.cert_file'), readSetting('kafka.ssl.key_file')];
  if (complaints.length > 0 || typeof certFile !== 'string' || typeof keyFile !== 'string') return complaints;
  const certificate = new X509Certificate(readFileSync(certFile));
  if (certificate.checkPrivateKey(createPrivateKey(readFileSync(keyFile)))) return [];
  return [`kafka.ssl.key_file ${keyFile} is not the key of the certificate kafka.ssl.cert_file ${certFile}`];
}

function complain(key: string, file: unknown, check: (file: string) => void): string[] {
  // A value of another type is complained of as such.
  if (typeof file !== 'string') return [];
  try {
    requireReadable(file);
  } catch (error) {
    return [`${key} cannot be read: ${(error as Error).message}`];
  }
  try {
    check(file);
  } catch (error) {
    return [`${key} ${file} cannot be used: ${(error as Error).message}`];
  }
  return [];
}

function requireReadable(file: string): void {
  accessSync(file, constants.R_OK);
}

/** Node takes a file without any certificate for an empty list of authorities, which trusts nobody. */
function requireAuthorities(file: string): void {
  const text = readFileSync(file, 'latin1');
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new Error('it holds no certificate in PEM format');
  for (const [pem] of text.matchAll(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs))
    new X509Certificate(pem);
}

function requirePrivateKey(file: string): void {
  const pem = readFileSync(file, 'latin1');
  if (/ENCRYPTED/.test(pem))
    throw new Error('it is encrypted; write it without a passphrase, readable for this user only');
  createPrivateKey(pem);
}
