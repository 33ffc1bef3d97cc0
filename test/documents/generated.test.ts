/** The documents that `npm run docs` writes: they are current, and what they show can be used as it stands there. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { type LoadedConfig, loadConfig } from '../../lib/config/load.js';
import { HEADINGS, listSettings } from '../../lib/config/schema.js';
import { flag, texts, whole } from '../../lib/config/setting.js';
import { flatten, nameOf, read, tableRows } from '../support/documents.js';
import { exampleFile } from './example-file.js';
import { GENERATED } from './generated.js';
import { configurationPage, metricsPage } from './tables.js';

const settings = listSettings();

describe('The generated documents', () => {
  for (const [path, generate] of Object.entries(GENERATED)) {
    it(`are current: ${path}`, () => {
      const [is, shouldBe] = [read(path), generate(read(path))].map((text) => text.split('\n')) as [string[], string[]];
      const line = shouldBe.findIndex((text, index) => text !== is[index]);
      const where = `from line ${line + 1} on, which should be:\n${shouldBe[line]}\nand is:\n${is[line]}\n`;
      assert.ok(
        line === -1 && is.length === shouldBe.length,
        `${path} is not current: run \`npm run docs\` (${where})`,
      );
    });
  }

  it('have every setting in one table and nothing else in any', () => {
    assert.deepEqual(tableRows('docs/configuration.md').map(nameOf).sort(), settings.map(([key]) => key).sort());
  });
});

describe('etc/atd-ingestion.yaml', () => {
  const lines = read('etc/atd-ingestion.yaml').split('\n');
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'atd-docs-'));
  });
  after(() => rmSync(directory, { recursive: true }));

  /** A comment that is a value begins right after its `#`; the further items of a list belong to the line above. */
  const isValue = (line: string | undefined): boolean => /^ *#\S/.test(line ?? '');
  const isItem = (line: string | undefined): boolean => /^ *#- /.test(line ?? '');
  const uncomment = (line: string): string => line.replace('#', '');
  const starts = lines.flatMap((line, index) => (isValue(line) && !isItem(line) ? [index] : []));

  function load(yaml: string): unknown {
    const file = join(directory, 'atd-ingestion.yaml');
    writeFileSync(file, yaml);
    return withoutOrigins(loadConfig({ file, env: {}, args: {} }));
  }
  const defaults = withoutOrigins(loadConfig({ file: null, env: {}, args: {} }));

  it('sets nothing as it stands, so that a copy of it gets later defaults', () => {
    const yaml = lines.join('\n');
    assert.deepEqual(
      flatten(parseYaml(yaml)).filter(([, value]) => value !== null),
      [],
    );
    assert.deepEqual(load(yaml), defaults);
  });

  it('with every comment taken away holds every setting with its default, in the order of the list', () => {
    const yaml = lines.map((line) => (isValue(line) ? uncomment(line) : line)).join('\n');
    assert.deepEqual(
      flatten(parseYaml(yaml)),
      settings.map(([key, setting]) => [key, setting.default]),
    );
    assert.deepEqual(load(yaml), defaults);
  });

  it('takes each setting for itself, with no other line touched', () => {
    assert.equal(starts.length, settings.length);
    for (const [index, start] of starts.entries()) {
      let end = start + 1;
      while (isItem(lines[end])) end++;
      const yaml = lines.map((line, at) => (at >= start && at < end ? uncomment(line) : line)).join('\n');
      const [key, { default: value }] = settings[index] as (typeof settings)[number];
      const group = key.split('.').reduce<unknown>((inner, name) => (inner as never)?.[name], parseYaml(yaml));
      assert.deepEqual(group, value, key);
      assert.deepEqual(load(yaml), defaults, key);
    }
  });
});

/** Where a value was found differs, though it is the same. */
function withoutOrigins({ config, warnings }: LoadedConfig): object {
  return { config, warnings };
}

describe('exampleFile', () => {
  it('shows meaning, limits, variables and default of a setting below its heading', () => {
    const group = { ports: { first: whole(1, 1, 9, 'The first.'), on: flag(true, 'Whether.') } };
    const text = exampleFile(group, { ports: 'Ports.' });
    assert.equal(
      text.slice(text.indexOf('# ---')),
      `# --- Ports.
ports:
  # The first.
  # From 1 to 9. Variable: ATD_PORTS_FIRST.
  #first: 1

  # Whether.
  # Variable: ATD_PORTS_ON.
  #on: true
`,
    );
  });

  it('gives an item of a long list a line of its own, and quotes what YAML would read as something else', () => {
    const long = 'x'.repeat(60);
    const text = exampleFile({
      short: texts(['- a', 'no: b', '#'], 'Short.'),
      long: texts([long, `${long}: y`], 'Long.'),
    });
    assert.ok(text.includes('\n#short: ["- a", "no: b", "#"]\n'), text);
    assert.ok(text.endsWith(`\n#long:\n#- ${long}\n#- "${long}: y"\n`), text);
  });

  it('is refused for a group without a heading', () => {
    assert.throws(() => exampleFile({ new: { on: flag(true, 'On.') } }), /HEADINGS has no text for the group new$/);
  });

  it('has a place for every heading', () => {
    for (const [key, heading] of Object.entries(HEADINGS)) {
      assert.ok(
        settings.some(([name]) => name === key || name.startsWith(`${key}.`)),
        key,
      );
      assert.ok(read('etc/atd-ingestion.yaml').includes(`# --- ${heading}\n`) || key.includes('.'), key);
    }
  });
});

describe('configurationPage', () => {
  const page = read('docs/configuration.md');

  it('makes the tables anew and leaves the text around them as it is', () => {
    const withoutRows = (text: string) => text.replaceAll(/^\| `kafka.*\n/gm, '');
    const current = configurationPage(page);
    assert.notEqual(withoutRows(page), page);
    assert.equal(configurationPage(withoutRows(page)), current);
    const around = (text: string) => text.split('\n').filter((line) => !line.startsWith('|'));
    assert.deepEqual(around(current), around(page));
  });

  it('gives settings without a table a section at the end', () => {
    const without = configurationPage(page).replace(
      /<!-- settings: tenants\.\* -->[\s\S]*?<!-- end of settings -->\n/,
      '',
    );
    const [, section = ''] =
      configurationPage(without).split('\n## Tenants\n').slice(-1)[0]?.split('<!-- settings: ') ?? [];
    assert.match(
      section,
      /^tenants\.\* -->\n\n\| Key .*\n\| -.*\n(?:\| `tenants\.[a-z_]+` .*\n)+\n<!-- end of settings -->\n$/,
    );
  });
});

describe('metricsPage', () => {
  it('is refused without a place for the table', () => {
    assert.throws(() => metricsPage('# Metrics\n\n<!-- metrics -->\n'), /has no place for its table/);
  });
});
