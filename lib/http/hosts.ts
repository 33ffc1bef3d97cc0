/**
 * Whom a request may have asked for, and for whose page. A name that somebody else's DNS points here would let a page of theirs
 * read what this machine answers, as its browser takes it for theirs; no address and no name of our own can be pointed so.
 */
import { isIP } from 'node:net';

export interface Refusal {
  readonly status: 403 | 421;
  readonly reason: string;
}

/** Why what the machine knows is not for this request, or null. @param names beside localhost, in lower case */
export function refusalOf(
  { host, origin }: { readonly host?: string | undefined; readonly origin?: string | undefined },
  names: readonly string[],
): Refusal | null {
  if (!isOwnHost(host, names)) {
    const remedy = 'ask for an address of the machine, or add the name to http.hosts';
    return { status: 421, reason: `${host} is not known here; ${remedy}` };
  }
  // A browser names the site whose page asks; programs name none.
  if (origin === undefined || origin === `http://${host}` || origin === `https://${host}`) return null;
  return { status: 403, reason: `a page of ${origin} may see and change nothing here` };
}

/** @param names that the service is known by, in lower case, beside localhost */
export function isOwnHost(host: string | undefined, names: readonly string[]): boolean {
  // HTTP/1.0 knows no Host; a browser always sends one.
  if (host === undefined) return true;
  const name = host.replace(/:\d*$/, '').toLowerCase();
  const bare = name.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  return isIP(bare) !== 0 || bare === 'localhost' || names.includes(bare);
}
