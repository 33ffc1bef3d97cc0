/** The name of a load, the same wherever and however often its file is delivered. */
import { hash } from 'node:crypto';

const VARIANTS = '89ab';

/** A UUID made of token and generation, so that whoever knows these knows it. */
export function loadIdOf(token: string, generation: number): string {
  const hex = hash('sha256', `${generation}:${token}`);
  // Version 8 of RFC 9562: made by a rule of one's own.
  const variant = VARIANTS[Number.parseInt(hex[16] as string, 16) & 3] as string;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
