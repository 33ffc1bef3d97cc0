/** The commands that documents and the help name: each is parsed as the program parses it. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ALIASES, COMMANDS, wholeCall } from '../../lib/cli/commands.js';
import { parseOptions, renderOptions } from '../../lib/cli/options.js';
import { read } from '../support/documents.js';
import { PACKAGE_ROOT } from '../support/package-root.js';

/** Not the user, the unit or the image of that name: behind the name comes a command or an option. */
const CALL = /(?:^|[\s/'(])atd-ingestion (?!atd-ingestion )((?:[a-z][a-z-]*|--config)\b[^|;&>]*)$/;

/** Calls in code: lines of blocks, but those of JSON, where a call ends in a text, and text between backticks. */
function callsIn(text: string): string[] {
  const blocks = [...text.matchAll(/^```(?!json)[a-z]*\n(.*?)^```/gms)].flatMap(([, block = '']) =>
    block.replaceAll(/\\\n\s*/g, ' ').split('\n'),
  );
  const spans = [...text.replaceAll(/^```.*?^```/gms, '').matchAll(/`([^`]+)`/g)].map(([, span = '']) =>
    span.replaceAll('\n', ' '),
  );
  const parts = [...blocks, ...spans].flatMap((line) => line.replace(/\s+#.*$/, '').split(/ \| | && | > |;/));
  return parts.flatMap((part) => CALL.exec(part)?.[1] ?? []);
}

function words(call: string): string[] {
  return [...call.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain ?? '',
  );
}

/** @throws AtdError where the program would refuse it */
function parse(call: string): void {
  const [first = '', ...rest] = words(call.replaceAll(/[[\]…]/g, ''));
  const isNamed = !first.startsWith('-');
  const name = isNamed ? (ALIASES[first] ?? first) : 'run';
  const command = COMMANDS[name];
  assert.ok(command !== undefined, `there is no command ${name}: ${call}`);
  parseOptions(isNamed ? rest : [first, ...rest], command.options, command.positionals);
}

const DOCUMENTS = [
  'README.md',
  ...readdirSync(join(PACKAGE_ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

describe('commands in the documents', () => {
  for (const path of DOCUMENTS) {
    const calls = callsIn(read(path)).filter((call) => words(call)[0] !== 'COMMAND');
    if (calls.length === 0) continue;
    it(`are those of the program: ${path}`, () => {
      for (const call of calls) assert.doesNotThrow(() => parse(call), call);
    });
  }

  it('are found, and one that does not exist fails', () => {
    const text =
      '`atd-ingestion emit -t a b` and\n```sh\nsudo -u atd-ingestion atd-ingestion dlq list --since 1h  # why\nx | atd-ingestion nothing --y\n```\n';
    assert.deepEqual(callsIn(text), ['dlq list --since 1h', 'nothing --y', 'emit -t a b']);
    assert.throws(() => parse('nothing --y'), /there is no command nothing/);
    assert.throws(() => parse('dlq --sinc 1h'), /did you mean --since/);
  });

  it('answer the fifteen questions of docs/day-two.md, but for one that says so', () => {
    const rows = read('docs/day-two.md')
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .slice(1)
      .filter((line) => !/^\| -/.test(line));
    assert.equal(rows.length, 15);
    const withoutCall = rows.filter((row) => callsIn(row).length === 0 && !row.includes('`systemctl '));
    assert.deepEqual(
      withoutCall.map((row) => row.slice(2, 24)),
      ['Move to another Kafka.'],
    );
  });
});

describe('the help of each command', () => {
  for (const columns of [60, 120]) {
    it(`says of each option what it does within ${columns} columns`, () => {
      for (const { options } of Object.values(COMMANDS)) {
        const long = renderOptions(options, columns)
          .split('\n')
          .filter((line) => line.length > columns);
        assert.deepEqual(long, []);
      }
    });
  }

  for (const [name, { examples = [], summary }] of Object.entries(COMMANDS)) {
    it(`has examples that can be called: ${name}`, () => {
      assert.ok(summary.length > 10);
      for (const [call] of examples) {
        const full = wholeCall(call);
        const calls = callsIn(`\`${full}\``);
        assert.equal(calls.length, 1, full);
        parse(calls[0] as string);
      }
    });
  }
});
