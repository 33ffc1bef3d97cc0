import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ApiHandlers, type ApiRequest, answerApi } from '../../lib/http/api.js';
import { isOwnHost, refusalOf } from '../../lib/http/hosts.js';
import type { Wish } from '../../lib/http/wishes.js';

const TOKEN = 'a-long-token';

interface Changed {
  readonly act: 'pause' | 'resume' | 'reload' | 'scale' | 'drain' | 'join' | 'replay' | 'discard';
  readonly tenant?: string | null;
  readonly wish: Wish & { readonly forMs?: number | null; readonly slots?: number; readonly wanted?: object };
}

function setUp(token: string | null | Error = TOKEN) {
  const changes: Changed[] = [];
  const handlers: ApiHandlers = {
    token: () => {
      if (token instanceof Error) throw token;
      return token;
    },
    tenants: () => ({ tenants: [] }),
    settings: () => ({ settings: [] }),
    loads: (query) => ({ status: 200, body: { query } }),
    load: (id) => ({ status: 404, body: { id } }),
    pause: async (tenant, wish) => {
      if (tenant === 'unlucky') throw new Error('the topic did not take the order');
      changes.push({ act: 'pause', tenant, wish });
      return { tenant, paused: true };
    },
    resume: async (tenant, wish) => {
      changes.push({ act: 'resume', tenant, wish });
      return { tenant, paused: false };
    },
    reload: async (wish) => {
      changes.push({ act: 'reload', wish });
      return { status: 422, body: { error: 'thread_pool_size must be a whole number' } };
    },
    scale: async (wish) => {
      changes.push({ act: 'scale', wish });
      return { status: 200, body: { slots: wish.slots } };
    },
    letters: (query) => ({ status: 200, body: { query } }),
    replay: async (wish) => {
      changes.push({ act: 'replay', wish });
      return { status: 200, body: {} };
    },
    discard: async (wish) => {
      changes.push({ act: 'discard', wish });
      return { status: 200, body: {} };
    },
    drain: (wish) => {
      changes.push({ act: 'drain', wish });
      return { status: 200, body: { state: 'draining' } };
    },
    join: (wish) => {
      changes.push({ act: 'join', wish });
      return { status: 200, body: { state: 'starting' } };
    },
  };
  const ask = async (request: Partial<ApiRequest>) => {
    const given = { method: 'POST', path: '/api/v1/tenants/acme/pause', headers: {}, body: '', ...request };
    const headers = { authorization: `Bearer ${TOKEN}`, host: 'localhost:9464', ...given.headers };
    return answerApi({ ...given, headers }, handlers);
  };
  return { changes, ask };
}

describe('what /api/v1 changes', () => {
  it('is a pause, with who wants it, why, and for how long', async () => {
    const { changes, ask } = setUp();
    const body = JSON.stringify({ by: 'maria', reason: 'their disk is full', seconds: 90.5 });
    assert.deepEqual(await ask({ body }), { status: 200, body: { tenant: 'acme', paused: true } });
    const wish = { by: 'maria', reason: 'their disk is full', forMs: 90_500 };
    assert.deepEqual(changes, [{ act: 'pause', tenant: 'acme', wish }]);
  });

  it('is a pause without a word, its end, and the messages without a tenant', async () => {
    const { changes, ask } = setUp();
    await ask({ path: '/api/v1/tenants/ACME/pause' });
    await ask({ path: '/api/v1/tenants/-/resume', body: '{}' });
    const wish = { by: '', reason: '', forMs: null };
    assert.deepEqual(changes, [
      { act: 'pause', tenant: 'acme', wish },
      { act: 'resume', tenant: null, wish },
    ]);
  });

  const REFUSED: readonly (readonly [what: string, request: Partial<ApiRequest>, status: number, error: RegExp])[] = [
    ['without a token', { headers: { authorization: undefined } }, 401, /token is missing/],
    ['with a wrong token', { headers: { authorization: 'Bearer another-one' } }, 401, /token is wrong/],
    ['with a wrong token of the same length', { headers: { authorization: 'Bearer a-long-tokem' } }, 401, /is wrong/],
    ['with the beginning of the token', { headers: { authorization: 'Bearer a-long' } }, 401, /is wrong/],
    ['by another scheme', { headers: { authorization: `Basic ${TOKEN}` } }, 401, /token is missing/],
    ['by GET', { method: 'GET' }, 405, /only POST/],
    ['by DELETE', { method: 'DELETE' }, 405, /only POST/],
    ['by POST where there is only something to read', { path: '/api/v1/tenants' }, 405, /only GET/],
    ['by POST where loads are read', { path: '/api/v1/loads' }, 405, /only GET/],
    ['by POST where one load is read', { path: '/api/v1/loads/x' }, 405, /only GET/],
    ['of no tenant', { path: '/api/v1/tenants/a%20b/pause' }, 400, /"a%20b" is no tenant/],
    ['of a path with dots', { path: '/api/v1/tenants/../pause' }, 400, /is no tenant/],
    ['that is not known', { path: '/api/v1/tenants/acme/drop' }, 404, /not here/],
    ['with a body that is no JSON', { body: '{' }, 400, /no JSON/],
    ['with a body that is a list', { body: '[]' }, 400, /no JSON object/],
    ['with a field that is not known', { body: '{"until":1}' }, 400, /"until" is not known/],
    ['for no time', { body: '{"seconds":0}' }, 400, /seconds must be/],
    ['for a time that is a text', { body: '{"seconds":"60"}' }, 400, /seconds must be/],
    ['with a reason without end', { body: JSON.stringify({ reason: 'x'.repeat(201) }) }, 400, /at most 200/],
    ['with a name that is none', { body: '{"by":{}}' }, 400, /by must be/],
  ];
  for (const [what, request, status, error] of REFUSED) {
    it(`is nothing ${what}`, async () => {
      const { changes, ask } = setUp();
      const answer = await ask(request);
      assert.equal(answer.status, status);
      assert.match((answer.body as { error: string }).error, error);
      assert.deepEqual(changes, []);
    });
  }

  it('is nothing where there is no token, or it cannot be read', async () => {
    for (const [token, status] of [
      [null, 403],
      [new Error('EACCES'), 500],
      ['', 401],
    ] as const) {
      const { changes, ask } = setUp(token);
      assert.equal((await ask({})).status, status);
      assert.equal((await ask({ headers: { authorization: 'Bearer ' } })).status, status);
      assert.deepEqual(changes, []);
    }
  });

  it('is a reload, and what became of it is the answer', async () => {
    const { changes, ask } = setUp();
    const answer = await ask({ path: '/api/v1/reload' });
    assert.deepEqual(answer, { status: 422, body: { error: 'thread_pool_size must be a whole number' } });
    assert.deepEqual(
      changes.map(({ act }) => act),
      ['reload'],
    );
  });

  it('is another number of slots, a drain of the instance and its end, each with who wants it and why', async () => {
    const { changes, ask } = setUp();
    const by = { by: 'maria', reason: 'a backlog' };
    const body = JSON.stringify(by);
    await ask({ path: '/api/v1/scale', body: JSON.stringify({ ...by, slots: 8 }) });
    await ask({ path: '/api/v1/drain', body });
    await ask({ path: '/api/v1/resume', body });
    await ask({ path: '/api/v1/reload', body });
    assert.deepEqual(changes, [
      { act: 'scale', wish: { ...by, slots: 8 } },
      { act: 'drain', wish: by },
      { act: 'join', wish: by },
      { act: 'reload', wish: by },
    ]);
  });

  it('is a replay or a discard of the letters that are named, or that a filter lets through', async () => {
    const { changes, ask } = setUp();
    const any = { letters: null, since: null, tenant: null, disposition: null, about: null, file: null };
    const path = '/api/v1/dead-letters/replay';
    await ask({ path, body: '{"letters":["3/1204","0/7"],"by":"jo","reason":"mended"}' });
    await ask({ path: '/api/v1/dead-letters/discard', body: '{"tenant":"","since":"2026-11-28T05:00:00Z"}' });
    assert.deepEqual(changes, [
      { act: 'replay', wish: { by: 'jo', reason: 'mended', wanted: { ...any, letters: ['3/1204', '0/7'] } } },
      {
        act: 'discard',
        wish: { by: '', reason: '', wanted: { ...any, since: Date.UTC(2026, 10, 28, 5), tenant: '' } },
      },
    ]);
    const wrong = [
      '',
      '{}',
      '{"tenant":null}',
      '{"letters":[]}',
      '{"letters":["x"]}',
      '{"letters":"3/1"}',
      '{"file":1}',
      '{"about":""}',
      '{"since":1}',
      '{"__proto__":{"file":"*"}}',
    ];
    for (const body of [...wrong, '{"since":"yesterday"}', '{"tenants":"acme"}']) {
      const answer = await ask({ path, body });
      assert.equal(answer.status, 400, `${body}: ${JSON.stringify(answer.body)}`);
    }
    assert.equal(changes.length, 2);
  });

  const ALL = [
    ...['reload', 'scale', 'drain', 'resume', 'tenants/acme/pause', 'tenants/acme/resume'],
    ...['dead-letters/replay', 'dead-letters/discard'],
  ];
  const NO_CHANGE: readonly (readonly [what: string, request: Partial<ApiRequest>, status: number])[] = [
    ['without a token', { headers: { authorization: undefined } }, 401],
    ['with a wrong token', { headers: { authorization: 'Bearer another-one' } }, 401],
    ['by GET', { method: 'GET' }, 405],
    ['by HEAD', { method: 'HEAD' }, 405],
    ['by PUT', { method: 'PUT' }, 405],
    ['with a body that is no object', { body: '[]' }, 400],
    ['with a field that is not known', { body: '{"slots":2,"force":true}' }, 400],
  ];
  for (const [what, request, status] of NO_CHANGE) {
    it(`is nothing ${what}, of whatever there is to change`, async () => {
      const { changes, ask } = setUp();
      const given = { body: '{"slots":2}', ...request };
      for (const path of ALL) assert.equal((await ask({ path: `/api/v1/${path}`, ...given })).status, status, path);
      assert.deepEqual(changes, []);
    });
  }

  it('is nothing by a path below, nor with a number of slots that is none', async () => {
    const { changes, ask } = setUp();
    for (const path of ALL) assert.equal((await ask({ path: `/api/v1/${path}/now` })).status, 404, path);
    for (const body of ['', '{}', '{"slots":"2"}', '{"slots":null}']) {
      assert.equal((await ask({ path: '/api/v1/scale', body })).status, 400, body);
    }
    assert.deepEqual(changes, []);
  });

  it('is said to have failed where the brokers did not take it', async () => {
    const { ask } = setUp();
    const { status, body } = await ask({ path: '/api/v1/tenants/unlucky/pause' });
    assert.deepEqual([status, body], [503, { error: 'the topic did not take the order' }]);
  });

  it('may be seen without a token', async () => {
    const { ask } = setUp(null);
    const request = { method: 'GET', path: '/api/v1/tenants', headers: { authorization: undefined } };
    assert.deepEqual(await ask(request), { status: 200, body: { tenants: [] } });
  });
});

describe('the hosts that are our own', () => {
  for (const [host, own] of [
    [undefined, true],
    ['127.0.0.1:9464', true],
    ['10.1.2.3', true],
    ['[::1]:9464', true],
    ['localhost', true],
    ['LOCALHOST:80', true],
    ['loader-1.', true],
    ['loader-1:9464', true],
    ['evil.example', false],
    ['localhost.evil.example', false],
    ['127.0.0.1.evil.example', false],
    ['127.0.0.1@evil.example', false],
    ['', false],
  ] as const) {
    it(`${own ? 'have' : 'do not have'} ${host ?? 'no name at all'}`, () => {
      assert.equal(isOwnHost(host, ['loader-1']), own);
    });
  }
});

describe('what is not for everybody', () => {
  const HOST = 'localhost:9464';

  it('is there for programs, and for pages of its own', () => {
    for (const origin of [undefined, `http://${HOST}`, `https://${HOST}`]) {
      assert.equal(refusalOf({ host: HOST, origin }, []), null);
    }
    assert.equal(refusalOf({}, []), null);
  });

  it('is not there for the page of another site, of another port or of nowhere', () => {
    for (const origin of ['http://evil.example', 'http://localhost', 'http://localhost:94640', 'file://', 'null', '']) {
      const refusal = refusalOf({ host: HOST, origin }, []);
      assert.equal(refusal?.status, 403, origin);
      assert.equal(refusal?.reason, `a page of ${origin} may see and change nothing here`);
    }
  });

  it('is not there under the name of another, whose page asks', () => {
    const refusal = refusalOf({ host: 'evil.example', origin: 'http://evil.example' }, ['loader-1']);
    assert.equal(refusal?.status, 421);
    assert.match(refusal?.reason ?? '', /^evil\.example is not known here; .*http\.hosts$/);
  });
});

describe('what /api/v1 shows of loads', () => {
  it('is asked for without a token, by a query, and one of them by its id', async () => {
    const { ask } = setUp(null);
    const get = { method: 'GET', headers: { authorization: undefined } };
    const all = await ask({ ...get, path: '/api/v1/loads', query: 'status=loaded&limit=2' });
    assert.deepEqual(all, { status: 200, body: { query: 'status=loaded&limit=2' } });
    assert.deepEqual((await ask({ ...get, path: '/api/v1/loads' })).body, { query: '' });
    const one = await ask({ ...get, path: '/api/v1/loads/ABC' });
    assert.deepEqual(one, { status: 404, body: { id: 'abc' } });
    assert.equal((await ask({ ...get, path: '/api/v1/loads/abc/def' })).status, 404);
  });
});
