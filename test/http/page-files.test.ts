/** The page as it is served: whole, from memory, and fenced in. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PAGE_PATHS, readPageFiles } from '../../lib/http/page-files.js';
import { startHttp } from '../../lib/http/server.js';
import { HANDLERS } from './handlers.js';

describe('the page', () => {
  it('is three files, with which a browser may do little', async (t) => {
    const options = { host: '127.0.0.1', port: 0, names: [], onWaiting: () => undefined };
    const http = await startHttp({ ...options, signal: AbortSignal.abort() }, HANDLERS);
    t.after(() => http.close());
    for (const path of PAGE_PATHS) {
      const response = await fetch(`${http.url}${path}`);
      assert.equal(response.status, 200, path);
      assert.match(response.headers.get('content-type') ?? '', /^text\/(html|css|javascript); charset=utf-8$/);
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
      assert.equal(response.headers.get('x-frame-options'), 'DENY');
      const policy = response.headers.get('content-security-policy') ?? '';
      assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; /);
      assert.match(policy, /frame-ancestors 'none'/);
      assert.ok(!/unsafe|\*|https?:/.test(policy), policy);
      assert.ok((await response.text()).length > 1_000, path);
    }
  });

  it('has no script and no style in its document, and the licence of what it brings along', () => {
    const files = readPageFiles();
    const text = (path: string) => files.get(path)?.body.toString() ?? '';
    assert.doesNotMatch(text('/'), /<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=|https?:/);
    assert.match(text('/page.js'), /Permission is hereby granted, free of charge/);
    assert.doesNotMatch(text('/page.js'), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(/);
  });
});
