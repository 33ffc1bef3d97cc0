/** What people who change the project read is true: links, paths, and the names of scripts and tasks. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { read } from './support/documents.js';
import { PACKAGE_ROOT } from './support/package-root.js';

const DOCUMENTS = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md'];
const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> };
const makefile = read('Makefile');
const tasks = [...makefile.matchAll(/^([a-z-]+):.*## \S/gm)].map(([, name = '']) => name);

/** The anchors of a document's headings, as GitHub makes them. */
function anchorsOf(path: string): string[] {
  return [...read(path).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  );
}

describe('README.md, CONTRIBUTING.md and SECURITY.md', () => {
  it('link to what is there', () => {
    for (const path of DOCUMENTS) {
      const links = [...read(path).matchAll(/\]\((?!https?:)([^)#]+)(?:#([^)]+))?\)/g)];
      assert.ok(links.length > 0, path);
      for (const [, target = '', anchor] of links) {
        assert.ok(existsSync(join(PACKAGE_ROOT, target)), `${path} -> ${target}`);
        if (anchor !== undefined) assert.ok(anchorsOf(target).includes(anchor), `${path} -> ${target}#${anchor}`);
      }
    }
  });

  it('name scripts of npm and tasks of make that exist', () => {
    for (const path of DOCUMENTS) {
      const text = read(path);
      for (const [, name = ''] of text.matchAll(/\bnpm run ([a-z:]+)/g))
        assert.ok(name in scripts, `${path}: npm run ${name}`);
      for (const [, name = ''] of text.matchAll(/`make ([a-z-]+)/g))
        assert.ok(tasks.includes(name), `${path}: make ${name}`);
    }
  });
});

describe('CONTRIBUTING.md', () => {
  it('names files that exist', () => {
    const text = read('CONTRIBUTING.md');
    const paths = [...text.matchAll(/(?<![\w/.-])(?:lib|test|docs|scripts)\/[\w./-]*\w/g)].map(([path]) => path);
    assert.ok(paths.length > 10);
    for (const path of paths) assert.ok(existsSync(join(PACKAGE_ROOT, path)), path);
  });
});

describe('Makefile', () => {
  it('lists each of its tasks, none of which is a file', () => {
    const phony = /^\.PHONY: (.*)$/m.exec(makefile)?.[1]?.split(' ') ?? [];
    const targets = [...makefile.matchAll(/^([a-z-]+):/gm)].map(([, name = '']) => name);
    assert.deepEqual(targets.sort(), [...phony].sort());
    assert.deepEqual(targets, [...tasks].sort());
  });

  it('calls scripts that exist', () => {
    for (const [, name = ''] of makefile.matchAll(/^\tnpm run ([a-z:]+)$/gm))
      assert.ok(name in scripts, `npm run ${name}`);
    for (const [, path = ''] of makefile.matchAll(/^\tnode (\S+)/gm))
      assert.ok(existsSync(join(PACKAGE_ROOT, path)), path);
  });
});
