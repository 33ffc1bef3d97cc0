/**
 * Whom a request may have asked for. A name that somebody else's DNS points here would let a page of theirs read what this
 * machine answers, as its browser takes it for theirs; no address and no name of our own can be pointed so.
 */
import { isIP } from 'node:net';

/** @param names that the service is known by, in lower case, beside localhost */
export function isOwnHost(host: string | undefined, names: readonly string[]): boolean {
  // HTTP/1.0 knows no Host; a browser always sends one.
  if (host === undefined) return true;
  const name = host.replace(/:\d*$/, '').toLowerCase();
  const bare = name.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  return isIP(bare) !== 0 || bare === 'localhost' || names.includes(bare);
}
