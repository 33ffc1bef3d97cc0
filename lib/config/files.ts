/** Files and directories that settings name: are they there, and can they do what they are for? */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { accessSync, constants, readFileSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { requireSchema, requireToken } from './file-contents.js';
import { listSettings } from './schema.js';
import { parseTenantList } from './tenant-list.js';

interface Purpose {
  /** What the file is to be, for people. */
  readonly meant: string;
  /** @throws Error that says what was found instead */
  readonly check: (file: string) => void;
}

const PURPOSES: Readonly<Record<string, Purpose>> = {
  'kafka.ssl.ca_file': { meant: 'a PEM file of certificates', check: requireAuthorities },
  'kafka.ssl.cert_file': {
    meant: 'a PEM file of a certificate',
    check: (file) => void createSecureContext({ cert: readFileSync(file) }),
  },
  'kafka.ssl.key_file': { meant: 'a PEM file of a private key', check: requirePrivateKey },
  'tenants.allowed_file': {
    meant: 'a text file with one tenant a line',
    check: (file) => void parseTenantList(readFileSync(file, 'utf8')),
  },
  schema_file: {
    meant: 'a JSON file such as {"time": "DateTime", "text": "String"}',
    check: (file) => requireSchema(readFileSync(file, 'utf8')),
  },
  'http.token_file': {
    meant: 'a file with one word of printable ASCII characters',
    check: (file) => requireToken(readFileSync(file, 'latin1')),
  },
};

/**
 * One complaint per file that is of no use. Secrets are read elsewhere.
 *
 * @param readSetting the value of a setting by its dotted key, valid or not
 */
export function checkFiles(readSetting: (key: string) => unknown): string[] {
  const complaints = listSettings().flatMap(([key, { readable }]) =>
    readable ? complain(key, readSetting(key), PURPOSES[key] as Purpose) : [],
  );
  const all = [...complaints, ...checkLogFile(readSetting('log_file'))];
  const [certFile, keyFile] = [readSetting('kafka.ssl.cert_file'), readSetting('kafka.ssl.key_file')];
  if (complaints.length > 0 || typeof certFile !== 'string' || typeof keyFile !== 'string') return all;
  const certificate = new X509Certificate(readFileSync(certFile));
  if (certificate.checkPrivateKey(createPrivateKey(readFileSync(keyFile)))) return all;
  return [...all, `kafka.ssl.key_file ${keyFile} is not the key of the certificate kafka.ssl.cert_file ${certFile}`];
}

/** @throws Error that says what stands there instead of a file; to open a pipe would wait for who writes to it */
export function requireFile(file: string): void {
  const what = kindOf(statSync(file));
  if (what !== 'a file') throw new Error(`it is ${what}`);
}

function complain(key: string, file: unknown, { meant, check }: Purpose): string[] {
  // A value of another type is complained of as such.
  if (typeof file !== 'string') return [];
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    return [`${key} cannot be read: ${(error as Error).message}; correct the path, or let this user read it`];
  }
  try {
    requireFile(file);
    check(file);
  } catch (error) {
    return [`${key} ${file} cannot be used: ${(error as Error).message}; name ${meant}`];
  }
  return [];
}

/** Its directory is made where it is missing, so the nearest one that is there counts. */
function checkLogFile(file: unknown): string[] {
  if (typeof file !== 'string') return [];
  const stats = file.endsWith('/') ? null : statOf(file);
  const what = file.endsWith('/') ? 'a directory' : stats === null ? 'a file' : kindOf(stats);
  if (what === 'a directory') return [`log_file ${file} cannot be used: it is a directory; name a file in it`];
  if (what !== 'a file') {
    const remedy = 'name a file, which can be rotated, or none: the console gets the same lines';
    return [`log_file ${file} cannot be used: it is ${what}; ${remedy}`];
  }
  let nearest = dirname(resolve(file));
  let found = statOf(nearest);
  for (; found === null && nearest !== '/'; found = statOf(nearest)) nearest = dirname(nearest);
  if (found?.isDirectory() === false) {
    return [`log_file ${file} cannot be used: ${nearest} is ${kindOf(found)}; name a file below a directory`];
  }
  try {
    accessSync(nearest, constants.W_OK | constants.X_OK);
    if (stats !== null) accessSync(file, constants.W_OK);
  } catch (error) {
    return [`log_file ${file} cannot be written: ${(error as Error).message}; let this user write there`];
  }
  return [];
}

/**
 * For who asks whether the configuration is in order. The start does not ask: one of several disks may hang, and the files on
 * the others are to be loaded. A directory that is not there may still come, as a disk that is mounted later.
 */
export function checkRoots(roots: readonly string[]): { readonly complaints: string[]; readonly warnings: string[] } {
  const [complaints, warnings]: [string[], string[]] = [[], []];
  for (const root of roots) {
    const stats = statOf(root);
    const where = `ingest.allowed_roots has ${root}, which is`;
    if (stats === null) warnings.push(`${where} not there: no file below it is loaded before it is`);
    else if (!stats.isDirectory()) complaints.push(`${where} ${kindOf(stats)}: no file lies in it; name a directory`);
  }
  return { complaints, warnings };
}

/** Null where there is nothing, or nothing that this user may see. */
function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

function kindOf(stats: Stats): string {
  if (stats.isFile()) return 'a file';
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a pipe';
  return stats.isSocket() ? 'a socket' : 'a device';
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
