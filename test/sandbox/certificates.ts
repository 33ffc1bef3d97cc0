/** Certificates for one test: an authority, and what it signs, made by openssl in a directory of the caller. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Why there can be none here; false where there can. */
export const whyNoCertificates =
  spawnSync('openssl', ['version']).status !== 0 && 'there is no openssl to make certificates with';

/** PEM files; the key is not encrypted. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Wish {
  /** `IP:127.0.0.1`, `DNS:localhost` …; for the address 127.0.0.1 where it is not said. */
  readonly altName?: string;
  /** How long it is valid from now on; one that has expired has a negative number. */
  readonly days?: number;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export class Authority {
  /** Its own certificate, which is to be trusted. */
  readonly file: string;
  readonly #key: string;
  readonly #directory: string;

  constructor(directory: string, name: string) {
    this.#directory = directory;
    this.file = join(directory, `${name}.pem`);
    this.#key = join(directory, `${name}.key`);
    openssl('req', '-x509', ...NEW_KEY, '-days', '2', '-subj', `/CN=${name}`, '-keyout', this.#key, '-out', this.file);
  }

  issue(name: string, { altName = 'IP:127.0.0.1', days = 2 }: Wish = {}): Certificate {
    const [key, request, cert] = ['key', 'csr', 'pem'].map((extension) =>
      join(this.#directory, `${name}.${extension}`),
    ) as [string, string, string];
    const more = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${altName}`];
    openssl('req', ...NEW_KEY, ...more, '-keyout', key, '-out', request);
    const by = ['-CA', this.file, '-CAkey', this.#key, '-CAcreateserial', '-copy_extensions', 'copy'];
    openssl('x509', '-req', '-in', request, ...by, '-days', String(days), '-out', cert);
    return { cert, key };
  }
}

/** One file with the key before its certificate, as Kafka reads it. */
export function keyStore({ cert, key }: Certificate): string {
  const store = cert.replace(/\.pem$/, '.store.pem');
  writeFileSync(store, readFileSync(key, 'utf8') + readFileSync(cert, 'utf8'));
  return store;
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
