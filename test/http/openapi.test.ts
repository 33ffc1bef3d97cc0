/** docs/openapi.yaml beside the server: what it names is there and answers as it says, and what is there it names. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { PAGE_PATHS } from '../../lib/http/page-files.js';
import { type HttpAdapter, startHttp } from '../../lib/http/server.js';
import { read } from '../support/documents.js';
import { HANDLERS } from './handlers.js';

interface Operation {
  readonly security?: readonly object[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly example?: object } } };
  readonly responses: Readonly<Record<string, { readonly $ref?: string; readonly content?: object }>>;
}

const { paths, components } = parse(read('docs/openapi.yaml')) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly responses: Readonly<Record<string, { readonly content: object }>> };
};
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const operations = Object.entries(paths).flatMap(([path, item]) =>
  METHODS.flatMap((method) => (item[method] === undefined ? [] : [{ path, method, operation: item[method] }])),
);

describe('docs/openapi.yaml', () => {
  let http: HttpAdapter;
  before(async () => {
    const options = { host: '127.0.0.1', port: 0, names: [], onWaiting: () => undefined };
    http = await startHttp({ ...options, signal: AbortSignal.abort() }, HANDLERS);
  });
  after(() => http.close());

  async function ask(path: string, method: string, headers: Readonly<Record<string, string>> = {}, body = '') {
    const request = httpRequest(`${http.url}${path.replace('{tenant}', 'acme')}`, {
      ...{ method: method.toUpperCase(), headers, agent: false },
    });
    request.end(body);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const { statusCode: status, headers: got } = response;
    response.destroy();
    return { status: String(status), type: (got['content-type'] ?? '').split(';')[0] as string };
  }

  it('says what each path answers, with the token and without', async () => {
    assert.ok(operations.length > 8, `${operations.length} operations`);
    for (const { path, method, operation } of operations) {
      const at = `${method} ${path}`;
      for (const headers of [{}, { Authorization: 'Bearer token' }]) {
        const example = operation.requestBody?.content['application/json'].example;
        const body = example === undefined ? '' : JSON.stringify(example);
        const { status, type } = await ask(path, method, headers, body);
        const said = operation.responses[status];
        assert.ok(said !== undefined, `${at} answers ${status}`);
        const name = said.$ref?.split('/').at(-1);
        const content = name === undefined ? said.content : components.responses[name]?.content;
        assert.ok(Object.hasOwn(content ?? {}, type), `${at} answers ${status} as ${type}`);
        const needsToken = operation.security !== undefined && headers.Authorization === undefined;
        assert.equal(status, needsToken ? '401' : '200', at);
      }
    }
  });

  it('names every method that a path has', async () => {
    for (const [path, item] of Object.entries(paths)) {
      for (const method of METHODS.filter((name) => item[name] === undefined)) {
        assert.equal((await ask(path, method, { Authorization: 'Bearer token' })).status, '405', `${method} ${path}`);
      }
    }
  });

  /** As the sources of the server write them: whole, or as a pattern with a name and an act in it. */
  function routes(): string[] {
    const sources = read('lib/http/server.ts') + read('lib/http/api.ts');
    const whole = [...sources.matchAll(/'(\/(?:api\/)?[a-z0-9/-]+)'/g)].map(([, path]) => path as string);
    const pattern = /\/\^(\\\/api.*)\\\/\(\[\^\/\]\+\)\\\/\(([a-z|]+)\)\$\//.exec(sources);
    const [, stem = '', acts = ''] = pattern ?? [];
    const named = [...sources.matchAll(/\/\^(\\\/api\S*)\\\/\(\[\^\/\]\+\)\$\//g)].map(
      ([, before = '']) => `${before.replaceAll('\\', '')}/{id}`,
    );
    const acted = acts.split('|').map((act) => `${stem.replaceAll('\\', '')}/{tenant}/${act}`);
    return [...whole, ...named, ...acted].filter((path) => !PAGE_PATHS.includes(path) && path !== '/api/v1/');
  }

  it('names every route of the server', () => {
    assert.deepEqual([...new Set(routes())].sort(), Object.keys(paths).sort());
  });
});
