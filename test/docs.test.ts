/** What operators read is checked against the lists that the code works by: settings, metrics, errors, dispositions. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { writeSampleFile } from '../lib/cli/sample-files.js';
import { loadConfig } from '../lib/config/load.js';
import { environmentName, HEADINGS, listSettings } from '../lib/config/schema.js';
import { DISPOSITIONS } from '../lib/core/events.js';
import { LETTER_NOTES, letterDiagnosis } from '../lib/core/rules/headers.js';
import { OUTCOMES, type OutcomeRule } from '../lib/core/rules/outcomes.js';
import { ERROR_CODES, ExitCode } from '../lib/errors.js';
import { parseSchemaFile } from '../lib/loader/clickhouse/columns.js';
import { CONNECTION_OPTIONS } from '../lib/loader/options/connection-options.js';
import { describeEffect } from '../lib/telemetry/log-lines.js';
import { METRICS } from '../lib/telemetry/metric-definitions.js';
import { OUTCOME_RESULTS } from '../lib/types.js';
import { flatten, nameOf, namesInSection, read, section, tableRows } from './support/documents.js';
import { PACKAGE_ROOT } from './support/package-root.js';

const settings = listSettings();

describe('etc/atd-ingestion.docker.yaml', () => {
  const file = join(PACKAGE_ROOT, 'etc/atd-ingestion.docker.yaml');

  it('loads without a warning and can be reached from outside the container', () => {
    const { config, warnings } = loadConfig({ file, env: { ATD_CLICKHOUSE_PASSWORD: 'secret' }, args: {} });
    assert.deepEqual(warnings, []);
    assert.equal(config.http.host, '0.0.0.0');
    assert.equal(config.clickhouse.password, 'secret');
  });

  it('says only what differs from the defaults', () => {
    const defaults = new Map(settings.map(([key, setting]) => [key, setting.default]));
    for (const [key, value] of flatten(parseYaml(read('etc/atd-ingestion.docker.yaml')))) {
      assert.notDeepEqual(value, defaults.get(key), key);
    }
  });
});

it('The example schema has exactly the columns of the sample files.', () => {
  const directory = mkdtempSync(join(tmpdir(), 'atd-docs-'));
  try {
    const { file } = writeSampleFile({ directory, run: 'docs', index: 1, tenant: null, rows: 1 });
    const [header] = readFileSync(file, 'utf8').split('\n');
    const schema = parseSchemaFile(read('etc/example-schema.json'));
    assert.ok(schema.kind === 'columns');
    assert.deepEqual(
      schema.columns.map(({ name }) => name),
      header?.split(','),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});

describe('README.md', () => {
  const rows = section('README.md', 'Settings')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').slice(1, 3) as [string, string]);
  const defaults = new Map(settings.map(([key, setting]) => [key, setting.default]));

  /** The words for a default that the table may use. */
  function wordsFor(value: unknown): string[] {
    if (value === null) return ['', 'none'];
    if (Array.isArray(value)) return value.length === 0 ? ['all', 'none'] : [`[${value.join(', ')}]`];
    return typeof value === 'number' ? [String(value), `${value} s`] : [String(value)];
  }

  it('states the defaults of the settings that it names', () => {
    assert.ok(rows.length > 0);
    for (const [names, values] of rows) {
      // `.port` after `clickhouse.host` is short for `clickhouse.port`.
      let group = '';
      const keys = [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => {
        const key = name.startsWith('.') ? `${group}${name}` : name;
        group = key.slice(0, Math.max(key.lastIndexOf('.'), 0));
        return key;
      });
      const stated = values
        .replaceAll('`', '')
        .split(',')
        .map((value) => value.trim());
      for (const [index, key] of keys.entries()) {
        assert.ok(defaults.has(key), key);
        // One word may stand for all.
        const word = stated.length === 1 ? stated[0] : stated[index];
        assert.ok(wordsFor(defaults.get(key)).includes(word ?? ''), `${key}: ${values}`);
      }
      assert.ok(stated.length === 1 || stated.length === keys.length, values);
    }
  });
});

describe('docs/metrics.md', () => {
  const text = read('docs/metrics.md');

  it('names no metric that does not exist, and every label', () => {
    const known = new Set<string>(Object.keys(METRICS));
    for (const [name] of text.matchAll(/\batd_[a-z_]+\b/g)) {
      assert.ok(known.has(name.replace(/_(bucket|sum|count)$/, '')), name);
    }
    for (const label of Object.values(METRICS).flatMap(({ labels }) => labels)) {
      assert.match(section('docs/metrics.md', 'Labels'), new RegExp(`\`${label}\``));
    }
  });
});

describe('docs/errors.md', () => {
  it('has a row for every error code, disposition and outcome, and for nothing else', () => {
    const names = (heading: string) => namesInSection('docs/errors.md', heading).sort();
    assert.deepEqual(names('Error codes'), [...ERROR_CODES].sort());
    assert.deepEqual(names('Dispositions of dead letters'), [...DISPOSITIONS].sort());
    assert.deepEqual(names('Outcomes of an attempt'), [...OUTCOME_RESULTS].sort());
  });

  it('says of every outcome what the table of outcomes says', () => {
    const does: Readonly<Record<OutcomeRule['verdict'], RegExp>> = {
      complete: /^Done\.$/,
      retry: /(?:another attempt|^As `failed`)/i,
      repeat: /^Repeated /,
      'dead-letter': /^Dead letter at once\.$/,
      leave: /^Left uncommitted/,
    };
    const budgets = { failed: '`max_attempts`', timedOut: '`max_timeouts`' };
    const rows = new Map(tableRows('docs/errors.md', 'Outcomes of an attempt').map((row) => [nameOf(row), row]));
    for (const [result, { verdict, charge, breaker, mayBePermanent }] of Object.entries(OUTCOMES)) {
      const [, , action = '', counts, tells] = rows.get(result) ?? [];
      assert.match(action, does[verdict], result);
      assert.equal(counts, verdict === 'retry' && charge !== null ? budgets[charge] : '', result);
      assert.equal(tells, breaker, result);
      assert.equal(/permanent exit code/.test(action), mayBePermanent, result);
    }
  });

  it('explains every exit code of the service and of the loader', () => {
    const codes = (heading: string) =>
      [...section('docs/errors.md', heading).matchAll(/^\| (\d+) *\|/gm)].map((match) => Number(match[1]));
    const all = [...codes('Exit codes of the service'), ...codes('Exit codes of the bundled loader')];
    assert.deepEqual(
      [...new Set(all)].sort((a, b) => a - b),
      Object.values(ExitCode).sort((a, b) => a - b),
    );
  });

  it('names every header of a dead letter', () => {
    const record = { topic: 't', partition: 0, offset: 0, key: null, value: null, headers: {}, timestamp: 0 };
    const letter = { record, disposition: DISPOSITIONS[0], reason: '', files: [], attempts: 0, exitCode: null };
    const headers = letterDiagnosis({ ...letter, signal: null, stderrTail: '', firstFailedAt: 0 }, 'group');
    const text = section('docs/errors.md', 'Headers of a dead letter');
    for (const name of [...Object.keys(headers), ...LETTER_NOTES]) assert.ok(text.includes(`\`${name}\``), name);
  });
});

describe('docs/loader.md', () => {
  const text = section('docs/loader.md', 'Connection');

  it('names every option and variable of the connection', () => {
    for (const { name, help } of CONNECTION_OPTIONS) {
      assert.ok(text.includes(`\`--${name}\``), name);
      for (const [variable] of help.matchAll(/CLICKHOUSE_[A-Z_]+/g)) assert.ok(text.includes(variable), variable);
    }
  });

  it('has examples of every command', () => {
    for (const name of ['records', 'tenant', 'view'])
      assert.match(read('docs/loader.md'), new RegExp(`^as-cli ingest ${name} --`, 'm'));
  });
});

describe('The documents', () => {
  const documents = readdirSync(join(PACKAGE_ROOT, 'docs')).map((name) => `docs/${name}`);
  const sources = readdirSync(join(PACKAGE_ROOT, 'lib'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => read(join('lib', name)));

  it('name no variable and no code that does not exist', () => {
    const known = new Set([
      ...settings.map(([key]) => environmentName(key)),
      ...sources.flatMap((text) => text.match(/\bATD_[A-Z_]+\b/g) ?? []),
    ]);
    for (const path of [...documents, 'etc/atd-ingestion.yaml', 'etc/atd-ingestion.docker.yaml']) {
      for (const [name] of read(path).matchAll(/\bATD_[A-Z_]*[A-Z]\b/g)) assert.ok(known.has(name), `${path}: ${name}`);
    }
  });

  it('explain every event of the log and no other', () => {
    const literals = sources.flatMap((source) =>
      [...source.matchAll(/'([a-z]+\.[a-z]+)'/g)].map(([, name = '']) => name),
    );
    const nouns =
      /^(service|http|config|loader|leftovers|kafka|partitions?|group|offsets|record|job|child|letter|commit|breaker|table|tenants?|lane|aside|control|ledger|pool|drain|act|instance|systemd|log|prefork|notice)\./;
    const composed = [
      ...(['pause', 'resume'] as const).map((type) => describeEffect({ type, partitions: [] })),
      ...(['open', 'half-open'] as const).map((state) =>
        describeEffect({ type: 'breaker-changed', state, reason: '' }),
      ),
    ].map((line) => line?.event ?? '');
    const keys = new Set([...settings.map(([key]) => key), ...Object.keys(HEADINGS)]);
    const names = [...literals.filter((name) => nouns.test(name) && !keys.has(name)), ...composed];
    const rows = section('docs/operations.md', 'What the log says')
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .flatMap((line) => [...(line.split(' |', 1)[0] as string).matchAll(/`([^`]+)`/g)].map((match) => match[1]));
    assert.deepEqual(rows.sort(), [...new Set(names)].sort());
  });

  it('name no source file that does not exist', () => {
    for (const path of ['README.md', ...documents]) {
      for (const [file] of read(path).matchAll(
        /\b(?:lib|test|scripts|bin|etc|libexec)\/[a-z0-9./-]+\.(?:ts|mjs|py|pl|json)\b/g,
      )) {
        assert.ok(existsSync(join(PACKAGE_ROOT, file)), `${path}: ${file}`);
      }
    }
  });

  it('have no broken links to each other', () => {
    for (const path of documents) {
      for (const [, file = '', anchor = ''] of read(path).matchAll(/\]\(([a-z-]+\.md)?(?:#([a-z-]+))?\)/g)) {
        const target = read(file === '' ? path : join('docs', file));
        const anchors = [...target.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
          title
            .toLowerCase()
            .replace(/[^a-z0-9 -]/g, '')
            .replaceAll(' ', '-'),
        );
        if (anchor !== '') assert.ok(anchors.includes(anchor), `${path} -> ${file}#${anchor}`);
      }
    }
  });
});
