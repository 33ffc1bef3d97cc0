import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { findExecutable } from '../../lib/cli/executable.js';

let directory: string;
before(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'atd-executable-')));
  for (const name of ['first', 'second']) {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, 'loader'), '#!/bin/sh\n');
    chmodSync(join(directory, name, 'loader'), 0o755);
  }
  writeFileSync(join(directory, 'first', 'data'), '', { mode: 0o644 });
  mkdirSync(join(directory, 'first', 'folder'));
  mkdirSync(join(directory, 'second', 'data'));
  symlinkSync(join(directory, 'first', 'loader'), join(directory, 'second', 'link'));
  symlinkSync(join(directory, 'nowhere'), join(directory, 'second', 'broken'));
});
after(() => rmSync(directory, { recursive: true }));

function find(name: string, ...path: string[]): string | null {
  const found = findExecutable(name, path.map((part) => (part === '' ? '' : join(directory, part))).join(':'));
  return found === null ? null : relative(directory, found);
}

describe('findExecutable', () => {
  it('finds a name in the first directory of the path that has it', () => {
    assert.equal(find('loader', 'first', 'second'), 'first/loader');
    assert.equal(find('loader', 'second', 'first'), 'second/loader');
    assert.equal(find('loader', 'gone', '', 'second'), 'second/loader');
  });

  it('follows a link to an executable file', () => {
    assert.equal(find('link', 'first', 'second'), 'second/link');
  });

  it('takes no directory, no file that may not be executed, and no link to nowhere', () => {
    for (const name of ['data', 'folder', 'broken', 'gone']) assert.equal(find(name, 'first', 'second'), null, name);
  });

  it('looks for a name with a slash only where it leads', () => {
    const loader = join(directory, 'first/loader');
    assert.equal(findExecutable(loader, ''), loader);
    assert.equal(findExecutable(relative(process.cwd(), loader), join(directory, 'second')), loader);
    assert.equal(findExecutable(join(directory, 'first'), join(directory, 'second')), null);
    assert.equal(findExecutable('./loader', join(directory, 'first')), null);
  });

  it('finds nothing on an empty path', () => {
    assert.equal(findExecutable('no-such-loader', ''), null);
  });
});
