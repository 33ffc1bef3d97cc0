import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type InputOnDisk,
  judgeInput,
  normaliseTenant,
  planJobs,
  type RoutingRules,
} from '../../../lib/core/rules/routing.js';
import type { IngestRequest, Job } from '../../../lib/types.js';
import { record } from '../../support/engine.js';

const RULES: RoutingRules = {
  tablePrefix: 'atd',
  defaultTable: 'atd_logs',
  allowedTenants: new Set(),
  tenantRequired: false,
};

function plan(request: Partial<IngestRequest>, rules: Partial<RoutingRules> = {}, headers = {}) {
  const whole = { files: ['/in/a'], tenant: null, format: null, size: null, ...request };
  return planJobs(record(7, {}, { partition: 3, timestamp: 99, headers }), whole, { ...RULES, ...rules });
}

function jobsOf(planned: ReturnType<typeof plan>): Job[] {
  assert.ok(Array.isArray(planned), JSON.stringify(planned));
  return planned;
}

describe('planJobs', () => {
  it('makes one job per file, with ids that are the same at every delivery', () => {
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const request = { files: ['/in/a', '/in/b'], tenant: ' ACME ', format: 'csv', size: 7 };
    const shared = {
      topic: 'files',
      partition: 3,
      offset: 7,
      tenant: 'acme',
      table: 'atd_acme',
      lane: 'backfill',
      format: 'csv',
      bytes: 4,
      timestamp: 99,
      traceparent,
      replay: null,
    };
    assert.deepEqual(plan(request, {}, { traceparent, lane: 'backfill' }), [
      { id: 'files/3/7/0', index: 0, file: '/in/a', ...shared },
      { id: 'files/3/7/1', index: 1, file: '/in/b', ...shared },
    ]);
  });

  it('sends files without a tenant to the default table', () => {
    for (const tenant of [null, '', '  ']) assert.equal(jobsOf(plan({ tenant }))[0]?.table, 'atd_logs');
  });

  it('lets no tenant have the table of those without one, or of the ledger', () => {
    const reservedTables = new Set(['atd_loads', 'atd_loads_current']);
    for (const tenant of ['logs', ' LOGS ', 'loads', 'loads_current']) {
      const refused = plan({ tenant }, { reservedTables });
      assert.ok(!Array.isArray(refused), tenant);
      assert.equal(refused.disposition, 'tenant-denied');
      assert.match(refused.reason, /atd_lo[a-z_]+, is another one's \(default_table, ledger\.table\)$/);
    }
    assert.equal(jobsOf(plan({ tenant: 'loads' }))[0]?.table, 'atd_loads');
  });

  it('gives a file without a size the weight of a mebibyte', () => {
    assert.equal(jobsOf(plan({}))[0]?.bytes, 1_048_576);
    assert.equal(jobsOf(plan({ size: 0 }))[0]?.bytes, 0);
  });

  it('refuses the whole message for one bad path, naming it', () => {
    const paths: readonly (readonly [path: string, objection: RegExp])[] = [
      ['in/a', /"in\/a": the path is not absolute$/],
      ['--file', /not absolute$/],
      ['~/a', /not absolute$/],
      ['/in/a\0b', /control character$/],
      ['/in/a\nb', /control character$/],
      ['/in/a\u007f', /control character$/],
      ['/in/a\u0085', /control character$/],
      [`/${'ü'.repeat(2_048)}`, /longer than 4096 bytes$/],
      [`/${'a'.repeat(4_095)}`, new RegExp(`^"/${'a'.repeat(199)}": the path is longer than 4096 bytes$`)],
    ];
    for (const [path, objection] of paths) {
      const planned = plan({ files: ['/in/good', path] });
      assert.ok(!Array.isArray(planned), path);
      assert.equal(planned.disposition, 'path-denied');
      assert.match(planned.reason, objection);
    }
  });

  it('takes any other character in a path', () => {
    for (const path of ['/in/a b', '/in/$(id)', "/in/'; rm", '/in/größe', '/in/../a', `/${'a'.repeat(4_094)}`]) {
      assert.equal(jobsOf(plan({ files: [path] }))[0]?.file, path);
    }
  });
});

describe('normaliseTenant', () => {
  it('trims and lower-cases, and takes letters, digits and underscores', () => {
    const tenants: readonly (readonly [raw: string, tenant: string])[] = [
      ['acme', 'acme'],
      [' Acme\n', 'acme'],
      ['0_9', '0_9'],
      ['a'.repeat(63), 'a'.repeat(63)],
    ];
    for (const [raw, tenant] of tenants) assert.equal(normaliseTenant(raw, new Set()), tenant);
  });

  it('refuses what could not be part of a table name', () => {
    for (const raw of ['_a', 'a-b', 'a.b', 'a b', 'größe', 'a;drop', 'a`', '../a', 'a'.repeat(64)]) {
      const refused = normaliseTenant(raw, new Set());
      assert.ok(refused !== null && typeof refused !== 'string', raw);
      assert.equal(refused.disposition, 'tenant-denied');
      assert.match(refused.reason, /is not made of 1 to 63 letters, digits and underscores$/);
    }
  });

  it('quotes the beginning of one that is long', () => {
    const refused = normaliseTenant(`x${'y'.repeat(100)}`, new Set());
    const quoted = `tenant "x${'y'.repeat(79)}" is not made of`;
    assert.ok(refused !== null && typeof refused !== 'string' && refused.reason.startsWith(quoted));
  });

  it('lets only allowed tenants in if there is a list, and always a message without one', () => {
    assert.equal(normaliseTenant('ACME', new Set(['acme', 'globex'])), 'acme');
    assert.equal(normaliseTenant(null, new Set(['acme'])), null);
    const refused = normaliseTenant('evil', new Set(['acme']));
    assert.deepEqual(refused, {
      kind: 'poison',
      disposition: 'tenant-denied',
      reason: 'tenant "evil" is not in tenants.allowed or tenants.allowed_file',
      unknownTenant: 'evil',
    });
  });
});

describe('judgeInput', () => {
  const CASES: readonly (readonly [what: string, found: InputOnDisk, roots: string[], result: string])[] = [
    ['a missing file', { kind: 'missing' }, [], 'file-missing'],
    ['a directory', { kind: 'other', what: 'a directory' }, [], 'path-denied'],
    ['a file where any may be', { kind: 'regular', realPath: '/x/a' }, [], 'ok'],
    ['a file under a root', { kind: 'regular', realPath: '/in/b/a' }, ['/out', '/in'], 'ok'],
    ['a file under a root that ends with a slash', { kind: 'regular', realPath: '/in/a' }, ['/in/'], 'ok'],
    ['a file anywhere under the root of all', { kind: 'regular', realPath: '/a' }, ['/'], 'ok'],
    ['a link that leads out', { kind: 'regular', realPath: '/etc/passwd' }, ['/in'], 'path-denied'],
    ['a sibling with the same beginning', { kind: 'regular', realPath: '/in2/a' }, ['/in'], 'path-denied'],
  ];
  for (const [what, found, roots, result] of CASES) {
    it(`judges ${what}: ${result}`, () => assert.equal(judgeInput('/in/a', found, roots).result, result));
  }

  it('says where a link leads', () => {
    const verdict = judgeInput('/in/a', { kind: 'regular', realPath: '/etc/passwd' }, ['/in']);
    assert.deepEqual(verdict, {
      result: 'path-denied',
      reason: '/in/a leads to /etc/passwd, outside ingest.allowed_roots; announce a file below one of them',
    });
  });
});

describe('a message without a tenant', () => {
  it('goes to the default table, also beside an allow-list, unless a tenant is required', () => {
    for (const rules of [{}, { allowedTenants: new Set(['acme']) }]) {
      assert.equal(jobsOf(plan({}, rules))[0]?.table, RULES.defaultTable);
    }
    assert.deepEqual(plan({}, { tenantRequired: true }), {
      kind: 'poison',
      disposition: 'tenant-denied',
      reason: 'the message names no tenant, and tenants.required asks for one',
    });
  });
});
