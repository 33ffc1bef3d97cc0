/** The man page, by troff itself as far as this machine has it. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ALIASES, COMMANDS, type CommandDefinition, wholeCall } from '../../lib/cli/commands.js';
import { ERROR_CODES, ExitCode } from '../../lib/errors.js';
import { read, section } from '../support/documents.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { LEAST_COLUMNS, manPage } from './man-page.js';
import { brokenCommand, roff } from './roff.js';

const PATH = 'etc/man/atd-ingestion.1';
const skip = spawnSync('groff', ['--version']).status === 0 ? false : 'groff is not installed';

/** What troff makes of a page, and what it complains about. */
function format(page: string, columns = LEAST_COLUMNS, device = 'utf8'): { text: string; complaints: string } {
  const args = ['-man', '-ww', `-T${device}`, `-rLL=${columns}n`, '-P-cbou'];
  const { status, stdout, stderr } = spawnSync('groff', args, { input: page, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return { text: stdout, complaints: stderr };
}

/** With one blank between words, wherever the lines end. */
function flat(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}

/** The part of a formatted page below one heading of a command. */
function partOf(text: string, name: string): string {
  const names = [name, ...Object.keys(ALIASES).filter((alias) => ALIASES[alias] === name)].join(', ');
  const part = text.split(`\n   ${names}\n`)[1];
  assert.ok(part !== undefined, `the page has no ${names}`);
  return part.split(/\n {0,3}\S/, 1)[0] as string;
}

describe(PATH, () => {
  const page = read(PATH);

  it('is a page of section 1 with the usual parts, in their order, and ASCII', () => {
    const parts = [...page.matchAll(/^\.SH (.*)$/gm)].map(([, name]) => name);
    const end = ['EXIT STATUS', 'ENVIRONMENT', 'FILES', 'SEE ALSO'];
    assert.deepEqual(parts, ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'COMMANDS', ...end]);
    assert.match(page, /^\.TH ATD\\-INGESTION 1 /m);
    assert.match(page, /^atd\\-ingestion \\- \S/m);
    assert.match(page, /^[\n -~]+$/);
    assert.deepEqual(JSON.parse(read('package.json')).man, [PATH]);
  });

  it('has each command with its summary, options and examples', { skip }, () => {
    const { text } = format(page);
    for (const [name, { summary, options, examples = [] }] of Object.entries(COMMANDS)) {
      const part = flat(partOf(text, name)).replaceAll(' \\ ', ' ');
      const has = (what: string) => assert.ok(part.includes(flat(what.replaceAll('…', '...'))), `${name}: ${what}`);
      has(summary.slice(1));
      for (const [option, { short, value, help }] of Object.entries(options))
        has(`${short === undefined ? '' : `-${short}, `}--${option}${value === undefined ? '' : ` ${value}`} ${help}`);
      for (const [command, does] of examples) has(`${does.slice(1)}: ${wholeCall(command)}`);
    }
  });

  it('has the exit codes that the documents explain, and the error codes with theirs', { skip }, () => {
    const [, after = ''] = format(page).text.split('\nEXIT STATUS\n');
    const [part = ''] = after.split('\nENVIRONMENT\n');
    const documented = section('docs/errors.md', 'Exit codes of the service').matchAll(/^\| (\d+) *\|/gm);
    assert.deepEqual(
      [...part.matchAll(/^ {7}(\d+)\b/gm)].map(([, code]) => code),
      [...documented].map(([, code]) => code),
    );
    for (const code of ERROR_CODES) assert.ok(part.includes(code), code);
    assert.match(flat(part), new RegExp(` ${ExitCode.unreachable} [^()]*\\(ATD_UNREACHABLE\\)`));
  });

  for (const device of ['utf8', 'ascii']) {
    it(`is nothing that troff complains about, nor wider than ${LEAST_COLUMNS} columns (${device})`, { skip }, () => {
      const { text, complaints } = format(page, LEAST_COLUMNS, device);
      assert.equal(complaints, '');
      const wide = text.split('\n').filter((line) => line.length > LEAST_COLUMNS);
      assert.deepEqual(wide, []);
    });
  }

  it('is shown by man without a warning', (t) => {
    // Images of Debian have a script in its place, which says that there are no pages.
    const { stdout: version } = spawnSync('man', ['--version'], { encoding: 'utf8' });
    if (!/^man 2\./.test(version ?? '') || skip !== false) return t.skip('man-db is not installed');
    const env = { ...process.env, MANWIDTH: `${LEAST_COLUMNS}`, MANPAGER: 'cat', LC_ALL: 'C.UTF-8' };
    const args = ['--warnings', '--local-file', join(PACKAGE_ROOT, PATH)];
    const { status, stdout, stderr } = spawnSync('man', args, { env, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.equal(stderr, '');
    assert.match(stdout, /EXIT STATUS/);
  });

  it('shows commands that a shell takes as they are copied from there', { skip }, () => {
    const { text } = format(page);
    for (const [name, { examples = [] }] of Object.entries(COMMANDS)) {
      for (const [command] of examples) {
        const lines = brokenCommand(wholeCall(command), LEAST_COLUMNS - 11);
        const shown = lines.map((line) => `${' '.repeat(11)}${line}`).join('\n');
        assert.ok(`${partOf(text, name)}\n`.includes(`\n${shown}\n`), `${name}: ${shown}`);
      }
    }
  });
});

describe('manPage', () => {
  const STRANGE = ["'b .c", '.TP', 'a\\fBb\\(bu \\n(.x', '"q" and `r`', '--x - ^ ~', '\\', 'naïve → 日本'];

  it('prints what troff would take for its own as it is', { skip }, () => {
    for (const text of STRANGE) {
      const { text: printed, complaints } = format(
        manPage({
          [text]: {
            summary: text,
            usage: `atd-ingestion ${text}`,
            positionals: false,
            options: { x: { type: 'string', value: text, help: text } },
            examples: [[text, text]],
            execute: async () => ExitCode.ok,
          } satisfies CommandDefinition,
        }),
        100,
      );
      assert.equal(complaints, '', text);
      const [, after = ''] = printed.split('\nCOMMANDS\n');
      const [part = ''] = after.split('\nEXIT STATUS\n');
      const first = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
      const call = `atd-ingestion ${text}`;
      assert.equal(flat(part).trim(), `${text} ${call} ${first}. --x ${text} ${text} Examples: ${first}: ${call}`);
    }
  });

  it('has a hyphen nowhere that a shell would not take for a minus', () => {
    assert.equal(roff("--a 'b'"), '\\-\\-a \\(aqb\\(aq');
    assert.deepEqual(manPage().match(/^(?!\.\\").*(?<!\\)-/gm), null);
  });
});

describe('brokenCommand', () => {
  const words = (command: string) =>
    execFileSync('sh', ['-c', `set -f; printf '%s\\n' ${command}`], { encoding: 'utf8' });

  it('makes lines that fit, which a shell reads as the command', () => {
    const command = "atd-ingestion emit --tenant-from '/srv/a b/{tenant}/**' --file '*  *' -r /archive/2025 --wait";
    for (let characters = 30; characters < 100; characters++) {
      const lines = brokenCommand(command, characters);
      assert.ok(
        lines.every((line) => line.length <= characters || line.trim().split(' ').length <= 3),
        lines.join('\n'),
      );
      assert.equal(words(lines.join('\n')), words(command));
    }
    assert.deepEqual(brokenCommand(command, 100), [command]);
  });
});
