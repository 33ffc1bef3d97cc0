/** `npm run docs`: writes the documents that come from the lists of settings, metrics and commands. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { read } from '../support/documents.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { GENERATED } from './generated.js';

for (const [path, generate] of Object.entries(GENERATED)) {
  const text = read(path);
  const current = generate(text);
  if (current !== text) writeFileSync(join(PACKAGE_ROOT, path), current);
  console.log(`${path} ${current === text ? 'is current' : 'was written'}`);
}
