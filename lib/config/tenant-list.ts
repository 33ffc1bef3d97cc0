/** What a file of tenants says: one name a line; `#` begins a comment. */
import { isTenantName, tenantNamed } from '../util/tenant-name.js';

/** @throws Error that names the first line that is no tenant, or says that there is none */
export function parseTenantList(text: string): ReadonlySet<string> {
  const tenants = new Set<string>();
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    const name = tenantNamed(line.replace(/#.*/s, ''));
    if (name === '') continue;
    if (!isTenantName(name)) {
      const shown = JSON.stringify(name.slice(0, 80));
      throw new Error(`line ${index + 1} (${shown}) is no tenant: 1 to 63 letters, digits and underscores`);
    }
    tenants.add(name);
  }
  // A file that is just being written looks so; and an empty list lets everybody in elsewhere.
  if (tenants.size === 0) throw new Error('it names no tenant');
  return tenants;
}
