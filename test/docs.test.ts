/** What operators read is checked against the lists that the code works by: settings, metrics, errors, dispositions. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { writeSampleFile } from '../lib/cli/sample-files.js';
import { loadConfig } from '../lib/config/load.js';
import { environmentName, listSettings, type Setting } from '../lib/config/schema.js';
import { DISPOSITIONS } from '../lib/core/events.js';
import { letterHeaders } from '../lib/core/rules/headers.js';
import { OUTCOMES, type OutcomeRule } from '../lib/core/rules/outcomes.js';
import { ERROR_CODES, ExitCode } from '../lib/errors.js';
import { parseSchemaFile } from '../lib/loader/clickhouse/columns.js';
import { CONNECTION_OPTIONS } from '../lib/loader/options/connection-options.js';
import { describeEffect } from '../lib/telemetry/log-lines.js';
import { METRICS } from '../lib/telemetry/metric-definitions.js';
import { OUTCOME_RESULTS } from '../lib/types.js';
import { nameOf, namesInSection, read, section, tableRows } from './support/documents.js';
import { PACKAGE_ROOT } from './support/package-root.js';

const settings = listSettings();

/** Dotted keys of a parsed YAML file, down to where the list of settings has one. */
function flatten(group: object, prefix = ''): [key: string, value: unknown][] {
  return Object.entries(group).flatMap(([name, value]): [string, unknown][] => {
    const key = `${prefix}${name}`;
    const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isGroup ? flatten(value, `${key}.`) : [[key, value]];
  });
}

/** Comments of the example file joined to one text, so that their line breaks do not matter. */
function commentsOf(yaml: string): string {
  return [...yaml.matchAll(/^\s*# (.*)$/gm)].map((match) => match[1]).join(' ');
}

function limitsOf({ min, max, choices }: Setting): string {
  if (choices !== undefined) return `one of ${choices.join(', ')}`;
  return min === undefined ? '' : `${min} to ${max}`;
}

describe('etc/atd-ingestion.yaml', () => {
  const yaml = read('etc/atd-ingestion.yaml');

  it('holds every setting with its default, in the order of the list, and nothing else', () => {
    assert.deepEqual(
      flatten(parseYaml(yaml)),
      settings.map(([key, setting]) => [key, setting.default]),
    );
  });

  it('explains every setting in the words of the list', () => {
    const comments = commentsOf(yaml);
    for (const [key, { doc, choices }] of settings) {
      assert.ok(comments.includes(doc), `${key}: ${doc}`);
      if (choices !== undefined) assert.ok(comments.includes(`One of ${choices.join(', ')}.`), `choices of ${key}`);
    }
  });

  it('changes nothing where it is loaded', () => {
    const file = join(PACKAGE_ROOT, 'etc/atd-ingestion.yaml');
    assert.deepEqual(loadConfig({ file, env: {}, args: {} }), loadConfig({ file: null, env: {}, args: {} }));
  });
});

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

describe('docs/configuration.md', () => {
  const rows = new Map(tableRows('docs/configuration.md').map((row) => [nameOf(row), row]));

  it('has a row for every setting and for nothing else', () => {
    assert.deepEqual([...rows.keys()].sort(), settings.map(([key]) => key).sort());
  });

  it('names the variables, the default, the meaning and the limits of every setting', () => {
    for (const [key, setting] of settings) {
      const cells = (rows.get(key) ?? []).map((cell) => cell.replaceAll('`', ''));
      const [, variables, value, meaning = ''] = cells;
      assert.equal(variables, [environmentName(key), setting.alias].filter((name) => name !== undefined).join(', '));
      if (value !== 'see the example file') assert.equal(value, JSON.stringify(setting.default), key);
      assert.ok(meaning.includes(setting.doc.replaceAll('`', '')), `${key}: ${meaning}`);
      assert.ok(meaning.includes(limitsOf(setting)), `${key} is ${limitsOf(setting)}, not: ${meaning}`);
    }
  });
});

describe('docs/metrics.md', () => {
  const text = read('docs/metrics.md');

  it('has a row with type, labels and meaning for every metric and for nothing else', () => {
    const rows = tableRows('docs/metrics.md').filter((row) => nameOf(row).startsWith('atd_'));
    const expected = Object.entries(METRICS).map(([name, { type, labels, help }]) => [
      `\`${name}\``,
      type,
      labels.map((label) => `\`${label}\``).join(', '),
      help,
    ]);
    assert.deepEqual(rows, expected);
  });

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
    const headers = letterHeaders({ ...letter, signal: null, stderrTail: '', firstFailedAt: 0 }, 'group');
    const text = section('docs/errors.md', 'Headers of a dead letter');
    for (const name of Object.keys(headers)) assert.ok(text.includes(`\`${name}\``), name);
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
      /^(service|config|loader|leftovers|kafka|partitions?|group|offsets|record|job|child|letter|commit|breaker|table|pool|drain)\./;
    const composed = [
      ...(['pause', 'resume'] as const).map((type) => describeEffect({ type, partitions: [] })),
      ...(['open', 'half-open'] as const).map((state) =>
        describeEffect({ type: 'breaker-changed', state, reason: '' }),
      ),
    ].map((line) => line?.event ?? '');
    const keys = new Set(settings.map(([key]) => key));
    const names = [...literals.filter((name) => nouns.test(name) && !keys.has(name)), ...composed];
    const rows = section('docs/operations.md', 'What the log says')
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .flatMap((line) => [...(line.split(' |', 1)[0] as string).matchAll(/`([^`]+)`/g)].map((match) => match[1]));
    assert.deepEqual(rows.sort(), [...new Set(names)].sort());
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
