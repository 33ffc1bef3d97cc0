import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LoadedColumn } from '../../../lib/loader/clickhouse/columns.js';
import { badData, badValue } from '../../../lib/loader/commands/bad-data.js';
import { FORMATS, type Format } from '../../../lib/loader/file/formats.js';

function format(name: string): Format {
  return FORMATS.find((one) => one.name === name) as Format;
}

const COLUMNS: readonly LoadedColumn[] = [
  { source: 'id', target: 'id', readAs: 'Int128', type: 'Int64', absent: 'refused' },
  { source: 'a.b', target: 'a_b', readAs: 'Nullable(String)', type: "DateTime('UTC')", absent: 'refused' },
  { source: 'half', target: 'half', readAs: 'Array(UInt8)', type: 'Float64', absent: 'refused' },
];

/** As ClickHouse reports on a row of CSV or TSV. */
function report(first: string, lines: readonly string[], reader = 'CSVRowInputFormat'): string {
  const before = 'Row 20:\nColumn 0,   name: id, type: Int128, parsed text: "19"\n';
  return `${first}: (at row 21)\n: \n${before}\nRow 21:\n${lines.join('\n')}\n\n: While executing ${reader}`;
}

const CASES: readonly (readonly [what: string, text: string, sentence: string | null])[] = [
  [
    'a value that is none of the type',
    report('Cannot parse input', ['Column 0,   name: id, type: Int128, ERROR: text "many,x,202" is not like Int128']),
    "row 21, column 'id': expected Int64, found 'many'",
  ],
  [
    'the same in TSV, where commas are part of the value',
    report(
      'Cannot parse input',
      ['Column 0,   name: id, type: Int128, ERROR: text "1,2<TAB>x<LINE FEED>" is not like Int128'],
      'TabSeparatedRowInputFormat',
    ),
    "row 21, column 'id': expected Int64, found '1,2'",
  ],
  [
    'a value that begins well',
    report('Expected end of line', [
      'Column 0,   name: id, type: Int128, parsed text: "20"',
      'ERROR: garbage after Int128: "x,1<LINE FEED>"',
    ]),
    "row 21, column 'id': expected Int64, found '20x'",
  ],
  [
    'a value that was read and then refused',
    report('Cannot read DateTime: unexpected word', [
      'Column 0,   name: id,  type: Int128, parsed text: "20"',
      'Column 1,   name: a.b, type: DateTime(\'UTC\'), parsed text: "<DOUBLE QUOTE>yesterday<DOUBLE QUOTE>"ERROR',
      'Code: 41. DB::Exception: Cannot read DateTime: unexpected word. (CANNOT_PARSE_DATETIME)',
    ]),
    "row 21, column 'a.b': expected DateTime('UTC'), found '\"yesterday\"' (Cannot read DateTime: unexpected word)",
  ],
  [
    'a value in quotes',
    report(`Cannot parse input: expected '"' before: 'many","y"\\n'`, [
      'Column 0,   name: id, type: Int128, parsed text: "<DOUBLE QUOTE>"ERROR',
      `Code: 27. DB::Exception: Cannot parse input: expected '"' before: 'many","y"\\n'. (CANNOT_PARSE)`,
    ]),
    "row 21, column 'id': expected Int64, found 'many'",
  ],
  [
    'a short row',
    report('Cannot parse input', [
      'Column 0,   name: id, type: Int128, parsed text: "20"',
      "ERROR: Line feed found where delimiter (,) is expected. It's like your file has less columns than expected.",
    ]),
    'row 21: it has fewer values than the header has names',
  ],
  [
    'a long row',
    report('Expected end of line', [
      'ERROR: There is no line feed. "m" found instead.',
      " It's like your file has more columns than expected.",
    ]),
    'row 21: it has more values than the header has names',
  ],
  [
    'a value of JSON',
    `Cannot parse input: expected '"' before: 'x"}\\n': (while reading the value of key id): (at row 7)\n: While`,
    "row 7, column 'id': expected Int64, found 'x'",
  ],
  [
    'a value of JSON that is not shown',
    'Cannot read DateTime: unexpected word: (while reading the value of key a.b): (at row 7)\n: While',
    "row 7, column 'a.b': expected DateTime('UTC') (Cannot read DateTime: unexpected word)",
  ],
  [
    'a field of JSON that the table does not have',
    'Unknown field found while parsing JSONEachRow format: New.Field: (at row 9)\n: While executing',
    "row 9: the table has no column for 'New.Field'",
  ],
  [
    'a broken line of JSON',
    "Cannot parse input: expected '{' before: 'garbage': (at row 3)\n: While",
    "row 3: Cannot parse input: expected '{' before: 'garbage'",
  ],
  [
    'text of a typed file that is not of the type',
    "Cannot parse string 'x' as Int64: syntax error: while converting source column id to destination column id: while",
    "column 'id': expected Int64, found 'x'",
  ],
  [
    'the same by a conversion of ours',
    "Cannot parse string 'x' as DateTime: error: while executing 'FUNCTION if(isNull(__table1.`a.b`) :: 0, NULL",
    "column 'a.b': expected DateTime('UTC'), found 'x'",
  ],
  [
    'a number out of range',
    "Value in column Int128 cannot be safely converted into type Int64: while executing 'FUNCTION accurateCast(__table1.id :: 0",
    "column 'id': a value is out of the range of Int64",
  ],
  [
    'a type that cannot become the other',
    'Illegal type Array(UInt8) of argument of function toFloat64: while converting source column half to destination column half',
    "column 'half': expected Float64, found Array(UInt8)",
  ],
  ['anything else', 'Memory limit exceeded', null],
];

for (const [what, text, sentence] of CASES) {
  test(`${what} is told in a sentence with its place`, () => assert.equal(badData(text, COLUMNS), sentence));
}

test('a value that a check of ours found comes with its place and what to do', () => {
  const bad = (index: number, row: number, value: string): string =>
    `Cannot parse string 'atd-bad-value ${index} ${row} ${value} atd-bad-value' as UInt8: syntax error at begin of string`;
  assert.deepEqual(badValue(bad(0, 7, '300'), COLUMNS, format('csv')), {
    place: "row 7, column 'id': expected Int64, found '300'",
    remedy: 'mend the file or the table',
    wider: null,
  });
  assert.equal(
    badValue(bad(0, 7, "it\\'s"), COLUMNS, format('csv'))?.place,
    "row 7, column 'id': expected Int64, found 'it's'",
  );
  assert.match(badValue(bad(0, 7, '1.5'), COLUMNS, format('csv'))?.remedy ?? '', /--allow-rounding/);
  assert.match(badValue(bad(0, 7, '\\\\N'), COLUMNS, format('csv'))?.place ?? '', /found no value$/);
  assert.match(
    badValue(bad(0, 7, '\\\\N'), COLUMNS, format('jsonl'))?.place ?? '',
    /no value \(the key is missing, or/,
  );
  assert.match(badValue(bad(0, 7, '\\\\N'), COLUMNS, format('csv'))?.remedy ?? '', /--null-as-default/);
  assert.match(badValue(bad(1, 7, '01/02/2024'), COLUMNS, format('csv'))?.remedy ?? '', /year-month-day/);
  assert.equal(badValue('Memory limit exceeded', COLUMNS, format('csv')), null);
});
